// The table of finding classes: what documents and JSON call them is what it says, and each class
// is found in a store that has such a fault, and healed where the table says so.
#include "engine/verify/finding_class.h"

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "engine/place/identity.h"
#include "journal/log/journal.h"
#include "journal/log/segment.h"
#include "journal/os/ring.h"
#include "journal/record/control_frame.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

struct Documented {
  std::string name, meaning, mend;
  bool operator==(const Documented&) const = default;
};
void PrintTo(const Documented& row, std::ostream* out) {
  *out << row.name << " | " << row.meaning << " | " << row.mend;
}

std::vector<Documented> table() {
  std::vector<Documented> rows;
  for (size_t i = 0; i < kFindingClasses; ++i) {
    const FindingClassInfo& info = info_of(static_cast<FindingClass>(i));
    rows.push_back({std::string(info.name), std::string(info.meaning), std::string(info.mend)});
  }
  return rows;
}

// Every match of `row`, whose three groups are name, meaning and mend, in the text between `begin`
// and `end`.
std::vector<Documented> rows_of(const std::string& file, const std::string& begin,
                                const std::string& end, const std::regex& row) {
  const std::string text = read_text(fs::path(SYNCLINE_SOURCE_ROOT) / file);
  const size_t first = text.find(begin);
  EXPECT_NE(first, std::string::npos) << file << " has no " << begin;
  if (first == std::string::npos) return {};
  const std::string part = text.substr(first, text.find(end, first + begin.size()) - first);
  std::vector<Documented> rows;
  for (std::sregex_iterator at(part.begin(), part.end(), row), none; at != none; ++at) {
    rows.push_back({(*at)[1], (*at)[2], (*at)[3]});
  }
  return rows;
}

TEST(FindingClassTable, TheReadmeListsItWordForWord) {
  const std::regex row(R"(\n\| `([^`|]+)` \| ([^|]+) \| ([^|]+) \|)");
  EXPECT_EQ(rows_of("README.md", "\n## What `verify` finds\n", "\n## ", row), table());
}

TEST(FindingClassTable, TheManualPageListsItWordForWord) {
  std::vector<Documented> rows = rows_of("tools/syncline.1", "\n.SH FINDINGS\n", "\n.SH ",
                                         std::regex(R"(\n\.TP\n\.B (.+)\n(.+);\n(.+)\.)"));
  for (Documented& row : rows) {
    for (std::string* text : {&row.name, &row.meaning, &row.mend}) {
      *text = std::regex_replace(*text, std::regex(R"(\\-)"), "-");
    }
  }
  EXPECT_EQ(rows, table());
}

