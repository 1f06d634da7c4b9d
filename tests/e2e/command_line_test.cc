// What the numbers say: callers branch on them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class CommandLine : public ::testing::Test {
 protected:
  CommandLine() : store_("notes", directory_ / "store") {}
  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(CommandLine, ZeroMeansTheStageWasReached) {
  for (const char* stage : {"journaled", "applied", "committed", "published"}) {
    const Json receipt = store_.json({"record", "note", "--title", stage, "--wait", stage});
    const std::string reached = receipt["stage"];
    const std::vector<std::string> order{"journaled", "applied", "committed", "published"};
    EXPECT_GE(std::ranges::find(order, reached), std::ranges::find(order, stage)) << reached;
    const uint64_t seq = receipt["seq"];
    const Json status = store_.json({"status"});
    EXPECT_GE(status[reached].get<uint64_t>(), seq);
  }
  store_.json({"sync"});
  expect_agreement(store_, 4);
}

// As a stopped process that holds the lock would: who writes does not wait for it longer than
// asked.
TEST_F(CommandLine, ElevenWhereTheStoreIsNotOpenedInTime) {
  const std::string lock = store_.root() / ".git/syncline/append.lock";
  const int descriptor = ::open(lock.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::flock(descriptor, LOCK_EX), 0);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"record", "note", "--title", "late", "--timeout", "0.2"},
        {"sync", "--timeout", "0.2"}}) {
    store_.json(arguments, 11);
  }
  EXPECT_EQ(store_.json({"status", "--timeout", "60"})["journaled"], 0);
  ::close(descriptor);
  EXPECT_EQ(store_.json({"status"})["journaled"], 0);
}

TEST_F(CommandLine, OneForAThingThatIsNotThere) {
  store_.json({"show", "999"}, 1);
  store_.json({"show", "notes/no-such-file.md"}, 1);
}

TEST_F(CommandLine, AFileIsShownWithTheRecordsThatHaveAPartInIt) {
  const StoreUnderTest store("elf", directory_ / "rules");
  for (const char* rule : {"first", "second"}) {
    store.json({"record", "heuristic", "--domain", "git", "--rule", rule});
    store.json({"record", "heuristic", "--domain", "other", "--rule", rule});
  }
  const std::string path = "memory/heuristics/git.md";
  const Json shown = store.json({"show", path});
  EXPECT_EQ(shown["path"], path);
  ASSERT_EQ(shown["records"].size(), 2U) << shown;
  EXPECT_EQ(shown["records"][0]["seq"], 1);
  EXPECT_EQ(shown["records"][1]["seq"], 3);
  EXPECT_EQ(shown["records"][1]["fields"]["rule"], "second");
  EXPECT_EQ(store.json({"show", "./" + path})["records"], shown["records"]);
}

TEST_F(CommandLine, RecordsAreListedWithTheirFieldsByKindTimeAndOutcome) {
  const StoreUnderTest store("elf", directory_ / "listed");
  store.json({"record", "failure", "--title", "broke", "--domain", "ci"});
  store.json({"record", "heuristic", "--rule", "retry", "--domain", "ci"});
  store.json({"record", "failure", "--title", "again", "--domain", "ci"});
  store.sql(
      "CREATE TRIGGER no_secrets BEFORE INSERT ON learnings WHEN NEW.title = 'refused' "
      "BEGIN SELECT RAISE(ABORT, 'a rule of the user'); END");
  store.json({"record", "failure", "--title", "refused", "--domain", "ci"}, 3);
  const auto listed = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "list");
    std::vector<int> sequences;
    const Json records = store.json(arguments)["records"];
    for (const Json& record : records) sequences.push_back(record["seq"].get<int>());
    return sequences;
  };
  using Sequences = std::vector<int>;
  EXPECT_EQ(listed({}), (Sequences{1, 2, 3, 4}));
  EXPECT_EQ(listed({"--kind", "failure"}), (Sequences{1, 3, 4}));
  EXPECT_EQ(listed({"--kind", "failure", "--limit", "2"}), (Sequences{3, 4}));
  EXPECT_EQ(listed({"--set-aside"}), (Sequences{4}));
  const std::string second = store.json({"show", "2"})["time"];
  EXPECT_EQ(listed({"--until", second}).back(), 1);
  EXPECT_EQ(listed({"--since", second}).front(), 2);
  EXPECT_EQ(listed({"--since", "2999-01-01"}), Sequences{});
  store.json({"list", "--kind", "failures"}, 64);
  EXPECT_EQ(store.json({"list", "--limit", "1", "--set-aside"})["records"][0]["fields"]["title"],
            "refused");
  EXPECT_NE(store.syncline({"list"}).out.find("    rule: retry\n"), std::string::npos);
}

