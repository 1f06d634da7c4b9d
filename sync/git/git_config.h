// Reads a repository's own configuration file, for the few values needed before (or without)
// loading libgit2. Includes and the user's global files are not followed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace syncline {

class GitConfig {
 public:
  // Lines that do not parse are passed over: git itself, asked later, says what is wrong with them.
  static GitConfig parse(std::string_view text);

  // "core.bare", "remote.origin.url": section and name in any case, subsection as written. The last
  // value holds, as in git.
  std::optional<std::string> get(std::string_view key) const;
  bool get_bool(std::string_view key, bool otherwise) const;
  // Does it name other files to be read with it, at once or on a condition?
  bool has_includes() const;
  // Every key of a section without subsections, lower case ("extensions" → "objectformat", …).
  std::map<std::string, std::string> section(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace syncline
