// tools/elf: the scripts that the framework's callers know, over syncline.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class ElfScripts : public ::testing::Test {
 protected:
  ElfScripts() : store_("elf", directory_ / "a store") {
    const char* const scripts = std::getenv("SYNCLINE_ELF_SCRIPTS");
    EXPECT_NE(scripts, nullptr);
    if (scripts != nullptr) fs::copy(scripts, store_.root() / "scripts");
  }
  // From another directory, as the framework calls them.
  ProcessResult call(const std::string& script, std::vector<std::string> arguments,
                     const std::vector<std::string>& variables = {}) const {
    std::vector<std::string> command = {"env", "-C", directory_.path().string(),
                                        "SYNCLINE=" + syncline_binary()};
    command.insert(command.end(), variables.begin(), variables.end());
    command.push_back((store_.root() / "scripts" / script).string());
    command.insert(command.end(), arguments.begin(), arguments.end());
    ProcessOptions options;
    options.input_path = "/dev/null";
    return run_process(command, options);
  }
  void expect_created(const ProcessResult& result, int id) {
    EXPECT_EQ(result.exit_code, 0) << result.describe();
    EXPECT_TRUE(
        result.out.starts_with("Database record created (ID: " + std::to_string(id) + ")\n"))
        << result.describe();
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(ElfScripts, FindTheProgramInPath) {
  const std::string folder = fs::path(syncline_binary()).parent_path().string();
  expect_created(call("record-failure.sh", {"--title", "t", "--domain", "d"},
                      {"SYNCLINE=", "PATH=" + folder + ":/usr/bin:/bin"}),
                 1);
  const ProcessResult without = call("record-failure.sh", {"--title", "t", "--domain", "d"},
                                     {"SYNCLINE=", "PATH=/usr/bin:/bin"});
  EXPECT_EQ(without.exit_code, 1) << without.describe();
  EXPECT_NE(without.err.find("syncline is not in PATH"), std::string::npos) << without.describe();
}

TEST_F(ElfScripts, ShortStressTakesOtherLevels) {
  const ProcessResult ran = call("stress-test.sh", {"--levels", "2"});
  EXPECT_EQ(ran.exit_code, 0) << ran.describe();
}

TEST_F(ElfScripts, TakeOptionsAndVariables) {
  expect_created(call("record-failure.sh", {"--title", "it broke", "--domain", "ci", "--severity",
                                            "high", "--tags", "a,b", "--summary", "one\ntwo"}),
                 1);
  expect_created(call("record-success.sh", {},
                      {"SUCCESS_TITLE=it works", "SUCCESS_DOMAIN=ci", "SUCCESS_SUMMARY=at last"}),
                 2);
  expect_created(call("record-heuristic.sh", {"--rule", "test first"},
                      {"HEURISTIC_DOMAIN=ci", "HEURISTIC_CONFIDENCE=0.9"}),
                 1);
  expect_created(call("record-decision.sh", {"--title", "t", "--context", "c", "--decision", "d",
                                             "--rationale", "r", "--files", "a.cc"}),
                 1);
  EXPECT_EQ(
      store_.sql("SELECT type, title, domain, severity, tags, summary FROM learnings ORDER BY "
                 "id"),
      (Json{{{"type", "failure"},
             {"title", "it broke"},
             {"domain", "ci"},
             {"severity", 4},
             {"tags", "a,b"},
             {"summary", "one"}},
            {{"type", "success"},
             {"title", "it works"},
             {"domain", "ci"},
             {"severity", 3},
             {"tags", nullptr},
             {"summary", "at last"}}}));
  EXPECT_EQ(store_.sql("SELECT rule, confidence, source_type FROM heuristics"),
            (Json{{{"rule", "test first"}, {"confidence", 0.9}, {"source_type", "observation"}}}));
  EXPECT_EQ(store_.count("SELECT count(*) FROM decisions WHERE domain = 'general' AND "
                         "superseded_by IS NULL AND created_at = updated_at"),
            1);
}

TEST_F(ElfScripts, CleanWhatTheyAreGiven) {
  expect_created(call("record-failure.sh", {"--title", " it\tbroke\x01  again\n", "--domain", "ci",
                                            "--severity", "urgent", "--summary", "a\x1b[2J  b\nc"}),
                 1);
  EXPECT_EQ(store_.sql("SELECT title, severity FROM learnings"),
            (Json{{{"title", "it broke again"}, {"severity", 3}}}));
  EXPECT_EQ(store_.json({"show", "1"})["fields"]["summary"], "a[2J b\nc");
}

TEST_F(ElfScripts, AnswerWithTheExitCodesOfOld) {
  for (const char* script :
       {"record-failure.sh", "record-success.sh", "record-heuristic.sh", "record-decision.sh"}) {
    const ProcessResult usage = call(script, {});
    EXPECT_EQ(usage.exit_code, 0) << usage.describe();
    EXPECT_TRUE(usage.out.starts_with("Usage: ")) << usage.describe();
    EXPECT_EQ(call(script, {"--no-such", "x"}).exit_code, 1);
  }
  const ProcessResult missing = call("record-failure.sh", {"--title", "without a domain"});
  EXPECT_EQ(missing.exit_code, 1) << missing.describe();
  EXPECT_NE(missing.err.find("'domain' is missing"), std::string::npos) << missing.describe();
  fs::create_directory_symlink(directory_.path(), store_.root() / "memory/failures");
  const ProcessResult unsafe = call("record-failure.sh", {"--title", "t", "--domain", "d"});
  EXPECT_EQ(unsafe.exit_code, 6) << unsafe.describe();
  EXPECT_NE(unsafe.err.find("symbolic links"), std::string::npos) << unsafe.describe();
}

TEST_F(ElfScripts, SayWhetherEverythingAgrees) {
  expect_created(call("record-failure.sh", {"--title", "t", "--domain", "d"}), 1);
  EXPECT_EQ(call("verify-integrity.sh", {}).exit_code, 0);
  const ProcessResult orphans = call("cleanup-orphaned-files.sh", {});
  EXPECT_EQ(orphans.exit_code, 0) << orphans.describe();
  EXPECT_EQ(call("cleanup-orphaned-files.sh", {"--dry-run"}).exit_code, 0);
  EXPECT_EQ(call("cleanup-orphaned-files.sh", {"--delete"}).exit_code, 1);
  EXPECT_EQ(call("cleanup-orphaned-files.sh", {"--help"}).exit_code, 0);
  store_.sql("DELETE FROM learnings");
  const ProcessResult found = call("verify-integrity.sh", {});
  EXPECT_EQ(found.exit_code, 1) << found.describe();
  EXPECT_NE((found.out + found.err).find("file-without-row"), std::string::npos)
      << found.describe();
}

TEST_F(ElfScripts, TryWhatTheReportTriedInStoresOfTheirOwn) {
  const ProcessResult stress = call("stress-test.sh", {}, {"LEVELS=4"});
  EXPECT_EQ(stress.exit_code, 0) << stress.describe();
  EXPECT_NE(stress.out.find("one by one"), std::string::npos) << stress.describe();
  EXPECT_NE(stress.out.find("nothing was lost"), std::string::npos) << stress.describe();
  const ProcessResult precise = call("precise-stress-test.sh", {"--levels", "3", "--rounds", "1"});
  EXPECT_EQ(precise.exit_code, 0) << precise.describe();
  const ProcessResult exhausted = call("resource-exhaustion-test.sh", {});
  EXPECT_EQ(exhausted.exit_code, 0) << exhausted.describe();
  EXPECT_NE(exhausted.out.find("rows: 4 of 4"), std::string::npos) << exhausted.describe();
  EXPECT_EQ(exhausted.out.find("few descriptors: exit 0"), std::string::npos);
  const ProcessResult locked = call("test-sqlite-retry-bug.sh", {});
  EXPECT_EQ(locked.exit_code, 0) << locked.describe();
  EXPECT_NE(locked.out.find("rows: 20 of 20"), std::string::npos) << locked.describe();
  EXPECT_EQ(store_.json({"status"})["journaled"], 0) << "people's store is left alone";
}

TEST_F(ElfScripts, SetTheOldWayBesideOurs) {
  const fs::path scripts = std::getenv("SYNCLINE_ELF_SCRIPTS");
  const std::string old_way = (scripts / "../../bench/old_way").lexically_normal().string();
  const ProcessResult report =
      call("final-stress-report.sh", {"--levels", "8", "--rounds", "1", "--json"},
           {"OLD_WAY=" + old_way});
  ASSERT_EQ(report.exit_code, 0) << report.describe();
  const Json json = Json::parse(report.out);
  EXPECT_EQ(json["sequential"]["rows"], 20) << json;
  EXPECT_EQ(json["total"]["lost"], 0) << json;
  EXPECT_EQ(json["total"]["reads_failed"], 0) << json;
  EXPECT_GT(json["total"]["reads"], 0) << json;
  EXPECT_EQ(json["orphans"], 0) << json;
  // One after another the old way works; eight at once leave things without their others.
  const Json& against = json["against"];
  EXPECT_EQ(against["sequential"]["rows"], 20) << against;
  EXPECT_EQ(against["sequential"]["commits"], 20) << against;
  EXPECT_EQ(against["sequential"]["lost"], 0) << against;
  EXPECT_EQ(against["levels"][0]["calls"], 8) << against;
}

}  // namespace
}  // namespace syncline
