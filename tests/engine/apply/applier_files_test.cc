// Files and sections: what is in the way, what is torn, what a person changed.

#include <sys/stat.h>

#include "engine/apply/file_applier.h"
#include "tests/engine/apply/apply_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

class ApplierFilesTest : public ApplyTest {
 protected:
  std::string reason(uint64_t seq) {
    return query(fmt::format("SELECT reason FROM syncline_outcomes WHERE seq={} AND kind=2", seq));
  }
};

TEST(TornRemnant, IsOursWithZerosOrCutShort) {
  const auto torn = [](std::string_view found, std::string_view ours) {
    return is_torn_remnant(as_bytes(found), as_bytes(ours));
  };
  using namespace std::string_view_literals;
  EXPECT_TRUE(torn("", "abc"));
  EXPECT_TRUE(torn("ab", "abc"));
  EXPECT_TRUE(torn("a\0c"sv, "abc"));
  EXPECT_TRUE(torn("\0\0\0"sv, "abc"));
  EXPECT_FALSE(torn("\0\0\0\0"sv, "abc"));
  EXPECT_FALSE(torn("abx", "abc"));
  EXPECT_FALSE(torn("abcd", "abc"));
}

TEST_F(ApplierFilesTest, DirectoryAtThePathSetsAside) {
  open_applier();
  fs::create_directories(work() / note_path(1));
  append(note("a"), 1);
  append(note("b"), 2);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_NE(reason(1).find("taken by a directory"), std::string::npos) << reason(1);
  EXPECT_EQ(query("SELECT id FROM notes"), "2\n");
  EXPECT_EQ(file(note_path(2)), note_text("b", 2));
}

TEST_F(ApplierFilesTest, SymlinkAtThePathSetsAsideAndIsNotFollowed) {
  open_applier();
  fs::create_directories(work() / "notes/0000");
  fs::create_symlink(directory / "outside.md", work() / note_path(1));
  append(note("a"), 1);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_NE(reason(1).find("symbolic link"), std::string::npos) << reason(1);
  EXPECT_FALSE(fs::exists(directory / "outside.md"));
}

TEST_F(ApplierFilesTest, SymlinkedParentSetsAsideAndNothingIsWrittenOutside) {
  open_applier();
  fs::create_directories(directory / "outside/0000");
  fs::create_directory_symlink(directory / "outside", work() / "notes");
  fs::create_directory_symlink(directory / "outside", work() / "memory");
  append(note("a"), 1);
  append(rule("r"), 1);
  EXPECT_EQ(apply_all().set_aside, 2u);
  EXPECT_TRUE(fs::is_empty(directory / "outside/0000"));
  EXPECT_EQ(std::distance(fs::directory_iterator(directory / "outside"), {}), 1);
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "0\n");
}

TEST_F(ApplierFilesTest, FileWhereADirectoryMustBeSetsAside) {
  open_applier();
  write_text(work() / "notes", "mine");
  append(note("a"), 1);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_EQ(file("notes"), "mine");
}

TEST_F(ApplierFilesTest, PathIntoGitSetsAside) {
  open_applier();
  Intent intent = note("a");
  intent.path = Template::literal(".git/hooks/post-commit");
  append(intent, 1);
  intent.path = Template::literal("../outside.md");
  append(intent, 2);
  EXPECT_EQ(apply_all().set_aside, 2u);
  EXPECT_FALSE(fs::exists(work() / ".git/hooks"));
  EXPECT_FALSE(fs::exists(directory / "outside.md"));
}

TEST_F(ApplierFilesTest, SameBytesAtThePathAreOurs) {
  open_applier();
  write_text(work() / note_path(1), note_text("a", 1));
  append(note("a"), 1);
  EXPECT_EQ(apply_all().set_aside, 0u);
  EXPECT_EQ(query("SELECT id FROM notes"), "1\n");
}

