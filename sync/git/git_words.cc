#include "sync/git/git_words.h"

#include "sync/git/commit_text.h"

namespace syncline {

std::string safe_directory_remedy(std::string_view said) {
  const size_t begin = said.find("git config --global --add safe.directory ");
  if (begin == std::string_view::npos) return {};
  return one_line(said.substr(begin, said.find('\n', begin) - begin));
}

}  // namespace syncline