// Records 1 and 2 are published; what `spoil` then does to the store is the fault of that class.
class SpoiltStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    const auto store = open();
    must_record(*store, note("one"));
    must_record(*store, note("two"));
    must_sync(*store);
  }
  // A commit with what `change` makes of the tree, in place of the tip of the store's ref.
  void rewrite_own_ref(const std::string& change) const {
    run("cd '" + root() +
        "' && ref=$(git for-each-ref --format='%(refname)' refs/syncline) && "
        "export GIT_INDEX_FILE=.git/spoilt && git read-tree $ref && " +
        change +
        " && git write-tree >.git/spoilt.tree && "
        "git cat-file commit $ref | sed \"s/^tree .*/tree $(cat .git/spoilt.tree)/\" | "
        "git hash-object -t commit -w --stdin >.git/spoilt.commit && "
        "git update-ref $ref $(cat .git/spoilt.commit)");
  }
  ObjectId object_in(const std::string& name) const {
    return ObjectId::parse(read_text(root() + "/.git/" + name).substr(0, 40)).value_or(ObjectId{});
  }
  // The same by the store's own program, which has journalled the commit as the batch of both
  // records: only so does anything speak of what is in it.
  void fold_otherwise(const std::string& change) const {
    rewrite_own_ref(change);
    const auto directory = open_posix_directory(root() + "/.git/syncline");
    ASSERT_TRUE(directory);
    const auto identity = read_identity(**directory);
    ASSERT_TRUE(identity);
    const auto journal =
        Journal::open(**directory, identity->store, system_clock(), make_plain_ring(), {});
    ASSERT_TRUE(journal) << journal.error().message;
    const BatchFrame batch{.first_seq = 1,
                           .last_seq = 2,
                           .parent = {},
                           .tree = object_in("spoilt.tree"),
                           .commit = object_in("spoilt.commit"),
                           .author_name = "Syncline",
                           .author_email = "syncline@localhost"};
    const auto appended =
        (*journal)->append_control(Operation::kBatch, encode(batch), system_clock().now_ms());
    ASSERT_TRUE(appended) << appended.error().message;
    ASSERT_TRUE((*journal)->flush(*appended));
  }
  void flip_a_byte_of_the_first_record() const {
    const std::string path = root() + "/.git/syncline/journal/" + segment_name(1);
    std::string bytes = read_text(path);
    const size_t at = bytes.find("one");
    ASSERT_NE(at, std::string::npos);
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    std::ofstream(path, std::ios::binary) << bytes;
  }
  void set_aside_a_record() const {
    sql("CREATE UNIQUE INDEX titles ON notes(title)");
    ASSERT_NE(must_record(root(), note("one")).set_aside, "");
  }
  static constexpr auto kFile = "notes/0000/one-1.md";
  static std::string other_bytes_in_the_file() {
    return "echo other >.git/other && git update-index --cacheinfo 100644,"
           "$(git hash-object -w .git/other)," +
           std::string(kFile);
  }
  static std::string a_file_of_no_record() {
    return "git update-index --add --cacheinfo 100644,"
           "$(git hash-object -w syncline.toml),stranger.md";
  }
  void spoil(FindingClass cls) const {
    switch (cls) {
      case FindingClass::kJournalDamaged:
        return flip_a_byte_of_the_first_record();
      case FindingClass::kRecordMissing:
        fs::remove(root() + "/" + kFile);
        return sql("DELETE FROM notes WHERE id = 1");
      case FindingClass::kFileWithoutRow:
        return sql("DELETE FROM notes WHERE id = 1");
      case FindingClass::kRowWithoutFile:
        fs::remove(root() + "/" + kFile);
        return;
      case FindingClass::kRowDiffers:
        return sql("UPDATE notes SET title = 'other' WHERE id = 1");
      case FindingClass::kForeignRow:
        return sql(
            "INSERT INTO notes SELECT 77, title, body, tags, path, created_at "
            "FROM notes WHERE id = 1");
      case FindingClass::kForeignFile:
        std::ofstream(root() + "/notes/0000/by-hand.md") << "# by hand\n";
        return;
      case FindingClass::kSetAside:
        return set_aside_a_record();
      case FindingClass::kFileDiffers:
        std::ofstream(root() + "/" + kFile) << "edited\n";
        return;
      case FindingClass::kRowWithoutCommit:
        return git("update-ref -d $(git for-each-ref --format='%(refname)' refs/syncline)");
      case FindingClass::kFileWithoutCommit:
        return fold_otherwise(other_bytes_in_the_file());
      case FindingClass::kCommitWithoutRow:
        return fold_otherwise(a_file_of_no_record());
      case FindingClass::kHistoryRewritten:
        return rewrite_own_ref(std::string("git rm -q --cached ") + kFile);
      case FindingClass::kUnpublished:
        git(std::string("rm -q --cached ") + kFile);
        return git("commit -q --amend -m 'taken out of our commit'");
    }
  }
  // Classes of what verify finds and notes; of what salvage would do where the journal stays shut.
  std::set<std::string> found() const {
    std::set<std::string> classes;
    const auto take = [&](const std::vector<Finding>& findings) {
      for (const Finding& each : findings) classes.emplace(finding_class_name(each.cls));
    };
    if (const auto store = Store::open(root(), {})) {
      const auto report = (*store)->verify({});
      EXPECT_TRUE(report) << report.error().message;
      if (!report) return classes;
      take(report->findings);
      take(report->notes);
    } else {
      const auto report = Store::salvage(root(), /*dry_run=*/true);
      EXPECT_TRUE(report) << report.error().message;
      if (!report) return classes;
      take(report->healed);
      take(report->left);
    }
    return classes;
  }
};

