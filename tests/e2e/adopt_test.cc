// adopt and repair --orphans: what never went through the journal, as the framework's own scripts
// and people leave it, taken in without a change of it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <string>
#include <vector>

#include "tests/e2e/store_under_test.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// The tables as the report's own release makes them: no updated_at, no CHECK, severity as text.
constexpr const char* kOldTables =
    "CREATE TABLE learnings(id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL,"
    " filepath TEXT NOT NULL, title TEXT NOT NULL, summary TEXT, tags TEXT, domain TEXT,"
    " severity TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);"
    "CREATE TABLE heuristics(id INTEGER PRIMARY KEY AUTOINCREMENT, domain TEXT NOT NULL,"
    " rule TEXT NOT NULL, explanation TEXT, source_type TEXT, source_id INTEGER,"
    " confidence REAL DEFAULT 0.5, times_validated INTEGER DEFAULT 0,"
    " times_violated INTEGER DEFAULT 0, is_golden INTEGER DEFAULT 0,"
    " created_at DATETIME DEFAULT CURRENT_TIMESTAMP);"
    "CREATE TABLE metrics(id INTEGER PRIMARY KEY, name TEXT, value REAL);";

// A record as the framework's scripts make it: a file, a row and a commit one after another. A
// heuristic of an even number asks for its id by another connection, and gets 0.
constexpr const char* kOldWay = R"sh(#!/bin/bash
set -u
cd "$1"; kind=$2; number=$3
case $kind in
  failure)
    file=memory/failures/20251201_it-broke-$number.md
    printf '# It broke %s\n\n**Domain**: ci\n**Severity**: 4\n**Tags**: a,b\n**Date**: 2025-12-01\n\n## Summary\n\nWhat %s had to say.\n\n## What Happened\n\nIt fell.\n' \
      "$number" "$number" >"$file"
    sqlite3 -cmd '.timeout 300' memory/index.db "INSERT INTO learnings(type, filepath, title, summary, tags, domain, severity)
      VALUES('failure', '$file', 'It broke $number', 'What $number had to say.', 'a,b', 'ci', 'high')" ;;
  heuristic)
    file=memory/heuristics/ci.md
    insert="INSERT INTO heuristics(domain, rule, explanation, source_type, confidence)
      VALUES('ci', 'rule $number', 'because of $number', 'failure', 0.7)"
    if (( number % 2 )); then
      id=$(sqlite3 -cmd '.timeout 300' memory/index.db "$insert; SELECT last_insert_rowid()")
    else
      sqlite3 -cmd '.timeout 300' memory/index.db "$insert"
      id=$(sqlite3 memory/index.db 'SELECT last_insert_rowid()')
    fi
    printf '## H-%s: rule %s\n\n**Confidence**: 0.7\n**Source**: failure\n**Created**: 2025-12-01\n\nbecause of %s\n\n---\n\n' \
      "$id" "$number" "$number" >>"$file" ;;
esac
git add "$file" && git commit -q -m "$kind: $number"
)sh";

class Adopt : public ::testing::Test {
 protected:
  Adopt() : root_(directory_ / "framework") {
    fs::create_directories(root_ / "memory/failures");
    fs::create_directories(root_ / "memory/successes");
    fs::create_directories(root_ / "memory/heuristics");
    fs::create_directories(root_ / "memory/decisions");
    shell("git init -q -b main && sqlite3 memory/index.db \"" + std::string(kOldTables) + "\"");
    write_whole(root_ / "memory/heuristics/ci.md", "# Heuristics: ci\n\n---\n\n");
    write_whole(root_ / "README.md", "mine\n");
    shell("git add README.md && git commit -qm mine");
    write_whole(directory_ / "old_way", kOldWay);
    fs::permissions(directory_ / "old_way", fs::perms::owner_all);
  }

  ProcessResult shell(const std::string& script) const {
    ProcessOptions options;
    options.directory = root_.string();
    options.environment = plain_git_environment();
    const ProcessResult result = run_process({"bash", "-ec", script}, options);
    EXPECT_TRUE(result.ok()) << script << "\n" << result.describe();
    return result;
  }
  void old_way(const std::string& kind, int number) const {
    shell((directory_ / "old_way").string() + " . " + kind + " " + std::to_string(number));
  }
  StoreUnderTest make_store() const { return StoreUnderTest("elf", root_); }
  void write(const std::string& path, const std::string& text) const {
    write_whole(root_ / path, text);
  }
  std::string read(const std::string& path) const { return read_whole(root_ / path); }