TEST_F(ApplierFilesTest, FileOlderThanTheRecordIsForeignAndSetsAside) {
  open_applier();
  write_text(work() / note_path(1), "somebody's");
  clock.shift_ms = 10 * 60'000;
  append(note("a"), 1);
  append(note("b"), 2);
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_NE(reason(1).find("taken by another file"), std::string::npos) << reason(1);
  EXPECT_EQ(file(note_path(1)), "somebody's");
  EXPECT_EQ(query("SELECT id FROM notes"), "2\n");
}

TEST_F(ApplierFilesTest, ClockBehindTheRecordCallsNoFileForeign) {
  open_applier();
  write_text(work() / note_path(1), "edited");
  append(note("a"), 1, clock.now_ms() + 3'600'000);
  EXPECT_EQ(apply_all().set_aside, 0u);
  EXPECT_EQ(file(note_path(1)), "edited");
}

TEST_F(ApplierFilesTest, NewerOtherBytesAreAnEditAndTheRecordCounts) {
  open_applier();
  append(note("a"), 1);
  write_text(work() / note_path(1), "a person's own words");
  EXPECT_EQ(apply_all().set_aside, 0u);
  EXPECT_EQ(query("SELECT id FROM notes"), "1\n");
  EXPECT_EQ(file(note_path(1)), "a person's own words");
}

TEST_F(ApplierFilesTest, DirectoryThatAppearsWhileWritingSetsAsideAtTheNextTry) {
  open_applier();
  append(note("a"), 1);
  append(note("b"), 2);
  bool done = false;
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    if (operation == "create" && name == note_path(2) && !std::exchange(done, true)) {
      fs::create_directories(work() / note_path(2));
    }
    return {};
  };
  EXPECT_EQ(apply_all().set_aside, 1u);
  EXPECT_EQ(query("SELECT id FROM notes"), "1\n");
  EXPECT_EQ(file(note_path(1)), note_text("a", 1));
}

TEST_F(ApplierFilesTest, DirectoryMovedAwayWhileWritingIsNoticed) {
  open_applier();
  for (uint64_t id = 1; id <= 3; ++id) append(note("n"), id);
  bool done = false;
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    if (operation == "create" && name == note_path(2) && !std::exchange(done, true)) {
      fs::rename(work() / "notes/0000", directory / "moved");
    }
    return {};
  };
  apply_all();
  for (uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(file(note_path(id)), note_text("n", id));
}

TEST_F(ApplierFilesTest, TreeThatNeverStandsStillIsBusyAndNothingIsApplied) {
  open_applier();
  append(note("a"), 1);
  *hook = [&](std::string_view operation, const std::string&) -> Status {
    return operation == "create" ? Status(make_error(Code::kNotFound, "gone")) : Status();
  };
  const auto report = applier->step();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kBusy);
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "0\n");
  *hook = nullptr;
  EXPECT_EQ(apply_all().records, 1u);
}

TEST_F(ApplierFilesTest, FullDiskRollsBackAndTheStepCanBeDoneAgain) {
  open_applier();
  for (uint64_t id = 1; id <= 5; ++id) append(note("n"), id);
  append(rule("r"), 1);
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    if (operation == "create" && name == note_path(4)) return errno_error(ENOSPC, "create");
    return {};
  };
  for (int tried = 0; tried < 3; ++tried) {
    const auto report = applier->step();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Code::kRetryLater);
    EXPECT_EQ(query("SELECT count(*) FROM notes"), "0\n");
    EXPECT_EQ(applier->applied().seq, 0u);
  }
  *hook = nullptr;
  EXPECT_EQ(apply_all().records, 6u);
  EXPECT_EQ(query("SELECT count(*) FROM notes"), "5\n");
  EXPECT_EQ(file("memory/testing.md"), "# testing\n" + rule_text("r", 1));
}

TEST_F(ApplierFilesTest, SectionsFollowTheHeaderInOrder) {
  options.batch_records_max = 2;
  open_applier();
  std::string expected = "# testing\n";
  for (uint64_t id = 1; id <= 5; ++id) {
    append(rule("rule", "testing"), id);
    expected += rule_text("rule", id);
  }
  append(rule("other", "else"), 6);
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), expected);
  EXPECT_EQ(file("memory/else.md"), "# else\n" + rule_text("other", 6));
  EXPECT_EQ(query("SELECT seq, offset FROM syncline_offsets WHERE seq IN (1, 6)"), "1|10\n6|7\n");
}