TEST_F(CommandLine, ThreeForARecordThatWasSetAside) {
  store_.json({"record", "note", "--title", "fine"});
  store_.sql(
      "CREATE TRIGGER no_secrets BEFORE INSERT ON notes WHEN NEW.title = 'refused' "
      "BEGIN SELECT RAISE(ABORT, 'a rule of the user'); END");
  const Json receipt = store_.json({"record", "note", "--title", "refused"}, 3);
  EXPECT_NE(receipt["set_aside"].get<std::string>().find("a rule of the user"), std::string::npos)
      << receipt.dump();
  EXPECT_EQ(store_.json({"record", "note", "--title", "behind it"})["stage"], "applied");
  EXPECT_EQ(store_.json({"status"})["set_aside"], 1);
  store_.json({"sync"});
  EXPECT_EQ(store_.row_count(), 2U);
}

TEST_F(CommandLine, ThreeWhereADirectoryTakesThePath) {
  const Json first = store_.json({"record", "note", "--title", "same"});
  std::string next = first["path"];
  const std::string id = std::to_string(first["id"].get<int64_t>());
  const std::string next_id = std::to_string(first["id"].get<int64_t>() + 1);
  next.replace(next.rfind(id), id.size(), next_id);
  fs::create_directories(store_.root() / next);
  const Json receipt = store_.json({"record", "note", "--title", "same"}, 3);
  EXPECT_FALSE(receipt["set_aside"].get<std::string>().empty());
  EXPECT_EQ(store_.json({"record", "note", "--title", "same"})["stage"], "applied");
}

TEST_F(CommandLine, WhoReadsNoFurtherHasWhatHeWanted) {
  for (int i = 0; i < 200; ++i) {
    store_.json({"record", "note", "--title", "note " + std::to_string(i), "--wait", "journaled"});
  }
  for (const char* verb : {"log", "log --json", "export", "list --limit 1000"}) {
    const ProcessResult piped = run_process({"bash", "-c",
                                             "\"$0\" --store \"$1\" " + std::string(verb) +
                                                 " | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}",
                                             syncline_binary(), store_.root().string()});
    EXPECT_EQ(piped.err, "") << verb;
    EXPECT_TRUE(piped.out == "141\n" || piped.out == "0\n") << verb << ": " << piped.describe();
  }
}

TEST_F(CommandLine, HelpIsAVerbTooAndAMistypedOneIsGuessed) {
  EXPECT_EQ(store_.syncline({"help"}).out, store_.syncline({"--help"}).out);
  EXPECT_EQ(store_.syncline({"help", "log"}).out, store_.syncline({"log", "--help"}).out);
  const ProcessResult wrong = store_.syncline({"recrod", "note"});
  EXPECT_EQ(wrong.exit_code, 64);
  EXPECT_NE(wrong.err.find("did you mean 'record'?"), std::string::npos) << wrong.describe();
  EXPECT_EQ(store_.syncline({"help", "stauts"}).exit_code, 64);
}

