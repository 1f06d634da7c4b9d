// syncline retract: a record's row, file and section go, by a record of its own.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class Retract : public ::testing::Test {
 protected:
  Retract() : store_("elf", directory_ / "store") {
    for (const char* title : {"one", "two", "three"}) {
      store_.json({"record", "failure", "--title", title, "--domain", "git", "--key", title});
    }
    for (const char* rule : {"first", "second", "third"}) {
      store_.json({"record", "heuristic", "--domain", "git", "--rule", rule});
    }
    store_.json({"sync"});
  }
  std::string path_of(int seq) const {
    return store_.json({"show", std::to_string(seq)})["path"].get<std::string>();
  }
  Json retract(int seq, int exit_code = 0) const {
    return store_.json({"retract", std::to_string(seq)}, exit_code);
  }
  std::string rules() const { return read_whole(store_.root() / kRules); }
  std::string at(const std::string& revision, const std::string& path) const {
    return store_.git({"show", revision + ":" + path}) + "\n";
  }
  bool holds(const std::string& revision, const std::string& path) const {
    return store_.tree(revision).contains(path);
  }
  void expect_sound(size_t notes = 0) const {
    EXPECT_EQ(store_.git({"status", "--porcelain"}), "");
    const Json verified = store_.json({"verify"});
    EXPECT_EQ(verified["ok"], true) << verified.dump(1);
    EXPECT_EQ(verified["notes"].size(), notes) << verified.dump(1);
    store_.git({"fsck", "--strict"});
  }

  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(Retract, ARowAndAFileGoEverywhere) {
  const std::string path = path_of(2);
  const Json answer = retract(2);
  EXPECT_EQ(answer["seq"], 7);
  EXPECT_EQ(answer["retracts"], 2);
  EXPECT_EQ(answer["duplicate"], false);
  EXPECT_EQ(answer["kept"], nullptr);
  store_.json({"sync"});
  EXPECT_FALSE(fs::exists(store_.root() / path));
  EXPECT_FALSE(holds("HEAD", path));
  EXPECT_FALSE(holds(store_.own_ref(), path));
  EXPECT_EQ(store_.count("SELECT count(*) FROM learnings WHERE title = 'two'"), 0);
  EXPECT_EQ(store_.count("SELECT count(*) FROM learnings"), 2);
  EXPECT_EQ(store_.git({"log", "-1", "--format=%s"}), "retract: failure: two");
  expect_sound();
  // The journal keeps both.
  EXPECT_EQ(store_.json({"show", "2"})["retracted_by"], 7);
  EXPECT_EQ(store_.json({"show", "2"})["fields"]["title"], "two");
  EXPECT_EQ(store_.json({"show", "7"})["retracts"], 2);
}

TEST_F(Retract, ASectionGoesAndTheOthersStayAsTheyAre) {
  const std::string before = rules();
  retract(5);
  store_.json({"sync"});
  const std::string after = rules();
  EXPECT_EQ(after.find("## H-2: second"), std::string::npos) << after;
  EXPECT_NE(after.find("## H-1: first"), std::string::npos) << after;
  EXPECT_NE(after.find("## H-3: third"), std::string::npos) << after;
  EXPECT_EQ(at("HEAD", kRules), after);
  EXPECT_EQ(at(store_.own_ref(), kRules), after);
  EXPECT_EQ(store_.count("SELECT count(*) FROM heuristics"), 2);
  expect_sound();
  // What is recorded next goes behind, and takes no number a second time.
  store_.json({"record", "heuristic", "--domain", "git", "--rule", "fourth"});
  store_.json({"sync"});
  EXPECT_NE(rules().find("## H-4: fourth"), std::string::npos) << rules();
  EXPECT_EQ(at("HEAD", kRules), rules());
  expect_sound();
}