TEST_F(ApplierFilesTest, SectionGoesBehindWhatIsThere) {
  open_applier();
  write_text(work() / "memory/testing.md", "my own notes\n");
  append(rule("r"), 1);
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), "my own notes\n" + rule_text("r", 1));
}

TEST_F(ApplierFilesTest, AFileWithTwoNamesMakesItsSectionsWaitAndIsNotWritten) {
  open_applier();
  write_text(directory / "other-name.md", "text\n");
  fs::create_directories(work() / "memory");
  fs::create_hard_link(directory / "other-name.md", work() / "memory/testing.md");
  append(rule("r"), 1);
  append(note("behind it"), 1);
  const auto waiting = applier->step();
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, Code::kRetryLater);
  EXPECT_NE(waiting.error().message.find("hard link"), std::string::npos);
  EXPECT_NE(waiting.error().hint.find("cp -p memory/testing.md"), std::string::npos);
  EXPECT_EQ(read_text(directory / "other-name.md"), "text\n");

  fs::remove(directory / "other-name.md");
  EXPECT_EQ(apply_all().set_aside, 0u);
  EXPECT_EQ(file("memory/testing.md"), "text\n" + rule_text("r", 1));
  EXPECT_EQ(file(note_path(1)), note_text("behind it", 1));
}

TEST_F(ApplierFilesTest, SpecialFileSetsAside) {
  open_applier();
  fs::create_directories(work() / "memory");
  ASSERT_EQ(mkfifo((work() / "memory/testing.md").c_str(), 0600), 0);
  append(rule("r"), 1);
  EXPECT_EQ(apply_all().set_aside, 1u);
}

TEST_F(ApplierFilesTest, EditorThatRenamesOverTheFileKeepsItsTextAndGetsTheNextSection) {
  open_applier();
  append(rule("one"), 1);
  apply_all();
  write_text(work() / "memory/.new", "rewritten by a person\n");
  fs::rename(work() / "memory/.new", work() / "memory/testing.md");
  append(rule("two"), 2);
  apply_all();
  EXPECT_EQ(file("memory/testing.md"), "rewritten by a person\n" + rule_text("two", 2));
}

TEST_F(ApplierFilesTest, TextAppendedBetweenLookAndWriteIsKept) {
  open_applier();
  append(rule("one"), 1);
  apply_all();
  append(rule("two"), 2);
  int asked = 0;
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    // The second look at the file is the one right before it is written.
    if (operation == "info" && name == "memory/testing.md" && ++asked == 2) {
      std::ofstream(work() / name, std::ios::app) << "a person's line\n";
    }
    return {};
  };
  apply_all();
  *hook = nullptr;
  EXPECT_EQ(file("memory/testing.md"),
            "# testing\n" + rule_text("one", 1) + "a person's line\n" + rule_text("two", 2));
}

// ---- After an unclean start: the page cache may be lost ----

class ApplierRecheckTest : public ApplierFilesTest {
 protected:
  void apply_some() {
    open_applier();
    append(rule("one"), 1);
    append(rule("two"), 2);
    append(note("early"), 1);
    apply_all();
    ASSERT_OK(applier->checkpoint());
    EXPECT_EQ(applier->files_synced(), 3u);
    append(rule("three"), 3);
    append(rule("four"), 4);
    append(note("late"), 2);
    append(note("later"), 3);
    apply_all();
    whole = file("memory/testing.md");
  }
  void recheck_twice() {
    reopen();
    ASSERT_OK(applier->recheck_files());
    ASSERT_OK(applier->recheck_files());
  }
  std::string whole;
};

TEST_F(ApplierRecheckTest, AbsentEmptyAndZeroedFilesAreWrittenAgain) {
  apply_some();
  fs::remove(work() / note_path(2));
  write_text(work() / note_path(3), std::string(7, '\0'));
  recheck_twice();
  EXPECT_EQ(file(note_path(2)), note_text("late", 2));
  EXPECT_EQ(file(note_path(3)), note_text("later", 3));
}

