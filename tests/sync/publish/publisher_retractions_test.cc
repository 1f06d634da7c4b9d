// What a record took away goes from branch, index and work tree in one step; what a person has
// edited stays.
#include "sync/publish/publisher.h"
#include "tests/sync/publish/publish_fixture.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRules = "rules/cpp.md";

class PublisherRetractionTest : public PublisherTest {
 protected:
  void SetUp() override {
    PublisherTest::SetUp();
    store.record(note_intent("one"));
    store.record(note_intent("two"));
    store.record(rule_intent("cpp", "first"));
    store.record(rule_intent("cpp", "second"));
  }
  static std::string section(uint64_t seq, const std::string& text) {
    return fmt::format("\n## H-{}: {}\n", seq, text);
  }
  void retract_note(uint64_t seq, const std::string& text) {
    const Effects made = render_effects(note_intent(text), seq, seq,
                                        1'700'000'000'000 + static_cast<int64_t>(seq) * 1000);
    retract(retraction_intent(seq, Operation::kCreate, made.path, {}, made.text));
  }
  void retract_rule(uint64_t seq, const std::string& text) {
    retract(
        retraction_intent(seq, Operation::kAppend, kRules, "# Rules: cpp\n", section(seq, text)));
  }
  void retract(const Intent& intent) {
    store.outcomes.retract(intent.retracted->seq, store.last_seq + 1);
    store.record(intent, /*write_file=*/false);
  }
  std::string work_text(const std::string& path) const { return read_text(store.work(path)); }
};

TEST_F(PublisherRetractionTest, AFileAndASectionGoFromBranchIndexAndWorkTree) {
  store.publish_all();
  retract_note(1, "one");
  retract_rule(3, "first");
  const PublishReport report = store.publish_all();
  EXPECT_TRUE(report.left.empty());
  EXPECT_FALSE(fs::exists(store.work(store.note_path(1))));
  EXPECT_EQ(work_text(kRules), "# Rules: cpp\n" + section(4, "second"));
  EXPECT_EQ(store.branch_file(kRules) + "\n", work_text(kRules));
  EXPECT_EQ(store.changed_in_head(), "D\t" + store.note_path(1) + "\nM\t" + kRules);
  expect_clean();
  const std::string head = store.head();
  EXPECT_TRUE(store.publish_all().commit.is_zero());
  EXPECT_EQ(store.head(), head);
}

TEST_F(PublisherRetractionTest, ASectionGoesWhileAnotherComes) {
  store.publish_all();
  retract_rule(4, "second");
  store.record(rule_intent("cpp", "third"), /*write_file=*/false);
  store.publish_all();
  const std::string expected = "# Rules: cpp\n" + section(3, "first") + section(6, "third");
  EXPECT_EQ(work_text(kRules), expected);
  EXPECT_EQ(store.branch_file(kRules) + "\n", expected);
  expect_clean();
}

TEST_F(PublisherRetractionTest, TheLastSectionTakesTheFileWithIt) {
  store.publish_all();
  retract_rule(3, "first");
  retract_rule(4, "second");
  store.publish_all();
  EXPECT_FALSE(fs::exists(store.work(kRules)));
  EXPECT_EQ(store.changed_in_head(), std::string("D\t") + kRules);
  expect_clean();
}

TEST_F(PublisherRetractionTest, WhatWasNeverPublishedGoesFromTheWorkTree) {
  retract_note(1, "one");
  retract_rule(3, "first");
  store.publish_all();
  EXPECT_FALSE(fs::exists(store.work(store.note_path(1))));
  EXPECT_EQ(work_text(kRules), "# Rules: cpp\n" + section(4, "second"));
  EXPECT_EQ(store.branch_file(kRules) + "\n", work_text(kRules));
  expect_clean();
}

