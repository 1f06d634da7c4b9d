// The command line from its arguments to its exit code, in this process, without a store.
#include "tools/cli.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& arguments) {
  char* out = nullptr;
  char* err = nullptr;
  size_t out_size = 0, err_size = 0;
  Console console{.out = open_memstream(&out, &out_size), .err = open_memstream(&err, &err_size)};
  Ran ran;
  ran.code = run_cli(arguments, console);
  std::fclose(console.out);
  std::fclose(console.err);
  ran.out.assign(out, out_size);
  ran.err.assign(err, err_size);
  std::free(out);
  std::free(err);
  return ran;
}

class NowhereTest : public testing::Test {
 protected:
  void SetUp() override { unsetenv("SYNCLINE_STORE"); }

  const TemporaryDirectory temporary_{"syncline-cli"};
  const std::string directory_ = temporary_.string();
};

TEST(Cli, VersionIsDataOnStandardOutput) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--version"}, {"status", "--version"}, {"record", "--version"}}) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out, "syncline " SYNCLINE_VERSION "\n");
    EXPECT_EQ(ran.err, "");
  }
}

TEST(Cli, HelpIsEverywhere) {
  EXPECT_NE(run({"--help"}).out.find("ingest"), std::string::npos);
  for (const char* verb :
       {"init", "record", "ingest", "sync", "status", "show", "log", "verify", "repair", "replay",
        "retract", "adopt", "export", "list", "stress", "bench", "config", "metrics"}) {
    const Ran ran = run({verb, "--help"});
    EXPECT_EQ(ran.code, 0) << verb;
    EXPECT_NE(ran.out.find("--timeout"), std::string::npos) << verb;
    EXPECT_NE(ran.out.find(verb), std::string::npos) << verb;
    EXPECT_EQ(ran.err, "") << verb;
    EXPECT_NE(run({"--help"}).out.find(verb), std::string::npos) << verb;
  }
}

TEST(Cli, AnUnknownVerbNamesTheKnownOnes) {
  const Ran ran = run({"frobnicate"});
  EXPECT_EQ(ran.code, 64);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("'frobnicate'"), std::string::npos);
  EXPECT_NE(ran.err.find("record, ingest, retract"), std::string::npos);
}

TEST(Cli, NoVerbAndUnknownOptionsAreUsageErrors) {
  EXPECT_EQ(run({}).code, 64);
  EXPECT_EQ(run({"--frob", "status"}).code, 64);
  EXPECT_EQ(run({"status", "--frob"}).code, 64);
  EXPECT_EQ(run({"status", "extra"}).code, 64);
  EXPECT_EQ(run({"log", "--from", "0x1"}).code, 64);
  EXPECT_EQ(run({"status", "--timeout", "soon"}).code, 64);
  EXPECT_EQ(run({"stress", "--levels", "5,x"}).code, 64);
  EXPECT_EQ(run({"show"}).code, 64);
  EXPECT_EQ(run({"list", "--since", "yesterday"}).code, 64);
  EXPECT_EQ(run({"list", "--until", "2026-02-30"}).code, 64);
  EXPECT_EQ(run({"list", "--limit", "0"}).code, 64);
  EXPECT_EQ(run({"show", "1", "--key", "k"}).code, 64);
  EXPECT_EQ(run({"replay"}).code, 64);
  EXPECT_EQ(run({"config", "frob"}).code, 64);
  EXPECT_EQ(run({"init", "a", "--store", "b"}).code, 64);
  EXPECT_EQ(run({"init", "--moved", "--new-identity"}).code, 64);
  EXPECT_EQ(run({"init", "--nested=yes"}).code, 64);
}

TEST(Cli, UsageErrorsComeAsJsonWhenAskedFor) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--json", "frob"},
                                                    {"frob", "--json"},
                                                    {"status", "--frob", "--json"},
                                                    {"record", "--json"},
                                                    {"--json"},
                                                    {"record", "note", "--title", "--json"}}) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 64);
    EXPECT_EQ(ran.err, "");
    EXPECT_TRUE(ran.out.starts_with(R"({"schema":1,"error":{"code":"invalid")")) << ran.out;
  }
}

TEST_F(NowhereTest, EveryVerbOnAStoreSaysThatThereIsNone) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"status"},
                                                    {"metrics"},
                                                    {"sync"},
                                                    {"verify"},
                                                    {"repair"},
                                                    {"log"},
                                                    {"show", "1"},
                                                    {"record", "note", "--title", "x"},
                                                    {"replay", "--into", directory_ + "/new"},
                                                    {"config", "check"}}) {
    std::vector<std::string> full{"--store", directory_ + "/none"};
    full.insert(full.end(), arguments.begin(), arguments.end());
    const Ran ran = run(full);
    EXPECT_EQ(ran.code, 10) << arguments[0] << ": " << ran.err;
    EXPECT_NE(ran.err.find("  try:"), std::string::npos) << arguments[0];
  }
}

TEST_F(NowhereTest, AnAnswerThatCannotBeWrittenIsNotASuccess) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  EXPECT_EQ(run_cli({"--version"}, {.out = full, .err = stderr}), 74);
  std::fclose(full);
}

TEST_F(NowhereTest, ConfigCheckNamesFileAndFault) {
  std::ofstream(directory_ + "/bad.toml") << "nonsense = [";
  const Ran ran = run({"config", "check", directory_ + "/bad.toml"});
  EXPECT_EQ(ran.code, 64);
  EXPECT_NE(ran.err.find("bad.toml"), std::string::npos);
  EXPECT_EQ(run({"config", "check", directory_ + "/gone.toml"}).code, 1);
}

}  // namespace
}  // namespace syncline