TEST_F(ApplierRecheckTest, WhatLiesBelowFilesSyncedIsNotLookedAt) {
  apply_some();
  fs::remove(work() / note_path(1));
  recheck_twice();
  EXPECT_FALSE(fs::exists(work() / note_path(1)));
}

TEST_F(ApplierRecheckTest, EditsStay) {
  apply_some();
  write_text(work() / note_path(2), "edited");
  write_text(work() / "memory/testing.md", "> " + whole);
  recheck_twice();
  EXPECT_EQ(file(note_path(2)), "edited");
  EXPECT_EQ(file("memory/testing.md"), "> " + whole);
}

TEST_F(ApplierRecheckTest, SectionsCutShortAreCompletedAtTheirOffsets) {
  apply_some();
  const uint64_t synced = whole.find("\n## R-3");
  for (uint64_t size = synced; size < whole.size(); ++size) {
    write_text(work() / "memory/testing.md", whole.substr(0, size));
    ASSERT_OK(applier->recheck_files());
    ASSERT_EQ(file("memory/testing.md"), whole) << "cut at " << size;
  }
  EXPECT_EQ(count_frames(Operation::kAppendOffsets), 2u);
}

TEST_F(ApplierRecheckTest, ZeroedRangesAreFilledIn) {
  apply_some();
  const uint64_t synced = whole.find("\n## R-3");
  for (uint64_t from = synced; from < whole.size(); from += 3) {
    std::string zeroed = whole;
    for (uint64_t i = from; i < std::min<uint64_t>(from + 20, whole.size()); ++i) zeroed[i] = '\0';
    write_text(work() / "memory/testing.md", zeroed);
    ASSERT_OK(applier->recheck_files());
    ASSERT_EQ(file("memory/testing.md"), whole) << "zeros from " << from;
  }
}

TEST_F(ApplierRecheckTest, FileThatWasNeverSyncedIsMadeAgainWithItsHeader) {
  open_applier();
  append(rule("one"), 1);
  append(rule("two"), 2);
  apply_all();
  whole = file("memory/testing.md");
  fs::remove(work() / "memory/testing.md");
  ASSERT_OK(applier->recheck_files());
  EXPECT_EQ(file("memory/testing.md"), whole);
  for (uint64_t size = 0; size < whole.size(); ++size) {
    write_text(work() / "memory/testing.md", whole.substr(0, size));
    ASSERT_OK(applier->recheck_files());
    ASSERT_EQ(file("memory/testing.md"), whole) << "cut at " << size;
    write_text(work() / "memory/testing.md", std::string(size, '\0') + whole.substr(size));
    ASSERT_OK(applier->recheck_files());
    ASSERT_EQ(file("memory/testing.md"), whole) << "zeros up to " << size;
  }
  EXPECT_EQ(count_frames(Operation::kAppendOffsets), 1u);
}

TEST_F(ApplierRecheckTest, LostSectionBehindAnEditGoesToTheEndAtANewOffset) {
  apply_some();
  const std::string edited = "a person's file\n";
  write_text(work() / "memory/testing.md", edited);
  recheck_twice();
  EXPECT_EQ(file("memory/testing.md"), edited + rule_text("three", 3) + rule_text("four", 4));
  EXPECT_EQ(count_frames(Operation::kAppendOffsets), 3u);
}

TEST_F(ApplierRecheckTest, EqualSectionsAreNotTakenForOneAnother) {
  open_applier();
  Intent same = rule("same");
  same.text = Template::literal("\nthe same text\n");
  append(same, 1);
  append(same, 2);
  append(same, 3);
  apply_all();
  whole = file("memory/testing.md");
  EXPECT_EQ(whole, "# testing\n\nthe same text\n\nthe same text\n\nthe same text\n");
  write_text(work() / "memory/testing.md", "moved\n" + whole);
  ASSERT_OK(applier->recheck_files());
  EXPECT_EQ(file("memory/testing.md"), "moved\n" + whole);
  write_text(work() / "memory/testing.md", whole.substr(0, whole.size() - 15));
  ASSERT_OK(applier->recheck_files());
  EXPECT_EQ(file("memory/testing.md"), whole);
}

