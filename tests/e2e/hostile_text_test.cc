// Whatever stands in a field: a row and a safe file, or a refusal with a sentence; never a crash,
// never a write outside the store.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/e2e/store_under_test.h"
#include "tests/support/corpus.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

bool refused_or_done(int exit_code) {
  return exit_code == 0 || exit_code == 64 || exit_code == 6;
}

// Everything in the scratch directory that is not the store: must stay as it was.
std::string outside(const fs::path& directory) {
  std::string listing;
  for (const auto& entry : fs::directory_iterator(directory)) {
    listing += entry.path().filename().string() + "\n";
  }
  return listing;
}

// Files of git that a path trick would aim at.
std::string git_internals(const StoreUnderTest& store) {
  std::string state = read_whole(store.root() / ".git/config");
  std::vector<std::string> hooks;
  for (const auto& entry : fs::directory_iterator(store.root() / ".git/hooks")) {
    hooks.push_back(entry.path().filename().string());
  }
  std::ranges::sort(hooks);
  for (const std::string& hook : hooks) state += hook + "\n";
  return state;
}

struct Target {
  std::string kind;
  std::string field;
  std::vector<std::string> rest;  // the other fields the kind needs
};

class HostileField : public ::testing::Test {
 protected:
  void send_to_every_field(const std::string& profile, const std::vector<Target>& targets) {
    const TemporaryDirectory directory;
    const StoreUnderTest store(profile, directory / "store");
    const std::string outside_before = outside(directory.path());
    const std::string git_before = git_internals(store);
    uint64_t accepted = 0;
    for (const HostileText& hostile : hostile_texts()) {
      for (const Target& target : targets) {
        SCOPED_TRACE(hostile.name + " as " + target.kind + "." + target.field);
        std::vector<std::string> arguments{"record", target.kind};
        ProcessOptions options{.directory = store.root().string()};
        if (hostile.text.find('\0') != std::string::npos) {
          arguments.insert(arguments.end(), {"--" + target.field + "-file", "-"});
          options.input = hostile.text;
        } else {
          arguments.push_back("--" + target.field + "=" + hostile.text);
        }
        arguments.insert(arguments.end(), target.rest.begin(), target.rest.end());
        const ProcessResult result = store.syncline(arguments, options);
        EXPECT_TRUE(refused_or_done(result.exit_code)) << result.describe();
        if (result.exit_code == 0) ++accepted;
        if (result.exit_code != 0) {
          EXPECT_GT(result.err.size(), 20U) << "a refusal says why";
          EXPECT_EQ(std::ranges::count_if(
                        result.err,
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; }),
                    0)
              << "control characters reached the terminal";
        }
        if (!hostile.valid_utf8) {
          EXPECT_EQ(result.exit_code, 64) << result.describe();
        }
      }
    }
    EXPECT_EQ(outside(directory.path()), outside_before);
    EXPECT_EQ(git_internals(store), git_before);
    store.json({"sync"});
    EXPECT_EQ(git_internals(store), git_before);
    EXPECT_GT(accepted, hostile_texts().size());
    expect_agreement(store, accepted);
  }
};

TEST_F(HostileField, InEveryFieldOfANote) {
  send_to_every_field("notes", {{"note", "title", {}},
                                {"note", "body", {"--title", "t"}},
                                {"note", "tags", {"--title", "t"}}});
}

TEST_F(HostileField, InEveryFieldOfAPackage) {
  send_to_every_field("packages", {{"package", "name", {}},
                                   {"package", "section", {"--name", "n"}},
                                   {"package", "description", {"--name", "n"}}});
}

TEST_F(HostileField, InTheFieldsThatMakeThePathsOfTheFramework) {
  send_to_every_field(
      "elf", {{"failure", "title", {"--domain", "d"}},
              {"failure", "domain", {"--title", "t"}},
              {"heuristic", "domain", {"--rule", "r"}},
              {"heuristic", "rule", {"--domain", "d"}},
              {"decision", "title", {"--context", "c", "--decision", "d", "--rationale", "r"}},
              {"decision",
               "files",
               {"--title", "t", "--context", "c", "--decision", "d", "--rationale", "r"}}});
}

TEST(HostileInput, InKeysKindsAndFieldNamesIsRefusedOrHarmless) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  uint64_t accepted = 0;
  for (const HostileText& hostile : hostile_texts()) {
    if (hostile.text.find('\0') != std::string::npos) continue;
    SCOPED_TRACE(hostile.name);
    const ProcessResult key =
        store.syncline({"record", "note", "--title", "t", "--key=" + hostile.text});
    EXPECT_TRUE(refused_or_done(key.exit_code)) << key.describe();
    if (key.exit_code == 0) ++accepted;
    const ProcessResult kind = store.syncline({"record", hostile.text, "--title", "t"});
    EXPECT_EQ(kind.exit_code, 64) << kind.describe();
    const ProcessResult field =
        store.syncline({"record", "note", "--title", "t", "--field", hostile.text + "=x"});
    EXPECT_EQ(field.exit_code, 64) << field.describe();
  }
  store.json({"sync"});
  expect_agreement(store, accepted);
}

TEST(HostileInput, TheSameTitleTwiceADayIsTwoRowsAndTwoFiles) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  const std::vector<std::string> call{"record", "failure", "--title", "Same", "--domain", "d"};
  const Json first = store.json(call);
  const Json second = store.json(call);
  EXPECT_NE(first["id"], second["id"]);
  EXPECT_NE(first["path"], second["path"]);
  store.json({"sync"});
  expect_agreement(store, 2);
}

TEST(HostileInput, BytesOfABodyArriveAsTheyWere) {
  const TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  const std::string body = "line one\n\ttab \"quotes\" 'single' \\ 数据 🚀\nlast line without end";
  ProcessOptions options{.input = body};
  const Json receipt =
      store.json({"record", "note", "--title", "t", "--body-file", "-"}, 0, options);
  EXPECT_EQ(store.sql("SELECT body FROM notes")[0]["body"], body);
  EXPECT_NE(read_whole(store.root() / receipt["path"].get<std::string>()).find(body),
            std::string::npos);
}

}  // namespace
}  // namespace syncline
