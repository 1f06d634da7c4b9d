// The source itself, held to what its directories promise: tools → engine → sync → journal.
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

std::vector<fs::path> sources(const std::vector<std::string>& directories) {
  std::vector<fs::path> paths;
  for (const std::string& directory : directories) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / directory)) {
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

// The path, from the top, of the file that an include in quotes names. The installed headers are
// named as their users name them.
std::string real_name(const std::string& include) {
  std::string name = include.substr(1, include.size() - 2);
  if (name.starts_with("syncline/")) {
    for (const char* directory : {"journal/include/", "engine/include/"}) {
      if (fs::exists(kRoot / (directory + name))) return directory + name;
    }
  }
  return name;
}

const std::vector<std::string> kProduct{"journal", "sync", "engine", "tools"};
const std::vector<std::string> kEverything{"journal", "sync", "engine", "tools", "bench", "tests"};

// Files outside the `allowed` directories and files that hold one of `words`, as a word of its own:
// not as the end of a longer name or a member's.
void expect_only_in(const std::vector<std::string>& words, const std::set<std::string>& allowed,
                    const std::vector<std::string>& directories) {
  for (const fs::path& path : sources(directories)) {
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

TEST(Layering, EachDirectoryIncludesOnlyDirectoriesToItsRight) {
  const std::map<std::string, std::set<std::string>> allowed{
      {"journal", {"journal"}},
      {"sync", {"sync", "journal"}},
      {"engine", {"engine", "sync", "journal"}},
      {"tools", {"tools", "engine", "sync", "journal"}},
  };
  for (const auto& [directory, may_use] : allowed) {
    for (const fs::path& path : sources({directory})) {
      for (const std::string& include : includes(path)) {
        if (include.front() != '"') continue;
        const std::string target = real_name(include);
        EXPECT_TRUE(may_use.contains(target.substr(0, target.find('/'))))
            << name_of(path) << " includes " << include;
      }
    }
  }
}

// ---- Wings: the directories inside journal/, sync/ and engine/ ----

std::string wing_of(const std::string& name) {
  return name.substr(0, name.rfind('/'));
}

// What the README of a wing says that it may use: wings, or single headers. Every wing of the three
// directories may use their installed headers.
struct WingRules {
  std::set<std::string> may_use;
  bool everything_below = false;
};
WingRules rules_in(const std::string& readme) {
  WingRules rules;
  const size_t at = readme.find("\nMay use: ");
  if (at == std::string::npos) return rules;
  const std::string line = readme.substr(at + 1, readme.find('\n', at + 1) - at - 1);
  rules.everything_below = line.find("everything below") != std::string::npos;
  const std::regex named("`([^`]+)`");
  for (std::sregex_iterator match(line.begin(), line.end(), named), end; match != end; ++match) {
    rules.may_use.insert((*match)[1]);
  }
  return rules;
}

using Includes =
    std::map<std::string, std::vector<std::string>>;  // file → files, both from the top
using Wings = std::map<std::string, WingRules>;

// Arrows that no README allows, and READMEs that allow a circle; a line each.
std::vector<std::string> faults_of(const Includes& files, const Wings& wings) {
  std::vector<std::string> faults;
  for (const auto& [file, included] : files) {
    const std::string wing = wing_of(file);
    const auto rules = wings.find(wing);
    if (rules == wings.end()) {
      faults.push_back(file + " is in no wing that has a README");
      continue;
    }
    for (const std::string& target : included) {
      const std::string other = wing_of(target);
      if (other == wing || other.ends_with("/include/syncline")) continue;
      if (rules->second.everything_below || rules->second.may_use.contains(other) ||
          rules->second.may_use.contains(target)) {
        continue;
      }
      faults.push_back(file + " includes " + target);
    }
  }
  // Wings that lean on none but those that are placed already are placed, until none is left.
  std::set<std::string> placed;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [wing, rules] : wings) {
      const bool stands = std::ranges::all_of(rules.may_use, [&](const std::string& name) {
        return placed.contains(name) || !wings.contains(name);
      });
      if (stands && placed.insert(wing).second) more = true;
    }
  }
  for (const auto& [wing, rules] : wings) {
    if (!placed.contains(wing)) faults.push_back(wing + " leans on a wing that leans on it");
  }
  return faults;
}

const std::vector<std::string> kHalls{"journal", "sync", "engine"};

TEST(Wings, EachIncludesOnlyWhatItsReadmeSaysItMayUse) {
  Includes files;
  Wings wings;
  for (const fs::path& path : sources(kHalls)) {
    const std::string name = name_of(path);
    const fs::path readme = path.parent_path() / "README.md";
    if (wing_of(name).ends_with("/include/syncline")) continue;
    for (const std::string& include : includes(path)) {
      if (include.front() == '"') files[name].push_back(real_name(include));
    }
    if (fs::exists(readme)) wings[wing_of(name)] = rules_in(read_whole(readme));
  }
  EXPECT_GE(wings.size(), 15U);
  for (const std::string& fault : faults_of(files, wings)) ADD_FAILURE() << fault;
}

TEST(Wings, AnArrowThatRunsBackIsFound) {
  const Wings wings{{"a/low", {}}, {"a/high", {{"a/low", "a/other/one.h"}}}};
  EXPECT_TRUE(
      faults_of({{"a/high/x.cc", {"a/high/x.h", "a/low/y.h", "a/other/one.h"}}}, wings).empty());
  EXPECT_EQ(faults_of({{"a/low/y.h", {"a/high/x.h"}}}, wings),
            std::vector<std::string>{"a/low/y.h includes a/high/x.h"});
  EXPECT_EQ(faults_of({{"a/high/x.cc", {"a/other/two.h"}}}, wings).size(), 1U);
  EXPECT_EQ(faults_of({{"a/new/z.h", {}}}, wings).size(), 1U);
  EXPECT_EQ(faults_of({}, {{"a/one", {{"a/two"}}}, {"a/two", {{"a/one"}}}}).size(), 2U);
  EXPECT_EQ(rules_in("# a\n\nMay use: `b/c`, `d/e.h`.\n\nOther `f`.\n").may_use,
            (std::set<std::string>{"b/c", "d/e.h"}));
}

TEST(Wings, EachReadmeIsShortAndSaysWhatTheWingMayUse) {
  std::set<fs::path> directories;
  for (const fs::path& path : sources(kHalls)) directories.insert(path.parent_path());
  for (const fs::path& directory : directories) {
    if (name_of(directory).ends_with("/include/syncline")) continue;
    const std::string text = read_whole(directory / "README.md");
    EXPECT_LE(std::ranges::count(text, '\n'), 40) << name_of(directory);
    EXPECT_NE(text.find("\nMay use: "), std::string::npos) << name_of(directory);
  }
}

// ---- One file, one header ----

// Sources without a header of their own name. `store_verify.cc` may stand beside `store.h`: a class
// whose methods are in several files.
std::vector<std::string> without_header(const std::set<std::string>& names) {
  std::vector<std::string> lonely;
  for (const std::string& name : names) {
    if (!name.ends_with(".cc")) continue;
    std::string stem = name.substr(0, name.size() - 3);
    while (true) {
      const std::string file = stem.substr(stem.rfind('/') + 1);
      const std::string hall = stem.substr(0, stem.find('/'));
      if (names.contains(stem + ".h") ||
          names.contains(hall + "/include/syncline/" + file + ".h")) {
        break;
      }
      const size_t part = stem.rfind('_');
      if (part == std::string::npos || part < stem.rfind('/')) {
        lonely.push_back(name);
        break;
      }
      stem.resize(part);
    }
  }
  return lonely;
}

TEST(Pairs, EachSourceHasAHeader) {
  std::set<std::string> names;
  for (const fs::path& path : sources(kHalls)) names.insert(name_of(path));
  // A library that is compiled into one unit has no header of ours.
  names.erase("journal/base/fmt.cc");
  for (const std::string& name : without_header(names)) ADD_FAILURE() << name << " has no header";
}

TEST(Pairs, ASourceWithoutAHeaderIsFound) {
  EXPECT_TRUE(without_header({"a/x/one.cc", "a/x/one.h", "a/x/one_part.cc", "a/x/two.cc",
                              "a/include/syncline/two.h"})
                  .empty());
  EXPECT_EQ(without_header({"a/x/one.h", "a/x/three.cc"}),
            std::vector<std::string>{"a/x/three.cc"});
  EXPECT_EQ(without_header({"a/x/one.h", "a/y/one_part.cc"}),
            std::vector<std::string>{"a/y/one_part.cc"});
}

TEST(Layering, OneDirectoryKnowsEachLibrary) {
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