TEST_F(Retract, TheLastSectionTakesTheFileWithIt) {
  for (const int seq : {4, 6, 5}) retract(seq);
  store_.json({"sync"});
  EXPECT_FALSE(fs::exists(store_.root() / kRules));
  EXPECT_FALSE(holds("HEAD", kRules));
  EXPECT_FALSE(holds(store_.own_ref(), kRules));
  expect_sound();
  store_.json({"record", "heuristic", "--domain", "git", "--rule", "anew"});
  store_.json({"sync"});
  EXPECT_NE(rules().find("## H-4: anew"), std::string::npos) << rules();
  expect_sound();
}

TEST_F(Retract, TwiceChangesNothing) {
  retract(1);
  store_.json({"sync"});
  const std::string head = store_.git({"rev-parse", "HEAD"});
  const Json again = retract(1);
  EXPECT_EQ(again["seq"], 7);
  EXPECT_EQ(again["duplicate"], true);
  EXPECT_EQ(store_.json({"retract", "--key", "one"})["seq"], 7);
  EXPECT_EQ(store_.json({"sync"})["committed"], 7);
  EXPECT_EQ(store_.git({"rev-parse", "HEAD"}), head);
  expect_sound();
}

TEST_F(Retract, ItsKeyAnswersThatItWasRetracted) {
  retract(2);
  const std::vector<std::string> call = {"record",   "failure", "--title", "two",
                                         "--domain", "git",     "--key",   "two"};
  const Json again = store_.json(call);
  EXPECT_EQ(again["duplicate"], true);
  EXPECT_EQ(again["retracted_by"], 7);
  const ProcessResult said = store_.syncline(call);
  EXPECT_NE(said.out.find("retracted by 7: to record it again, give another key, or none"),
            std::string::npos)
      << said.describe();
  EXPECT_EQ(store_.json({"record", "failure", "--title", "two", "--domain", "git"})["retracted_by"],
            nullptr);
  const Json restored = store_.json({"repair", "--restore", "2"}, 1);
  EXPECT_NE(restored["error"]["hint"].get<std::string>().find("with another key or none"),
            std::string::npos)
      << restored.dump(1);
}

TEST_F(Retract, ManyAtOnceAreOneRecord) {
  std::vector<Process> calls;
  for (int i = 0; i < 6; ++i) calls.emplace_back(store_.command({"retract", "3", "--json"}));
  std::set<int> seqs;
  for (Process& call : calls) {
    const ProcessResult result = call.wait();
    EXPECT_EQ(result.exit_code, 0) << result.err;
    seqs.insert(Json::parse(result.out)["seq"].get<int>());
  }
  EXPECT_EQ(seqs, std::set<int>{7});
  store_.json({"sync"});
  expect_sound();
}

TEST_F(Retract, WhatAPersonHasEditedStays) {
  const std::string one = path_of(1), two = path_of(2);
  write_whole(store_.root() / one, "mine, not committed\n");
  write_whole(store_.root() / two, "mine, committed\n");
  store_.git({"commit", "-qm", "edit", two});
  EXPECT_NE(retract(1)["kept"].get<std::string>().find("was edited and stays"), std::string::npos);
  retract(2);
  store_.json({"sync"});
  EXPECT_EQ(read_whole(store_.root() / one), "mine, not committed\n");
  EXPECT_EQ(read_whole(store_.root() / two), "mine, committed\n");
  EXPECT_TRUE(holds("HEAD", one));
  EXPECT_TRUE(holds("HEAD", two));
  EXPECT_FALSE(holds(store_.own_ref(), one));
  EXPECT_EQ(store_.git({"status", "--porcelain"}), " M " + one);
  const Json verified = store_.json({"verify"});
  EXPECT_EQ(verified["ok"], true) << verified.dump(1);
  EXPECT_EQ(verified["notes"].size(), 2U) << verified.dump(1);
}

