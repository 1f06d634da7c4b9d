#include "sync/git/own_excludes.h"

#include "sync/git/info_file.h"

namespace syncline {

Status write_own_excludes(Directory& common_dir, std::span<const std::string> patterns) {
  return change_info_file(common_dir, "info/exclude", [&](std::string& text) {
    for (const std::string& pattern : patterns) {
      const std::string line = pattern + "\n";
      if (text.starts_with(line) || text.find("\n" + line) != std::string::npos) continue;
      append_line(text, pattern);
    }
  });
}

}  // namespace syncline