TEST_F(PublisherRetractionTest, WhatAPersonHasEditedStaysAndIsTold) {
  store.publish_all();
  commit_file(store.note_path(1), "a person's text\n");
  write_file(store.work(store.note_path(2)), "not committed\n");
  commit_file(kRules, "# Rules: cpp\n" + section(3, "first, mended") + section(4, "second"));
  time_passes();
  retract_note(1, "one");
  retract_note(2, "two");
  retract_rule(3, "first");
  const PublishReport report = store.publish_all();
  EXPECT_EQ(report.left,
            (std::vector<std::string>{store.note_path(1), store.note_path(2), kRules}));
  EXPECT_EQ(work_text(store.note_path(1)), "a person's text\n");
  EXPECT_EQ(work_text(store.note_path(2)), "not committed\n");
  EXPECT_NE(work_text(kRules).find("first, mended"), std::string::npos);
  EXPECT_EQ(store.status(), " M " + store.note_path(2));
}

TEST_F(PublisherRetractionTest, AnEditOnTheBranchStaysWhereTheWorkTreeHasNoFile) {
  store.publish_all();
  commit_file(store.note_path(1), "a person's text\n");
  fs::remove(store.work(store.note_path(1)));
  time_passes();
  retract_note(1, "one");
  EXPECT_EQ(store.publish_all().left, (std::vector<std::string>{store.note_path(1)}));
  EXPECT_EQ(store.branch_file(store.note_path(1)), "a person's text");
}

TEST_F(PublisherRetractionTest, WhatAPersonHasRemovedIsGoneAlready) {
  store.publish_all();
  store.repository.git("rm -q " + store.note_path(1));
  store.repository.git("commit -q -m tidy");
  time_passes();
  retract_note(1, "one");
  EXPECT_TRUE(store.publish_all().left.empty());
  expect_clean();
}

TEST_F(PublisherRetractionTest, WhatAPersonHasStagedStaysStaged) {
  store.publish_all();
  const std::string path = store.note_path(1), mine = work_text(path) + "staged\n";
  const std::string old = work_text(path);
  write_file(store.work(path), mine);
  store.repository.git("add " + path);
  write_file(store.work(path), old);
  time_passes();
  retract_note(1, "one");
  store.publish_all();
  EXPECT_EQ(store.repository.git("show :" + path) + "\n", mine);
}

// Between the work tree's part and the index's: what is left looks like an edit, and is none.
TEST_F(PublisherRetractionTest, APublishThatDiedBehindTheWorkTreesPartIsTakenUp) {
  store.publish_all();
  retract_note(1, "one");
  retract_rule(3, "first");
  fs::remove(store.work(store.note_path(1)));
  write_file(store.work(kRules), "# Rules: cpp\n" + section(4, "second"));
  EXPECT_TRUE(store.publish_all().left.empty());
  EXPECT_EQ(store.changed_in_head(), "D\t" + store.note_path(1) + "\nM\t" + kRules);
  expect_clean();
}

TEST_F(PublisherRetractionTest, SoIsOneThatHadPlacedSectionsBehindTheCut) {
  store.publish_all();
  retract_rule(3, "first");
  store.record(rule_intent("cpp", "third"), /*write_file=*/false);
  const std::string left = "# Rules: cpp\n" + section(4, "second") + section(6, "third");
  write_file(store.work(kRules), left);
  EXPECT_TRUE(store.publish_all().left.empty());
  EXPECT_EQ(store.branch_file(kRules) + "\n", left);
  EXPECT_EQ(work_text(kRules), left);
  expect_clean();
}

TEST_F(PublisherRetractionTest, SoIsOneThatHadPlacedASectionBeforeTheRetraction) {
  store.publish_all();
  store.record(rule_intent("cpp", "third"));  // in the work tree, and not on the branch
  retract_rule(3, "first");
  EXPECT_TRUE(store.publish_all().left.empty());
  EXPECT_EQ(work_text(kRules), "# Rules: cpp\n" + section(4, "second") + section(5, "third"));
  EXPECT_EQ(store.branch_file(kRules) + "\n", work_text(kRules));
  expect_clean();
}

