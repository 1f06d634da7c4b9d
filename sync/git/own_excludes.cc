#include "sync/git/own_excludes.h"

#include <string_view>

#include "journal/base/try.h"
#include "journal/os/whole_file.h"

namespace syncline {
namespace {

constexpr std::string_view kExcludeFile = "info/exclude";

}  // namespace

Status write_own_excludes(Directory& common_dir, std::span<const std::string> patterns) {
  Result<std::string> old = read_file(common_dir, kExcludeFile);
  if (!old && old.error().code == Code::kUnsafePath) return {};
  if (!old && old.error().code != Code::kNotFound) return std::move(old).error();
  std::string text = old ? std::move(*old) : std::string{};
  const size_t before = text.size();
  for (const std::string& pattern : patterns) {
    const std::string line = pattern + "\n";
    if (text.starts_with(line) || text.find("\n" + line) != std::string::npos) continue;
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += line;
  }
  if (text.size() == before) return {};
  TRY(common_dir.make_directories("info"));
  TRY(remove_temporaries(common_dir, kExcludeFile));
  TRY(replace_file(common_dir, kExcludeFile, as_bytes(text)));
  return common_dir.sync_directory(".");
}

}  // namespace syncline