TEST_F(Retract, ASectionGoesFromBesideAnUncommittedEdit) {
  const std::string edited = "a line above\n" + rules() + "\nmy own line\n";
  write_whole(store_.root() / kRules, edited);
  EXPECT_EQ(retract(4)["kept"], nullptr);
  store_.json({"sync"});
  EXPECT_EQ(rules().find("## H-1: first"), std::string::npos);
  EXPECT_TRUE(rules().starts_with("a line above\n")) << rules();
  EXPECT_TRUE(rules().ends_with("\nmy own line\n")) << rules();
  EXPECT_EQ(at("HEAD", kRules).find("## H-1: first"), std::string::npos);
  EXPECT_EQ(at("HEAD", kRules).find("my own line"), std::string::npos);
  EXPECT_EQ(store_.git({"status", "--porcelain"}), std::string(" M ") + kRules);
  EXPECT_EQ(store_.count("SELECT count(*) FROM heuristics"), 2);
}

TEST_F(Retract, ASectionGoesFromBesideAStagedEdit) {
  write_whole(store_.root() / kRules, rules() + "\nmy own line\n");
  store_.git({"add", kRules});
  retract(4);
  store_.json({"record", "heuristic", "--domain", "git", "--rule", "fourth"});
  store_.json({"sync"});
  EXPECT_EQ(store_.git({"status", "--porcelain"}), std::string("M  ") + kRules);
  store_.git({"commit", "-qm", "my line"});
  const std::string text = at("HEAD", kRules);
  EXPECT_EQ(text, rules());
  EXPECT_EQ(text.find(": first"), std::string::npos);
  EXPECT_NE(text.find("my own line"), std::string::npos);
  EXPECT_NE(text.find(": fourth"), std::string::npos);
  expect_sound();
}

TEST_F(Retract, AnUncommittedEditKeepsTheFileOfTheLastSection) {
  write_whole(store_.root() / kRules, rules() + "\nmy own line\n");
  for (const int seq : {4, 5, 6}) retract(seq);
  store_.json({"sync"});
  EXPECT_EQ(rules().find("## H-"), std::string::npos);
  EXPECT_NE(rules().find("my own line"), std::string::npos);
  EXPECT_EQ(at("HEAD", kRules).find("## H-"), std::string::npos);
  EXPECT_EQ(store_.git({"status", "--porcelain"}), std::string(" M ") + kRules);
}

TEST_F(Retract, WhatIsStagedStaysStaged) {
  const std::string one = path_of(1);
  write_whole(store_.root() / "own.txt", "of a person\n");
  store_.git({"add", "own.txt"});
  retract(1);
  store_.json({"sync"});
  EXPECT_FALSE(holds("HEAD", one));
  EXPECT_FALSE(holds("HEAD", "own.txt"));
  EXPECT_EQ(store_.git({"status", "--porcelain"}), "A  own.txt");
}

TEST_F(Retract, AForeignRowWithTheSameIdStays) {
  store_.sql("UPDATE learnings SET filepath = 'elsewhere', title = 'theirs' WHERE id = 2");
  retract(2);
  EXPECT_EQ(store_.count("SELECT count(*) FROM learnings WHERE title = 'theirs'"), 1);
}

TEST_F(Retract, ColumnsThatHooksUpdateKeepNoRow) {
  store_.sql("UPDATE heuristics SET confidence = 0.9, times_validated = 4 WHERE id = 1");
  retract(4);
  EXPECT_EQ(store_.count("SELECT count(*) FROM heuristics WHERE id = 1"), 0);
}

TEST_F(Retract, ALostDatabaseAndALostRefComeBackWithoutIt) {
  const std::string path = path_of(2);
  retract(2);
  retract(5);
  store_.json({"sync"});
  const std::string ref = store_.own_ref();
  const std::string tip = store_.git({"rev-parse", ref});
  store_.remove_database();
  store_.json({"repair"});
  EXPECT_FALSE(fs::exists(store_.root() / path));
  EXPECT_EQ(store_.count("SELECT count(*) FROM learnings"), 2);
  EXPECT_EQ(store_.count("SELECT count(*) FROM heuristics"), 2);
  store_.git({"update-ref", "-d", ref});
  store_.json({"repair"});
  EXPECT_EQ(store_.git({"rev-parse", ref}), tip);
  store_.json({"sync"});
  expect_sound();
}