// As the shell asks, with the word under the cursor last.
TEST_F(CommandLine, BashIsOfferedVerbsOptionsAndStages) {
  const auto offered = [](const std::string& typed) {
    const ProcessResult told = run_process(
        {"bash", "-c",
         "source <(\"$0\" completions bash) && eval \"COMP_WORDS=($1)\" && "
         "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _syncline && printf '%s ' \"${COMPREPLY[@]}\"",
         syncline_binary(), typed});
    EXPECT_TRUE(told.ok()) << told.describe();
    return told.out;
  };
  EXPECT_EQ(offered("syncline ver"), "verify ");
  EXPECT_EQ(offered("syncline --store /a/b ver"), "verify ");
  EXPECT_EQ(offered("syncline help ver"), "verify ");
  EXPECT_EQ(offered("syncline repair --dry"), "--dry-run ");
  EXPECT_EQ(offered("syncline record note --wait comm"), "committed ");
  EXPECT_EQ(offered("syncline ingest --rej"), "--rejects ");
  EXPECT_EQ(offered("syncline log --js"), "--json ");
}

TEST_F(CommandLine, CompletionsAreScriptsThatEachShellReads) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const fs::path script = directory_ / shell;
    const ProcessResult made = store_.syncline({"completions", shell});
    ASSERT_TRUE(made.ok()) << made.describe();
    write_whole(script, made.out);
    const ProcessResult read = run_process({shell, "-n", script.string()});
    EXPECT_TRUE(read.ok()) << read.describe();
  }
  EXPECT_EQ(store_.syncline({"completions", "tcsh"}).exit_code, 64);
}

TEST_F(CommandLine, NothingIsWrittenThroughALinkThatLeavesTheStore) {
  const fs::path outside = directory_ / "outside";
  fs::create_directory(outside);
  fs::create_directory_symlink(outside, store_.root() / "notes");
  const ProcessResult result = store_.syncline({"record", "note", "--title", "escape"});
  // Refused before it is journalled, or accepted and set aside: never written there.
  EXPECT_TRUE(result.exit_code == 6 || result.exit_code == 3) << result.describe();
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(CommandLine, TenWithoutAStore) {
  const fs::path empty = directory_ / "empty";
  fs::create_directory(empty);
  for (const std::vector<std::string>& verb :
       std::vector<std::vector<std::string>>{{"record", "note", "--title", "t"},
                                             {"ingest"},
                                             {"sync"},
                                             {"status"},
                                             {"verify"},
                                             {"log"},
                                             {"show", "1"}}) {
    std::vector<std::string> command{syncline_binary(), "--store", empty.string()};
    command.insert(command.end(), verb.begin(), verb.end());
    const ProcessResult result = run_process(command);
    EXPECT_EQ(result.exit_code, 10) << verb[0] << ": " << result.describe();
    EXPECT_NE(result.err.find("init"), std::string::npos) << "it says what to try";
  }
  EXPECT_TRUE(fs::is_empty(empty));
}

TEST_F(CommandLine, SixtyFourForWrongUsage) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"unheard-of"},
      {"record"},
      {"record", "unheard-of", "--title", "t"},
      {"record", "note"},
      {"record", "note", "--title"},
      {"record", "note", "--title", "t", "--unheard-of", "x"},
      {"record", "note", "--title", "t", "--wait", "yesterday"},
      {"record", "note", "--title", std::string(501, 'x')},
      {"record", "note", "--title", ""},
      {"record", "note", "--title", "two\nlines"},
      {"ingest", "--unheard-of"},
      {"show"},
      {"status", "--timeout", "soon"},
  };
  for (const std::vector<std::string>& arguments : wrong) {
    const ProcessResult result = store_.syncline(arguments);
    EXPECT_EQ(result.exit_code, 64) << ::testing::PrintToString(arguments) << result.describe();
    EXPECT_FALSE(result.err.empty());
    EXPECT_TRUE(result.out.empty()) << result.describe();
  }
  EXPECT_EQ(store_.json({"status"})["journaled"], 0);
}

