#include "sync/git/info_file.h"

#include "journal/base/try.h"
#include "journal/os/whole_file.h"

namespace syncline {

Result<std::optional<std::string>> read_info_file(Directory& common_dir, std::string_view name) {
  Result<std::string> text = read_file(common_dir, name);
  if (text) return std::optional(std::move(*text));
  if (text.error().code == Code::kNotFound) return std::optional(std::string());
  if (text.error().code == Code::kUnsafePath) return std::optional<std::string>();
  return std::move(text).error();
}

Status change_info_file(Directory& common_dir, std::string_view name,
                        const std::function<void(std::string& text)>& change) {
  TRY_ASSIGN(std::optional<std::string> text, read_info_file(common_dir, name));
  if (!text) return {};
  const std::string before = *text;
  change(*text);
  if (*text == before) return {};
  TRY(common_dir.make_directories("info"));
  TRY(remove_temporaries(common_dir, name));
  TRY(replace_file(common_dir, name, as_bytes(*text)));
  return common_dir.sync_directory(".");
}

void append_line(std::string& text, std::string_view line) {
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  text += line;
  text += '\n';
}

}  // namespace syncline