TEST_F(Retract, AReplayEndsAsTheStoreDoesAndBeforeItHasTheRecord) {
  retract(2);
  retract(5);
  store_.json({"sync"});
  const fs::path all = directory_ / "all", before = directory_ / "before";
  store_.json({"replay", "--into", all.string()});
  store_.json({"replay", "--into", before.string(), "--to", "6"});
  const auto replayed = StoreUnderTest::existing("elf", all);
  EXPECT_EQ(replayed.git({"rev-parse", replayed.own_ref()}),
            store_.git({"rev-parse", store_.own_ref()}));
  EXPECT_EQ(replayed.count("SELECT count(*) FROM learnings"), 2);
  EXPECT_FALSE(fs::exists(all / path_of(2)));
  EXPECT_EQ(read_whole(all / kRules), rules());
  const auto earlier = StoreUnderTest::existing("elf", before);
  EXPECT_EQ(earlier.count("SELECT count(*) FROM learnings"), 3);
  EXPECT_TRUE(fs::exists(before / path_of(2)));
}

TEST_F(Retract, BeforeItsRecordWasPublished) {
  store_.set("publish_interval_ms", "3600000");
  store_.git({"commit", "-qam", "publish by the hour"});
  store_.json({"record", "failure", "--title", "hasty", "--domain", "git"});
  const std::string path = path_of(7);
  ASSERT_TRUE(fs::exists(store_.root() / path));
  retract(7);
  store_.json({"sync"});
  EXPECT_FALSE(fs::exists(store_.root() / path));
  EXPECT_FALSE(holds("HEAD", path));
  expect_sound();
}

TEST_F(Retract, OnAnotherBranchTheFilesWaitForTheStoresOwn) {
  const std::string path = path_of(1);
  store_.git({"checkout", "-qb", "other"});
  retract(1);
  store_.json({"sync", "--timeout", "0.2"}, 11);
  EXPECT_TRUE(fs::exists(store_.root() / path)) << "the branch is a person's";
  EXPECT_EQ(store_.count("SELECT count(*) FROM learnings"), 2);
  store_.git({"checkout", "-q", "-"});
  store_.json({"sync"});
  EXPECT_FALSE(fs::exists(store_.root() / path));
  expect_sound();
  store_.git({"checkout", "-q", "other"});
  EXPECT_TRUE(fs::exists(store_.root() / path)) << "a person's branch keeps it";
}

TEST_F(Retract, WhatCannotBeRetractedIsRefused) {
  retract(1);
  for (const int seq : {7, 99}) {
    const Json answer = retract(seq, seq == 7 ? 64 : 1);
    EXPECT_NE(answer["error"]["message"].get<std::string>(), "");
  }
  EXPECT_EQ(store_.json({"status"})["journaled"], 7);
  store_.json({"repair", "--restore", "1"}, 1);
}

class Replace : public Retract {
 protected:
  Json replace(int seq, const std::string& title, int exit_code = 0) const {
    return store_.json({"record", "failure", "--title", title, "--domain", "git", "--key", title,
                        "--replaces", std::to_string(seq)},
                       exit_code);
  }
  int64_t rows(const std::string& title) const {
    return store_.count("SELECT count(*) FROM learnings WHERE title = '" + title + "'");
  }
};