TEST_F(CommandLine, ErrorsAreJsonObjectsToo) {
  const Json error = store_.json({"record", "note"}, 64);
  EXPECT_EQ(error["error"]["code"], "invalid") << error.dump();
  EXPECT_FALSE(error["error"]["message"].get<std::string>().empty());
  EXPECT_FALSE(error["error"]["hint"].get<std::string>().empty());
}

TEST_F(CommandLine, TwoIsNeverUsedForUnreadableInput) {
  const ProcessResult missing = store_.syncline({"ingest", (directory_ / "missing").string()});
  EXPECT_NE(missing.exit_code, 0);
  EXPECT_NE(missing.exit_code, 2);
  const ProcessResult directory = store_.syncline({"ingest", directory_.string()});
  EXPECT_NE(directory.exit_code, 0);
  EXPECT_NE(directory.exit_code, 2);
}

TEST_F(CommandLine, AKeyAgainIsTheFirstReceiptAndOtherContentIsRefused) {
  const std::vector<std::string> call{"record", "note", "--title", "once", "--key", "k1"};
  const Json first = store_.json(call);
  EXPECT_FALSE(first["duplicate"].get<bool>());
  const Json again = store_.json(call);
  EXPECT_TRUE(again["duplicate"].get<bool>());
  for (const char* same : {"seq", "id", "path", "kind"}) EXPECT_EQ(again[same], first[same]);
  const Json conflict = store_.json({"record", "note", "--title", "other", "--key", "k1"}, 64);
  EXPECT_EQ(conflict["error"]["code"], "key-conflict");
  EXPECT_EQ(store_.json({"show", "--key", "k1"})["seq"], first["seq"]);
  store_.json({"sync"});
  expect_agreement(store_, 1);
}

TEST_F(CommandLine, FiftyOfTheSameKeyAtOnceAreOneRecord) {
  std::vector<std::pair<std::vector<std::string>, ProcessOptions>> commands;
  for (int call = 0; call < 50; ++call) {
    commands.emplace_back(
        store_.command({"record", "note", "--title", "once", "--key", "k", "--json"}),
        ProcessOptions{});
  }
  int first = 0;
  for (const ProcessResult& result : run_together(commands)) {
    ASSERT_EQ(result.exit_code, 0) << result.describe();
    const Json receipt = Json::parse(result.out);
    EXPECT_EQ(receipt["seq"], 1);
    if (!receipt["duplicate"].get<bool>()) ++first;
  }
  EXPECT_EQ(first, 1);
  store_.json({"sync"});
  expect_agreement(store_, 1);
}

TEST_F(CommandLine, InitAgainSaysSoAndChangesNothing) {
  store_.json({"record", "note", "--title", "t", "--wait", "published"});
  const std::string head = store_.git({"rev-parse", "HEAD"});
  const ProcessResult again = run_process({syncline_binary(), "init", store_.root().string()});
  EXPECT_EQ(again.exit_code, 0) << again.describe();
  EXPECT_EQ(store_.git({"rev-parse", "HEAD"}), head);
  expect_agreement(store_, 1);
}

TEST_F(CommandLine, InitInAPersonsRepositoryCommitsItsOneFileAlone) {
  const fs::path theirs = directory_ / "theirs";
  fs::create_directory(theirs);
  ProcessOptions options{.directory = theirs.string()};
  options.environment = plain_git_environment();
  ASSERT_TRUE(run_process({"git", "init", "-q", "-b", "trunk"}, options).ok());
  write_whole(theirs / "staged.txt", "staged");
  ASSERT_TRUE(run_process({"git", "add", "staged.txt"}, options).ok());
  const ProcessResult init = run_process({syncline_binary(), "init", theirs.string()});
  ASSERT_EQ(init.exit_code, 0) << init.describe();
  const ProcessResult status = run_process({"git", "status", "--porcelain"}, options);
  EXPECT_EQ(status.out, "A  staged.txt\n");
  const ProcessResult files =
      run_process({"git", "ls-tree", "-r", "--name-only", "trunk"}, options);
  EXPECT_EQ(files.out, "syncline.toml\n");
}