  // Rows of people's own as they stand, with every column that was there.
  static Json rows(const StoreUnderTest& store) {
    Json all;
    all["learnings"] = store.sql(
        "SELECT id, type, filepath, title, summary, tags, domain, severity, created_at "
        "FROM learnings ORDER BY id");
    all["heuristics"] = store.sql(
        "SELECT id, domain, rule, explanation, source_type, source_id, confidence, "
        "times_validated, times_violated, is_golden, created_at FROM heuristics ORDER BY id");
    return all;
  }
  // Nothing is left to take in, nothing is wrong, and a replay makes the same of the journal.
  void expect_all_taken(const StoreUnderTest& store) const {
    const Json verified = store.json({"verify"});
    EXPECT_EQ(verified["ok"], true) << verified.dump(1);
    EXPECT_EQ(verified["notes"], Json::array()) << verified.dump(1);
    const Json again = store.json({"adopt"});
    EXPECT_EQ(again["taken"], Json::array());
    EXPECT_EQ(again["left"], Json::array());
    const fs::path replica = directory_ / ("replica" + std::to_string(++replicas_));
    store.json({"replay", "--into", replica.string()});
    const StoreUnderTest replayed = StoreUnderTest::existing("elf", replica);
    EXPECT_EQ(replayed.git({"rev-parse", replayed.own_ref()}),
              store.git({"rev-parse", store.own_ref()}));
    for (const char* table : {"learnings", "heuristics"}) {
      const std::string ids = std::string("SELECT id FROM ") + table + " ORDER BY id";
      EXPECT_EQ(replayed.sql(ids), store.sql(ids));
    }
  }
  // With the bytes that the work tree has.
  static void expect_at_head(const StoreUnderTest& store, const std::string& path) {
    EXPECT_EQ(store.git({"rev-parse", "HEAD:" + path}), store.git({"hash-object", path}));
  }
  static std::vector<std::string> what_was_taken(const Json& report) {
    std::vector<std::string> all;
    for (const Json& thing : report["taken"]) all.push_back(thing["what"]);
    std::ranges::sort(all);
    return all;
  }

  TemporaryDirectory directory_;
  const fs::path root_;
  mutable int replicas_ = 0;
};