TEST_F(Replace, TheNewRecordComesAndTheOldOneGoes) {
  const std::string old = path_of(2);
  const Json answer = replace(2, "two, better");
  EXPECT_EQ(answer["seq"], 7);
  EXPECT_EQ(answer["replaced"]["retracts"], 2);
  EXPECT_EQ(answer["replaced"]["seq"], 8);
  store_.json({"sync"});
  EXPECT_FALSE(fs::exists(store_.root() / old));
  EXPECT_TRUE(holds("HEAD", answer["path"].get<std::string>()));
  EXPECT_EQ(rows("two"), 0);
  EXPECT_EQ(rows("two, better"), 1);
  expect_sound();
  // Once more: the same answer, and nothing is written.
  const Json again = replace(2, "two, better");
  EXPECT_EQ(again["duplicate"], true);
  EXPECT_EQ(again["replaced"]["duplicate"], true);
  EXPECT_EQ(store_.json({"status"})["journaled"], 8);
}

// What a call leaves that died between the two.
TEST_F(Replace, ARepetitionEndsWhatTheFirstCallBegan) {
  store_.json({"record", "failure", "--title", "better", "--domain", "git", "--key", "better"});
  EXPECT_EQ(rows("two"), 1);
  const Json answer = replace(2, "better");
  EXPECT_EQ(answer["duplicate"], true);
  EXPECT_EQ(answer["replaced"]["duplicate"], false);
  EXPECT_EQ(rows("two"), 0);
  EXPECT_EQ(rows("better"), 1);
  store_.json({"sync"});
  expect_sound();
}

TEST_F(Replace, TheOldOneGoesAtOnceThoughPublishingWaits) {
  store_.git({"switch", "-qc", "dev"});
  const Json answer = store_.json({"record", "failure", "--title", "better", "--domain", "git",
                                   "--replaces", "2", "--wait", "published", "--timeout", "0.5"},
                                  11);
  EXPECT_EQ(answer["seq"], 7) << answer.dump(1);
  EXPECT_NE(answer["error"]["message"].get<std::string>().find("record 8 takes record 2 away"),
            std::string::npos)
      << answer.dump(1);
  EXPECT_EQ(rows("two"), 0);
  EXPECT_EQ(rows("better"), 1);
  store_.git({"switch", "-q", "main"});
  store_.json({"sync"});
  const Json published = store_.json({"record", "failure", "--title", "best", "--domain", "git",
                                      "--replaces", "7", "--wait", "published"});
  EXPECT_EQ(published["stage"], "published");
  EXPECT_EQ(published["replaced"]["stage"], "published");
  EXPECT_EQ(rows("better"), 0);
  expect_sound();
}

TEST_F(Replace, WhatCannotBeReplacedIsRefusedBeforeAnythingIsWritten) {
  retract(2);
  EXPECT_NE(replace(2, "late", 64)["error"]["message"].get<std::string>().find("record 7 already"),
            std::string::npos);
  replace(7, "of a retraction", 64);
  replace(99, "of nothing", 1);
  store_.json(
      {"record", "failure", "--title", "one", "--domain", "git", "--key", "one", "--replaces", "1"},
      64);  // itself
  EXPECT_EQ(store_.json({"status"})["journaled"], 7);
  EXPECT_EQ(rows("one"), 1);
}

TEST_F(Replace, ARecordThatIsSetAsideReplacesNothing) {
  store_.sql(
      "CREATE TRIGGER no_secrets BEFORE INSERT ON learnings WHEN NEW.title = 'refused' "
      "BEGIN SELECT RAISE(ABORT, 'a rule of the user'); END");
  const Json answer = replace(2, "refused", 3);
  EXPECT_EQ(answer["replaced"], nullptr);
  EXPECT_EQ(rows("two"), 1);
}

TEST_F(Retract, AnExportLeavesItOutUnlessItIsAskedFor) {
  retract(2);
  const std::string left = store_.syncline({"export"}).out;
  EXPECT_EQ(left.find("\"two\""), std::string::npos) << left;
  const std::string all = store_.syncline({"export", "--retracted"}).out;
  EXPECT_NE(all.find("\"two\""), std::string::npos) << all;
}

}  // namespace
}  // namespace syncline