TEST_F(CommandLine, HelpAndVersionNeedNoStore) {
  const ProcessResult version = run_process({syncline_binary(), "--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(version.out.starts_with("syncline ")) << version.out;
  for (const char* verb : {"init", "record", "ingest", "sync", "status", "show", "log", "verify",
                           "repair", "replay", "stress"}) {
    const ProcessResult help = run_process({syncline_binary(), verb, "--help"});
    EXPECT_EQ(help.exit_code, 0) << verb << ": " << help.describe();
    EXPECT_NE(help.out.find("syncline"), std::string::npos) << verb;
  }
}

TEST_F(CommandLine, BenchMeasuresEveryStageAndLeavesNothingBehind) {
  const Json report = store_.json({"bench", "--seconds", "1"});
  EXPECT_EQ(report["rounds"], 5);
  EXPECT_EQ(report["figures"].size(), 7u);
  for (const auto& [name, figure] : report["figures"].items()) {
    EXPECT_GT(figure["least"].get<double>(), 0) << name;
    EXPECT_LE(figure["least"].get<double>(), figure["median"].get<double>()) << name;
    EXPECT_LE(figure["median"].get<double>(), figure["most"].get<double>()) << name;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_.path()), fs::directory_iterator()), 1);
  expect_agreement(store_, 0);
  EXPECT_EQ(store_.syncline({"bench", "--seconds", "0"}).exit_code, 64);
}

TEST_F(CommandLine, LogHasALineARecordInOrder) {
  for (int call = 0; call < 5; ++call) {
    store_.json({"record", "note", "--title", "n" + std::to_string(call)});
  }
  const ProcessResult log = store_.syncline({"log", "--json"});
  ASSERT_EQ(log.exit_code, 0) << log.describe();
  std::istringstream stream(log.out);
  std::string line;
  uint64_t seq = 0;
  std::string time;
  while (std::getline(stream, line)) {
    const Json entry = Json::parse(line);
    EXPECT_EQ(entry["seq"], ++seq);
    EXPECT_GE(entry["time"].get<std::string>(), time) << "times never run backward";
    time = entry["time"];
  }
  EXPECT_EQ(seq, 5U);
}

TEST_F(CommandLine, IdsContinueAboveRowsThatWereThereFirst) {
  store_.json({"record", "note", "--title", "one"});
  store_.sql(
      "INSERT INTO notes(id, title, body, path, created_at) "
      "VALUES (1000, 'a person''s row', '', '', '')");
  const Json receipt = store_.json({"record", "note", "--title", "two"});
  EXPECT_GT(receipt["id"].get<int64_t>(), 0);
  EXPECT_NE(receipt["id"], 1000);
  EXPECT_EQ(store_.sql("SELECT title FROM notes WHERE id = 1000")[0]["title"], "a person's row");
}

TEST_F(CommandLine, AForeignRowOnOurIdStaysAndOursIsReboundAndSaysSo) {
  const Json first = store_.json({"record", "note", "--title", "one"});
  const int64_t next = first["id"].get<int64_t>() + 1;
  store_.sql("INSERT INTO notes(id, title, body, path, created_at) VALUES (" +
             std::to_string(next) + ", 'theirs', '', '', '')");
  const Json receipt = store_.json({"record", "note", "--title", "two"});
  EXPECT_NE(receipt["id"], next);
  EXPECT_EQ(store_.sql("SELECT title FROM notes WHERE id = " + std::to_string(next))[0]["title"],
            "theirs");
  EXPECT_EQ(store_.sql("SELECT id FROM notes WHERE title = 'two'")[0]["id"], receipt["id"]);
}

}  // namespace
}  // namespace syncline
