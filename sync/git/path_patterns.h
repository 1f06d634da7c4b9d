// A list of patterns as gitignore(5) has them; a sparse checkout says by such a list what it holds.
//
// Pure. Threading: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

class PathPatterns {
 public:
  static PathPatterns parse(std::string_view text);

  // What the last pattern that matches the path itself says: false where it begins with "!".
  // Nothing where none matches; then the directory that the path is in is to be asked.
  std::optional<bool> last_match(std::string_view path, bool is_directory) const;

 private:
  struct Entry {
    std::string pattern;
    bool negated = false;
    bool directories_only = false;
    bool by_name = false;  // it has no slash, so it is about names in whatever directory
  };
  std::vector<Entry> entries_;
};

// As git's wildmatch() with WM_PATHNAME: no wildcard but ** matches a slash.
bool wild_match(std::string_view pattern, std::string_view text);

}  // namespace syncline
