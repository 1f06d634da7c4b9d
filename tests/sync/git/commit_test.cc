#include "sync/git/commit.h"

#include "sync/git/commit_message.h"
#include "sync/git/pack_writer.h"
#include "sync/git/tree.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

StoreId some_store() {
  StoreId store;
  for (size_t i = 0; i < store.bytes.size(); ++i) store.bytes[i] = std::byte(i);
  return store;
}

TEST(Commit, GitReadsBackWhatWasEncoded) {
  GitRepository repository;
  PackWriter pack;
  const auto tree = pack.add(ObjectType::kTree, "");
  ASSERT_TRUE(ok(tree));
  const std::vector<std::string> subjects = {"failure: one"};
  const std::string message = compose_message(subjects, {}, some_store(), 7, 7);
  const std::string content =
      encode_commit(*tree, {}, {"Né\n<>e", "a@b", 1'700'000'000'999}, message);
  const auto id = pack.add(ObjectType::kCommit, content);
  ASSERT_TRUE(ok(id) && ok(pack.install(repository.common_dir(), "00")));
  repository.git("update-ref refs/heads/main " + id->hex());
  repository.expect_sound();
  EXPECT_EQ(repository.git("log -1 --format='%an|%ae|%ct|%cI|%s'"),
            "Né e|a@b|1700000000|2023-11-14T22:13:20+00:00|failure: one");
  EXPECT_EQ(repository.git("log -1 --format='%(trailers:key=Syncline-Range,valueonly)'"), "7-7");

  const auto parsed = parse_commit(content);
  ASSERT_TRUE(ok(parsed));
  EXPECT_EQ(parsed->tree, *tree);
  EXPECT_TRUE(parsed->parents.empty());
  EXPECT_EQ(parsed->committer_time_s, 1'700'000'000);
  EXPECT_EQ(parsed->message, message);
}

TEST(Commit, HostileNamesAndTimesStayWellFormed) {
  EXPECT_EQ(format_signature({"", "", -5}), "Syncline <> 0 +0000");
  EXPECT_EQ(format_signature({" <\n> ", "x>\ny", 999}), "Syncline <x y> 0 +0000");
  EXPECT_EQ(format_signature({std::string("a\0b", 3), "e", 1000}), "a b <e> 1 +0000");
}

TEST(Commit, ManyRecordsAreCountedAndListed) {
  std::vector<std::string> subjects;
  for (int i = 0; i < 25; ++i) subjects.push_back("note: " + std::to_string(i));
  subjects[3] = "two\nlines";
  const std::string message = compose_message(subjects, {}, some_store(), 1, 30);
  EXPECT_TRUE(message.starts_with("syncline: 25 records\n\n- note: 0\n"));
  EXPECT_NE(message.find("- two lines\n"), std::string::npos);
  EXPECT_NE(message.find("- note: 19\n\nSyncline-Store: 000102"), std::string::npos);
  EXPECT_TRUE(message.ends_with("\nSyncline-Range: 1-30\n"));
}

TEST(Commit, BatchOfNoneAndSubjectOfNothing) {
  EXPECT_TRUE(
      compose_message({}, {}, some_store(), 4, 5).starts_with("syncline: 0 records\n\nSync"));
  const std::vector<std::string> subjects = {" \t"};
  EXPECT_TRUE(
      compose_message(subjects, {}, some_store(), 4, 4).starts_with("syncline: 1 record\n\n"));
}

TEST(Commit, RecordsAreToldByTheirKinds) {
  EXPECT_EQ(told_by_kinds({}), "");
  EXPECT_EQ(told_by_kinds({{"failure", 37}, {"heuristic", 4}}), "37 failures, 4 heuristics");
  EXPECT_EQ(told_by_kinds({{"a", 2}, {"other", 2}, {"success", 1}}), "2 as, 2 others, 1 success");
  EXPECT_EQ(told_by_kinds({{"a", 1}, {"b", 4}, {"note", 9}, {"z", 1}, {"y", 1}}),
            "9 notes, 4 bs, 1 a and 2 more");
  for (const auto& [one, many] : std::map<std::string, std::string>{{"success", "successes"},
                                                                    {"box", "boxes"},
                                                                    {"patch", "patches"},
                                                                    {"wish", "wishes"},
                                                                    {"entry", "entries"},
                                                                    {"essay", "essays"},
                                                                    {"y", "ys"},
                                                                    {"retraction", "retractions"},
                                                                    {"package", "packages"}}) {
    EXPECT_EQ(told_by_kinds({{one, 2}}), "2 " + many);
    EXPECT_EQ(told_by_kinds({{one, 1}}), "1 " + one);
  }
}

TEST(Commit, ItsKindsAreReadBack) {
  const KindCounts kinds = {{"a", 1}, {"b", 4}, {"note", 9}, {"two words", 3}, {"z", 1}};
  const std::vector<std::string> subjects(18, "Syncline-Kinds: x 7");
  const std::string message = compose_message(subjects, kinds, some_store(), 1, 18);
  EXPECT_TRUE(message.starts_with("9 notes, 4 bs, 3 two wordses and 2 more\n\n- ")) << message;
  EXPECT_TRUE(message.ends_with("\nSyncline-Kinds: note 9, b 4, two words 3, a 1, z 1\n"))
      << message;
  EXPECT_EQ(parse_kinds(message), kinds);
  ASSERT_TRUE(parse_trailers(message));
  EXPECT_EQ(parse_trailers(message)->last_seq, 18U);
  EXPECT_TRUE(parse_kinds(compose_message(subjects, {}, some_store(), 1, 18)).empty());
}

TEST(Commit, TrailersAreReadFromTheLastParagraphAlone) {
  const std::vector<std::string> subjects = {"Syncline-Range: 1-9", "Syncline-Store: x"};
  const auto ours = parse_trailers(compose_message(subjects, {}, some_store(), 10, 11));
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->store, some_store().hex());
  EXPECT_EQ(ours->first_seq, 10u);
  EXPECT_EQ(ours->last_seq, 11u);

  const std::string trailers = "Syncline-Store: " + some_store().hex() + "\nSyncline-Range: 1-2\n";
  EXPECT_TRUE(parse_trailers("s\n\n" + trailers));
  EXPECT_TRUE(parse_trailers("s\n\nSigned-off-by: A <a@b>\n" + trailers + "\n\n"));
  EXPECT_FALSE(parse_trailers("s\n\n" + trailers + "\nmore text\n"));
  EXPECT_FALSE(parse_trailers("s\n\nSyncline-Range: 1-2\n"));
  EXPECT_FALSE(parse_trailers("s\n\nSyncline-Store: abc\nSyncline-Range: 1-2\n"));
  for (const char* range : {"", "1", "-", "1-", "-2", "a-b", "1-2x", "99999999999999999999-1"}) {
    EXPECT_FALSE(parse_trailers("s\n\nSyncline-Store: " + some_store().hex() +
                                "\nSyncline-Range: " + range + "\n"))
        << range;
  }
}

TEST(Commit, OtherPeoplesCommitsParse) {
  const std::string id(40, 'a');
  const auto merge =
      parse_commit("tree " + id + "\nparent " + id + "\nparent " + id +
                   "\nauthor X <x> 1 +0000\ncommitter odd\ngpgsig -----BEGIN\n  more\n"
                   "\nsubject\n\nbody");
  ASSERT_TRUE(ok(merge));
  EXPECT_EQ(merge->parents.size(), 2u);
  EXPECT_EQ(merge->committer_time_s, 0);
  EXPECT_EQ(merge->message, "subject\n\nbody");
  EXPECT_TRUE(fails_with(parse_commit(""), Code::kCorrupt));
  EXPECT_TRUE(fails_with(parse_commit("tree 12\n"), Code::kCorrupt));
  EXPECT_TRUE(fails_with(parse_commit("tree " + id + "\nparent 1\n\n"), Code::kCorrupt));
}

}  // namespace
}  // namespace syncline