// A power cut left zeros where header and retracted sections stood, on the branch and not yet on
// it; what stays was written again.
TEST_F(PublisherRetractionTest, WhatAPowerCutLeftOfRetractedSectionsIsNoEdit) {
  store.publish_all();
  store.record(rule_intent("cpp", "third"));
  store.record(rule_intent("cpp", "fourth"));
  std::string text = work_text(kRules);
  for (const auto& [seq, lost] : {std::pair{3, "first"}, std::pair{5, "third"}}) {
    const size_t at = text.find(section(static_cast<uint64_t>(seq), lost));
    text.replace(at + 3, 4, 4, '\0');
    retract_rule(static_cast<uint64_t>(seq), lost);
  }
  text.replace(0, 5, 5, '\0');
  write_file(store.work(kRules), text);
  EXPECT_TRUE(store.publish_all().left.empty());
  EXPECT_EQ(work_text(kRules), "# Rules: cpp\n" + section(4, "second") + section(6, "fourth"));
  EXPECT_EQ(store.branch_file(kRules) + "\n", work_text(kRules));
  expect_clean();
}

TEST_F(PublisherRetractionTest, NorIsWhatItLeftOfWhatWasNeverPublished) {
  const std::string note = store.work(store.note_path(1));
  write_file(note, std::string(work_text(store.note_path(1)).size(), '\0'));
  write_file(store.work(kRules), std::string(work_text(kRules).size(), '\0'));
  retract_note(1, "one");
  retract_rule(3, "first");
  retract_rule(4, "second");
  EXPECT_TRUE(store.publish_all().left.empty());
  EXPECT_FALSE(fs::exists(note));
  EXPECT_FALSE(fs::exists(store.work(kRules)));
}

// What was published before stays published, and what was taken away stays away.
TEST_F(PublisherRetractionTest, AResetThatBringsItBackIsPublishedOver) {
  store.publish_all();
  retract_note(1, "one");
  retract_rule(3, "first");
  store.publish_all();
  const std::string head = store.head();
  store.repository.git("reset -q --hard HEAD^");
  ASSERT_TRUE(fs::exists(store.work(store.note_path(1))));
  time_passes();
  EXPECT_TRUE(store.publish_all().left.empty());
  EXPECT_FALSE(fs::exists(store.work(store.note_path(1))));
  EXPECT_EQ(work_text(kRules), "# Rules: cpp\n" + section(4, "second"));
  EXPECT_EQ(store.changed_in_head(), "D\t" + store.note_path(1) + "\nM\t" + kRules);
  EXPECT_EQ(store.repository.git("log -1 --format=%s"),
            "syncline: 2 files without what was retracted");
  EXPECT_NE(store.head(), head);
  expect_clean();
  EXPECT_TRUE(store.publish_all().commit.is_zero());
}

TEST_F(PublisherRetractionTest, OfAnAmendedCommitNothingRetractedIsMissing) {
  store.publish_all();
  retract_rule(3, "first");
  store.publish_all();
  const std::string text = "# Rules: cpp\na person's line\n" + section(4, "second");
  write_file(store.work(kRules), text);
  store.repository.git("commit -q -a --amend -m amended");
  time_passes();
  const PublishReport report = store.publish_all();
  EXPECT_TRUE(report.republished.empty());
  EXPECT_EQ(work_text(kRules), text);
  expect_clean();
}

// A person's own commit is theirs, whatever record it brings back.
TEST_F(PublisherRetractionTest, ARevertOfItStands) {
  store.publish_all();
  retract_note(1, "one");
  store.publish_all();
  store.repository.git("revert --no-edit HEAD");
  time_passes();
  store.record(note_intent("three"));
  store.publish_all();
  EXPECT_TRUE(fs::exists(store.work(store.note_path(1))));
  expect_clean();
}

// A rewritten branch is compared section by section, and a retracted one is not missing there.
TEST_F(PublisherRetractionTest, ARetractedSectionIsNotPutBack) {
  store.publish_all();
  retract_rule(3, "first");
  store.publish_all();
  commit_file(kRules, "# Rules: cpp\n" + section(4, "second, mended"));
  time_passes();
  store.record(rule_intent("cpp", "third"));
  store.publish_all();
  EXPECT_EQ(store.branch_file(kRules).find("first"), std::string::npos);
  EXPECT_NE(store.branch_file(kRules).find("third"), std::string::npos);
}

}  // namespace
}  // namespace syncline