class FindingClassTest : public SpoiltStoreTest,
                         public testing::WithParamInterface<FindingClass> {};

TEST_P(FindingClassTest, AStoreThatHasItIsFoundToAndHealedWhereTheTableSaysSo) {
  const FindingClassInfo& info = info_of(GetParam());
  ASSERT_EQ(found(), std::set<std::string>());
  spoil(GetParam());
  if (HasFailure()) return;
  const std::set<std::string> classes = found();
  EXPECT_TRUE(classes.contains(std::string(info.name))) << testing::PrintToString(classes);
  if (info.healing == Healing::kSalvage) {
    ASSERT_TRUE(Store::salvage(root(), /*dry_run=*/false));
  } else {
    const auto store = Store::open(root(), {});
    ASSERT_TRUE(store) << store.error().message;
    const auto report = (*store)->repair(/*dry_run=*/false);
    ASSERT_TRUE(report) << report.error().message;
  }
  const bool heals = info.healing != Healing::kNone;
  EXPECT_EQ(found().contains(std::string(info.name)), !heals);
}

// What is in such a commit is not looked at: it is told by its name.
TEST_F(SpoiltStoreTest, ACommitThatTheJournalDoesNotKnowIsHistoryRewrittenWhateverItHolds) {
  for (const std::string& change : {other_bytes_in_the_file(), a_file_of_no_record()}) {
    rewrite_own_ref(change);
    const auto store = open();
    const auto report = store->verify({});
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(report->findings.size(), 1u);
    EXPECT_EQ(finding_class_name(report->findings[0].cls), "history-rewritten");
    const auto repaired = store->repair(/*dry_run=*/false);
    ASSERT_TRUE(repaired) << repaired.error().message;
    EXPECT_EQ(repaired->healed.size(), 1u);
    EXPECT_TRUE(repaired->left.empty());
    EXPECT_EQ(found(), std::set<std::string>());
  }
}

// As the table advises.
TEST_F(SpoiltStoreTest, ARowThatDiffersIsPutBackOnRequest) {
  sql("UPDATE notes SET title = 'other', tags = 'x' WHERE id = 1");
  const auto store = open();
  const auto verified = store->verify({});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_TRUE(verified->ok()) << "a person's change is no fault";
  ASSERT_EQ(verified->notes.size(), 1u);
  EXPECT_EQ(verified->notes[0].detail, "changed by hand: title, tags");
  const auto restored = store->restore(1);
  ASSERT_TRUE(restored) << restored.error().message;
  ASSERT_EQ(restored->rows.size(), 1u);
  EXPECT_EQ(restored->rows[0], "notes 1: title was 'other', tags was 'x'");
  EXPECT_EQ(found(), std::set<std::string>());
  const auto again = store->restore(1);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->rows.empty());
}

TEST_F(SpoiltStoreTest, ARowThatWasDeletedIsPutBackOnRequest) {
  sql("DELETE FROM notes WHERE id = 1");
  const auto restored = open()->restore(1);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->rows, std::vector<std::string>{"notes 1: was missing"});
  EXPECT_EQ(found(), std::set<std::string>());
}

TEST_F(SpoiltStoreTest, ARowThatTheTableRefusesStaysAsItIs) {
  sql("UPDATE notes SET title = 'other' WHERE id = 1;"
      "CREATE TRIGGER guard BEFORE UPDATE ON notes BEGIN SELECT RAISE(ABORT, 'not so'); END");
  const auto restored = open()->restore(1);
  ASSERT_FALSE(restored);
  EXPECT_NE(restored.error().message.find("not so"), std::string::npos) << restored.error().message;
  EXPECT_TRUE(found().contains("row-differs"));
}

std::vector<FindingClass> all_classes() {
  std::vector<FindingClass> all;
  for (size_t i = 0; i < kFindingClasses; ++i) all.push_back(static_cast<FindingClass>(i));
  return all;
}
INSTANTIATE_TEST_SUITE_P(Each, FindingClassTest, testing::ValuesIn(all_classes()),
                         [](const auto& each) {
                           return std::regex_replace(std::string(info_of(each.param).name),
                                                     std::regex("-"), "_");
                         });

}  // namespace
}  // namespace syncline