TEST_F(Adopt, TakesRowsFilesAndSectionsAsTheyAre) {
  old_way("failure", 1);    // row, file and commit
  old_way("heuristic", 1);  // row, and a section with its number
  old_way("heuristic", 2);  // row, and a section H-0
  write("memory/failures/20251130_by-hand.md", "# By hand\n\nNobody made a row of this.\n");
  write("memory/heuristics/git.md",
        "# git\n\n## H-0: pull first\n\n**Confidence**: 0.9\n\nOr else.\n");
  shell(
      "sqlite3 memory/index.db \"INSERT INTO learnings(type, filepath, title, domain, severity)"
      " VALUES('failure', 'auto-failures/x.md', 'a hook was here', 'ci', '3'),"
      " ('failure', 'memory/failures/20251201_it-broke-1.md', 'the same file', 'ci', '3'),"
      " ('observation', 'memory/o.md', 'of no kind', 'ci', '3');"
      " UPDATE heuristics SET confidence = 0.95, times_validated = 3, is_golden = 1"
      " WHERE id = 1;\"");
  const StoreUnderTest store = make_store();
  const Json before = rows(store);
  const std::string ci = read("memory/heuristics/ci.md");

  const Json planned = store.json({"adopt", "--dry-run"});
  EXPECT_EQ(store.json({"status"})["journaled"], 0);
  const Json report = store.json({"adopt"});
  EXPECT_EQ(what_was_taken(report), what_was_taken(planned));
  EXPECT_EQ(what_was_taken(report),
            (std::vector<std::string>{"file", "row", "row", "row and file", "row and section",
                                      "row and section", "section"}))
      << report.dump(1);
  EXPECT_EQ(report["of_no_kind"], 1);

  // Nothing that was there has changed; what was not is made of what the texts tell.
  Json after = rows(store);
  EXPECT_EQ(after["learnings"].size(), before["learnings"].size() + 1);
  EXPECT_EQ(after["learnings"].back()["title"], "By hand");
  EXPECT_EQ(after["learnings"].back()["created_at"], "2025-11-30 00:00:00");
  EXPECT_EQ(after["learnings"].back()["filepath"], "memory/failures/20251130_by-hand.md");
  EXPECT_EQ(after["heuristics"].size(), before["heuristics"].size() + 1);
  EXPECT_EQ(after["heuristics"].back()["rule"], "pull first");
  EXPECT_EQ(after["heuristics"].back()["domain"], "git");
  EXPECT_EQ(after["heuristics"].back()["confidence"], 0.9);
  EXPECT_EQ(after["heuristics"].back()["explanation"], "Or else.");
  after["learnings"].erase(after["learnings"].size() - 1);
  after["heuristics"].erase(after["heuristics"].size() - 1);
  EXPECT_EQ(after, before);
  EXPECT_EQ(read("memory/heuristics/ci.md"), ci);

  store.json({"sync"});
  EXPECT_EQ(read("memory/heuristics/ci.md"), ci);
  expect_at_head(store, "memory/heuristics/ci.md");
  expect_at_head(store, "memory/failures/20251130_by-hand.md");
  EXPECT_EQ(store.git({"status", "--porcelain", "--untracked-files=all"}), "");

  // The row of no kind is all that is left, and it is said so.
  const Json verified = store.json({"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
  ASSERT_EQ(verified["notes"].size(), 1U) << verified.dump(1);
  EXPECT_EQ(verified["notes"][0]["class"], "foreign-row");
  store.sql("DELETE FROM learnings WHERE type = 'observation'");
  expect_all_taken(store);

  // Ids go on above what is there, and export gives everything.
  EXPECT_GT(store.json({"record", "failure", "--title", "new", "--domain", "ci"})["id"],
            after["learnings"].back()["id"]);
  const ProcessResult exported = store.syncline({"export"});
  ASSERT_TRUE(exported.ok()) << exported.describe();
  EXPECT_EQ(std::ranges::count(exported.out, '\n'), 8);
  EXPECT_NE(exported.out.find("\"summary\":\"What 1 had to say.\""), std::string::npos);
}

TEST_F(Adopt, ThirtyFiveOfAHundredAndKillsComeToNoFault) {
  std::mt19937 random(20'251'201);
  constexpr int kCalls = 60;
  for (int first = 0; first < kCalls; first += 10) {
    std::vector<Process> calls;
    std::vector<std::chrono::milliseconds> moments;
    for (int i = first; i < first + 10; ++i) {
      ProcessOptions options;
      options.environment = plain_git_environment();
      options.own_group = true;
      calls.emplace_back(
          std::vector<std::string>{(directory_ / "old_way").string(), root_.string(),
                                   i % 3 == 0 ? "heuristic" : "failure", std::to_string(i)},
          options);
      moments.emplace_back(random() % 4 == 0 ? random() % 80 : 20'000);
    }
    for (size_t i = 0; i < calls.size(); ++i) {
      if (!calls[i].ended_within(moments[i])) calls[i].send(SIGKILL);
      calls[i].wait();
    }
  }
  // What killed commits leave, which a person has to clear away before init commits.
  shell("rm -f .git/*.lock .git/refs/heads/*.lock .git/COMMIT_EDITMSG");
  const StoreUnderTest store = make_store();
  const Json before = rows(store);
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "memory")) {
    if (entry.path().extension() == ".md") files[entry.path().string()] = read_whole(entry.path());
  }

  store.json({"adopt"});
  const Json repaired = store.json({"repair"});
  EXPECT_EQ(repaired["left"], Json::array()) << repaired.dump(1);
  store.json({"sync"});
  for (const auto& [path, text] : files) EXPECT_EQ(read_whole(path), text) << path;
  // Every row as it was; a row more for each file and section that had none.
  const Json after = rows(store);
  for (const char* table : {"learnings", "heuristics"}) {
    for (const Json& row : before[table]) {
      EXPECT_NE(std::ranges::find(after[table], row), after[table].end()) << row.dump();
    }
  }
  EXPECT_GE(store.count("SELECT count(*) FROM learnings WHERE filepath LIKE 'memory/%'"),
            static_cast<int64_t>(files.size()) - 1);
  expect_all_taken(store);
}

TEST_F(Adopt, TwoAtOnceAndKilledAnywhereTakeEachThingOnce) {
  shell(
      "for i in $(seq 1 1500); do"
      " printf '# n %s\\n\\nText of %s.\\n' $i $i > memory/failures/20251201_n-$i.md;"
      " echo \"INSERT INTO learnings(type, filepath, title, domain, severity) VALUES('failure',"
      " 'memory/failures/20251201_n-$i.md', 'n $i', 'ci', '2');\"; done > rows.sql;"
      " sed -i '1~7d' rows.sql; (echo 'BEGIN;'; cat rows.sql; echo 'COMMIT;') |"
      " sqlite3 memory/index.db; rm rows.sql");
  const StoreUnderTest store = make_store();
  const int64_t rows_before = store.count("SELECT count(*) FROM learnings");
  std::mt19937 random(7);
  for (int round = 0; round < 6; ++round) {
    Process one(store.command({"adopt"})), other(store.command({"adopt"}));
    if (!one.ended_within(std::chrono::milliseconds(random() % 250))) one.send(SIGKILL);
    if (!other.ended_within(std::chrono::milliseconds(random() % 250))) other.send(SIGKILL);
    one.wait();
    other.wait();
  }
  const auto both = run_together({{store.command({"adopt"}), {}}, {store.command({"adopt"}), {}}});
  for (const ProcessResult& result : both) EXPECT_TRUE(result.ok()) << result.describe();
  EXPECT_LT(rows_before, 1500);
  EXPECT_EQ(store.count("SELECT count(*) FROM learnings"), 1500);
  EXPECT_EQ(store.count("SELECT count(DISTINCT filepath) FROM learnings"), 1500);
  EXPECT_EQ(store.json({"status"})["journaled"], 1500);
  store.json({"sync"});
  expect_all_taken(store);
}

TEST_F(Adopt, WhatCannotBeTakenIsNamedAndTheRestGoesIn) {
  const std::string long_title(600, 't');
  write("memory/failures/20251201_far.md", "# far\n");
  fs::create_symlink("20251201_far.md", root_ / "memory/failures/20251201_link.md");
  write("memory/heuristics/cut.md", "## H-0: no end of line");
  shell(
      "sqlite3 memory/index.db \"INSERT INTO learnings(id, type, filepath, title, severity) VALUES"
      " (1, 'failure', '../outside.md', 'leaves', '3'), (2, 'failure', 'x.md', '" +
      long_title +
      "', '3'), (3, 'failure', 'x.md', 'bad number', 'often'),"
      " (0, 'failure', 'x.md', 'no id', '3'),"
      " (5, 'failure', 'memory/failures/20251201_link.md', 'a link', '3'),"
      " (6, 'failure', x'00ff', 'bytes', '3'), (7, 'failure', 'x.md', 'well', '3')\"");
  const StoreUnderTest store = make_store();
  const Json report = store.json({"adopt"}, 5);
  std::map<std::string, std::string> reasons;
  for (const Json& left : report["left"]) {
    reasons[left["path"].is_null() ? left["id"].dump() : left["path"].get<std::string>()] =
        left["reason"];
  }
  EXPECT_NE(reasons["../outside.md"].find("leaves the store"), std::string::npos);
  EXPECT_NE(reasons["2"].find("too long"), std::string::npos);
  EXPECT_NE(reasons["3"].find("severity"), std::string::npos);
  EXPECT_NE(reasons["null"].find("no record can have it"), std::string::npos) << report.dump(1);
  EXPECT_TRUE(reasons.contains("memory/failures/20251201_link.md")) << report.dump(1);
  EXPECT_NE(reasons["6"].find("bytes"), std::string::npos) << report.dump(1);
  EXPECT_NE(reasons["memory/heuristics/cut.md"].find("does not end"), std::string::npos);
  EXPECT_EQ(what_was_taken(report), (std::vector<std::string>{"file", "row"})) << report.dump(1);
  EXPECT_EQ(store.json({"verify"})["findings"], Json::array());
}

TEST_F(Adopt, ARowThatChangesLaterIsItsOwnersAndANoteOfVerify) {
  old_way("heuristic", 1);
  const StoreUnderTest store = make_store();
  store.json({"adopt"});
  store.sql("UPDATE heuristics SET confidence = 0.2, times_violated = 5");
  Json verified = store.json({"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
  ASSERT_EQ(verified["notes"].size(), 1U);
  EXPECT_EQ(verified["notes"][0]["class"], "row-differs");
  // A lost database is made again from the journal, this row too.
  store.remove_database();
  store.json({"record", "failure", "--title", "next", "--domain", "ci"});
  EXPECT_EQ(store.count("SELECT count(*) FROM heuristics WHERE id = 1 AND rule = 'rule 1'"), 1);
  verified = store.json({"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
}

TEST_F(Adopt, WhatHooksHaveCountedComesBackToo) {
  old_way("heuristic", 1);
  shell("sqlite3 memory/index.db 'UPDATE heuristics SET times_validated = 5, is_golden = 1'");
  const StoreUnderTest store = make_store();
  store.json({"adopt"});
  store.json({"sync"});
  const std::string counted =
      "SELECT count(*) FROM heuristics WHERE id = 1 AND times_validated = 5 AND is_golden = 1";
  store.json({"replay", "--into", (directory_ / "replica").string()});
  EXPECT_EQ(StoreUnderTest::existing("elf", directory_ / "replica").count(counted), 1);
  // The fields are told without them.
  EXPECT_NE(store.syncline({"export"}).out.find("rule 1"), std::string::npos);
  store.remove_database();
  store.json({"record", "failure", "--title", "next", "--domain", "ci"});
  EXPECT_EQ(store.count(counted), 1);
  // What they count from then on is theirs, as in the rows of other records.
  store.sql("UPDATE heuristics SET times_validated = 6");
  const Json verified = store.json({"verify"});
  EXPECT_EQ(verified["findings"], Json::array()) << verified.dump(1);
  EXPECT_EQ(verified["notes"], Json::array()) << verified.dump(1);
}

TEST_F(Adopt, ATrackedDatabaseIsRefusedUntilItIsUntracked) {
  old_way("failure", 1);
  shell("git add memory/index.db && git commit -qm database");
  const ProcessResult refused =
      run_process({syncline_binary(), "init", root_.string(), "--profile", "elf"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("git rm --cached"), std::string::npos) << refused.describe();
  shell("git rm -q --cached memory/index.db && git commit -qm 'not the database'");
  const StoreUnderTest store = make_store();
  EXPECT_EQ(what_was_taken(store.json({"adopt"})), (std::vector<std::string>{"row and file"}));
  store.json({"sync"});
  expect_all_taken(store);
}

TEST_F(Adopt, ASectionBesideOurOwnIsAddedToNoFileAgain) {
  const StoreUnderTest store = make_store();
  shell("git add memory/heuristics && git commit -qm theirs");
  store.json({"record", "heuristic", "--domain", "ci", "--rule", "ours"});
  store.json({"sync"});
  // A person commits a section of their own behind what we left.
  write("memory/heuristics/ci.md", read("memory/heuristics/ci.md") + "\n## H-0: theirs\n\nText.\n");
  shell("git commit -qam section");
  store.json({"record", "heuristic", "--domain", "ci", "--rule", "ours too"});
  store.json({"sync"});
  const std::string before = read("memory/heuristics/ci.md");
  EXPECT_EQ(what_was_taken(store.json({"adopt"})), (std::vector<std::string>{"section"}));
  store.json({"sync"});
  EXPECT_EQ(read("memory/heuristics/ci.md"), before);
  expect_at_head(store, "memory/heuristics/ci.md");
  EXPECT_EQ(store.count("SELECT count(*) FROM heuristics WHERE rule = 'theirs'"), 1);
  expect_all_taken(store);
}

TEST_F(Adopt, RepairMovesOrphanedFilesAsideAndSaysWhatStays) {
  old_way("failure", 1);  // a row names it
  write("memory/failures/20251130_alone.md", "# alone\n");
  write("memory/failures/notes.txt", "not of the kind's pattern\n");
  write("memory/heuristics/git.md", "## H-0: pull first\n\nOr else.\n");
  const StoreUnderTest store = make_store();
  store.json({"record", "failure", "--title", "ours", "--domain", "ci"});
  const Json planned = store.json({"repair", "--orphans", "--dry-run"}, 12);
  EXPECT_TRUE(fs::exists(root_ / "memory/failures/20251130_alone.md"));
  const Json report = store.json({"repair", "--orphans"}, 12);
  ASSERT_EQ(report["healed"].size(), 1U) << report.dump(1);
  EXPECT_EQ(planned["healed"].size(), 1U);
  EXPECT_EQ(report["healed"][0]["path"], "memory/failures/20251130_alone.md");
  EXPECT_EQ(report["left"].size(), 2U) << report.dump(1);
  for (const Json& left : report["left"]) {
    EXPECT_NE(left["detail"].get<std::string>().find("syncline adopt"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(root_ / "memory/failures/20251130_alone.md"));
  EXPECT_EQ(read_whole(report["kept_in"].get<std::string>() + "/memory/failures/20251130_alone.md"),
            "# alone\n");
  EXPECT_EQ(read("memory/failures/notes.txt"), "not of the kind's pattern\n");
  store.json({"adopt"});
  EXPECT_EQ(store.json({"repair", "--orphans"})["healed"], Json::array());
  EXPECT_EQ(store.json({"verify"})["notes"], Json::array());
}

}  // namespace
}  // namespace syncline
