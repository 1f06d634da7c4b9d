// Patterns of gitignore(5), as git's manual and git itself have them.
#include "sync/git/path_patterns.h"

#include <gtest/gtest.h>

#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

// A path in a directory that is ignored is, whatever is said of the path itself.
bool is_ignored(const PathPatterns& patterns, std::string_view path) {
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const bool is_directory = end != std::string_view::npos;
    const bool ignored = patterns.last_match(path.substr(0, end), is_directory).value_or(false);
    if (ignored || !is_directory) return ignored;
  }
}

TEST(PathPatterns, SayWhatGitSays) {
  const GitRepository repository;
  const char* const paths[] = {"a",       "a/b",     "a/b/c",  "b",        "dir/x.md", "x.md",
                               "x y",     "[a]",     "!mark",  "#hash",    "ab",       "abc/d",
                               "a/x/b",   "a/x/y/b", "deep/a", "deep/a/b", "z*",       "dir/sub/a",
                               "foo.bar", "-",       "]",      "a-b",      "A"};
  const char* const lists[] = {
      "a",          "/a",     "a/",      "*.md",    "/*.md",     "dir/*",    "dir/**",
      "**/a",       "a/**/b", "a**",     "**",      "*",         "?",        "[a-c]",
      "[!a]",       "[^a]*",  "\\[a\\]", "\\!mark", "\\#hash",   "#hash",    "x\\ y",
      "x y   ",     "z\\*",   "a/*/b",   "*/a",     "a\n!a",     "*\n!dir/", "/*\n!/dir",
      "a/b/",       "[]]",    "[a-]",    "[\\]]",   "[",         "dir",      "dir/sub/../a",
      "**/b\n!a/b", "foo.*",  "*.b?r",   "/**/a",   "/deep/**/", "a/**"};
  std::string asked;
  for (const char* const path : paths) asked += " " + quoted_for_shell(path);
  for (const std::string list : lists) {
    write_file(repository.path() / ".git/info/exclude", list + "\n");
    const std::string git =
        "\n" + repository.git("check-ignore --no-index --" + asked + " || true") + "\n";
    const PathPatterns patterns = PathPatterns::parse(list + "\n");
    for (const std::string path : paths) {
      EXPECT_EQ(is_ignored(patterns, path), git.find("\n" + path + "\n") != std::string::npos)
          << list << " of " << path;
    }
  }
}

}  // namespace
}  // namespace syncline
