// The source itself, held to what its folders promise: tools → engine → sync → journal.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace syncline {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = SYNCLINE_SOURCE_ROOT;

std::string read_whole(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << path;
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> sources(const std::vector<std::string>& folders) {
  std::vector<fs::path> paths;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const fs::path extension = entry.path().extension();
      if (extension == ".cc" || extension == ".h") paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

// Every `#include` of a file, with its brackets: "journal/base/bytes.h" in quotes or <vector>.
std::vector<std::string> includes(const fs::path& path) {
  std::vector<std::string> found;
  std::istringstream stream(read_whole(path));
  std::string line;
  while (std::getline(stream, line)) {
    if (!line.starts_with("#include ")) continue;
    const size_t end = line.find_first_of(">\"", 10);
    if (end != std::string::npos) found.push_back(line.substr(9, end - 8));
  }
  return found;
}

std::string name_of(const fs::path& path) {
  return fs::relative(path, kRoot).string();
}

const std::vector<std::string> kProduct{"journal", "sync", "engine", "tools"};
const std::vector<std::string> kEverything{"journal", "sync", "engine", "tools", "bench", "tests"};

// Files outside the `allowed` folders and files that hold one of `words`, as a word of its own: not
// as the end of a longer name or a member's.
void expect_only_in(const std::vector<std::string>& words, const std::set<std::string>& allowed,
                    const std::vector<std::string>& folders) {
  for (const fs::path& path : sources(folders)) {
    const std::string name = name_of(path);
    if (allowed.contains(name.substr(0, name.find('/'))) || allowed.contains(name)) continue;
    const std::string text = read_whole(path);
    for (const std::string& word : words) {
      for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const char before = at == 0 ? '\n' : text[at - 1];
        if (std::isalnum(static_cast<unsigned char>(before)) || before == '_' || before == '.' ||
            before == '>') {
          continue;
        }
        ADD_FAILURE() << name << " has " << word;
        break;
      }
    }
  }
}

TEST(Layering, EachFolderIncludesOnlyFoldersToItsRight) {
  const std::map<std::string, std::set<std::string>> allowed{
      {"journal", {"journal"}},
      {"sync", {"sync", "journal"}},
      {"engine", {"engine", "sync", "journal"}},
      {"tools", {"tools", "engine", "sync", "journal"}},
  };
  for (const auto& [folder, may_use] : allowed) {
    for (const fs::path& path : sources({folder})) {
      for (const std::string& include : includes(path)) {
        if (include.front() != '"') continue;
        const std::string target = include.substr(1, include.find('/') - 1);
        EXPECT_TRUE(may_use.contains(target)) << name_of(path) << " includes " << include;
      }
    }
  }
}

TEST(Layering, OneFolderKnowsEachLibrary) {
  expect_only_in({"#include <git2"}, {"sync", "tests"}, kEverything);
  expect_only_in({"#include <libdeflate", "#include <openssl/"}, {"sync", "tests", "bench"},
                 kEverything);
  expect_only_in({"#include <sqlite3"}, {"engine", "tests", "bench"}, kEverything);
  expect_only_in({"#include <toml++"}, {"engine", "tests"}, kEverything);
  expect_only_in({"#include <liburing"}, {"journal", "tests", "bench"}, kEverything);
  expect_only_in({"#include <CLI/", "#include <nlohmann/"}, {"tools", "tests"}, kEverything);
}

TEST(Layering, ThreadsAreStartedInEngineAndToolsOnly) {
  expect_only_in({"std::thread", "std::jthread", "std::async", "pthread_create"},
                 {"engine", "tools"}, kProduct);
}

TEST(Layering, NothingSleepsInPlaceOfWaiting) {
  // The clock's own sleep, behind its seam, is the one exception.
  expect_only_in(
      {"std::this_thread::sleep", "sleep_for(", "sleep_until(", "usleep(", "nanosleep(", "sleep("},
      {"journal/base/clock.h", "journal/base/clock.cc", "tests/layering_test.cc"}, kEverything);
}

TEST(Layering, PublicHeadersDoNotShowTheFormattingLibrary) {
  for (const fs::path& path : sources(kProduct)) {
    if (path.extension() != ".h") continue;
    for (const std::string& include : includes(path)) {
      EXPECT_NE(include.substr(0, 5), "<fmt/") << name_of(path);
    }
  }
}

TEST(Layering, HeadersBeginWithTheirPurposeAndAreIncludedOnce) {
  for (const fs::path& path : sources(kEverything)) {
    if (path.extension() != ".h") continue;
    const std::string text = read_whole(path);
    EXPECT_TRUE(text.starts_with("//")) << name_of(path) << " has no head comment";
    EXPECT_NE(text.find("#pragma once"), std::string::npos) << name_of(path);
  }
}

TEST(Layering, NothingIsLeftForLater) {
  // Written apart, or this file would find itself.
  expect_only_in({std::string("TO") + "DO", std::string("FIX") + "ME", std::string("XX") + "X ",
                  std::string("XX") + "X:"},
                 {}, kEverything);
}

TEST(Layering, NobodyRunsAShell) {
  expect_only_in({"system(", "std::system(", "popen("}, {}, kProduct);
}

// The names in the README's table of guarantees are tests that exist.
TEST(Readme, EveryTestItNamesExists) {
  std::set<std::string> defined;
  const std::regex test(R"(TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\))");
  for (const fs::path& path : sources({"tests"})) {
    const std::string text = read_whole(path);
    for (std::sregex_iterator match(text.begin(), text.end(), test), end; match != end; ++match) {
      defined.insert((*match)[1].str() + "." + (*match)[2].str());
    }
  }
  const std::string readme = read_whole(kRoot / "README.md");
  const std::regex guarantee(R"(\n\| (?:\*\*)?G(\d+)[^\n]*)");
  const std::regex named(R"(`(\w+\.\w+)`)");
  std::set<int> guarantees;
  for (std::sregex_iterator row(readme.begin(), readme.end(), guarantee), end; row != end; ++row) {
    const int number = std::stoi((*row)[1]);
    guarantees.insert(number);
    const std::string text = row->str();
    size_t names = 0;
    for (std::sregex_iterator match(text.begin(), text.end(), named), last; match != last;
         ++match) {
      ++names;
      EXPECT_TRUE(defined.contains((*match)[1])) << "G" << number << " names " << (*match)[1];
    }
    EXPECT_GT(names, 0U) << "G" << number << " names no test";
  }
  EXPECT_EQ(guarantees.size(), 10U);
}

}  // namespace
}  // namespace syncline