TEST_F(ApplierRecheckTest, SectionsThatArePartsOfEachOtherAreNeitherDoubledNorHidden) {
  open_applier();
  int seq = 0;
  for (const char* text : {"- a\n", "- a\n- b\n", "- b\n"}) {
    Intent part = rule("part");
    part.text = Template::literal(text);
    append(part, ++seq);
  }
  apply_all();
  const std::string header = "# testing\n";
  ASSERT_EQ(file("memory/testing.md"), header + "- a\n- a\n- b\n- b\n");
  // The first is gone, and the second lies where it was: it is still the second.
  write_text(work() / "memory/testing.md", header + "- a\n- b\n- b\n");
  ASSERT_OK(applier->recheck_files());
  EXPECT_EQ(file("memory/testing.md"), header + "- a\n- b\n- b\n- a\n");
  // The last is gone, and the second ends as it does.
  write_text(work() / "memory/testing.md", "moved\n" + header + "- a\n- a\n- b\n");
  ASSERT_OK(applier->recheck_files());
  EXPECT_EQ(file("memory/testing.md"), "moved\n" + header + "- a\n- a\n- b\n- b\n");
}

TEST_F(ApplierRecheckTest, ASectionThatAPersonRewroteIsNotWrittenASecondTime) {
  apply_some();
  std::string edited = whole;
  const size_t at = edited.find(rule_text("three", 3));
  ASSERT_NE(at, std::string::npos);
  const size_t number = edited.find("three", at);
  edited.replace(number, 5, "rewritten by a person");
  write_text(work() / "memory/testing.md", edited);
  recheck_twice();
  EXPECT_EQ(file("memory/testing.md"), edited);
}

TEST_F(ApplierRecheckTest, RestoreFilesMakesMissingFilesAndSectionsWhateverTheirAge) {
  apply_some();
  fs::remove(work() / note_path(1));
  write_text(work() / note_path(3), "edited");
  std::string without = whole;
  without.erase(whole.find(rule_text("two", 2)), rule_text("two", 2).size());
  write_text(work() / "memory/testing.md", without);
  ASSERT_OK(applier->restore_files({7, 3, 2, 1}));
  EXPECT_EQ(file(note_path(1)), note_text("early", 1));
  EXPECT_EQ(file(note_path(3)), "edited");
  EXPECT_EQ(file("memory/testing.md"), without + rule_text("two", 2));
}

// Its journalled offset is the end of the file by then.
TEST_F(ApplierFilesTest, ASectionThatMovedUpBehindARemovedOneIsNotWrittenAgain) {
  open_applier();
  for (uint64_t id = 1; id <= 3; ++id) append(rule(fmt::format("rule {}", id)), id);
  apply_all();
  const std::string left = "# testing\n" + rule_text("rule 1", 1) + rule_text("rule 3", 3);
  write_text(work() / "memory/testing.md", left);
  must(applier->recheck_files());
  const std::string text = file("memory/testing.md");
  const size_t at = text.find(rule_text("rule 3", 3));
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_EQ(text.find(rule_text("rule 3", 3), at + 1), std::string::npos) << text;
}

// Nor where its old offset is the end of the file by now.
TEST_F(ApplierFilesTest, ASectionThatMovedUpToTheEndIsNotWrittenAgain) {
  open_applier();
  append(rule("rule 1"), 1);
  apply_all();
  must(applier->checkpoint());
  append(rule("rule 2"), 2);
  apply_all();
  const std::string left = "# testing\n" + rule_text("rule 2", 2);
  write_text(work() / "memory/testing.md", left);
  must(applier->recheck_files());
  EXPECT_EQ(file("memory/testing.md"), left);
}

}  // namespace
}  // namespace syncline
