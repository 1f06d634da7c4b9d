// What was set aside is tried again, as a program calls it.
#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

// A person's rule, that takes no record with the title "refused".
constexpr const char* kRule =
    "CREATE TRIGGER rule BEFORE INSERT ON notes WHEN NEW.title = 'refused' "
    "BEGIN SELECT RAISE(ABORT, 'a rule of the user'); END";

class AgainTest : public StoreTest {
 protected:
  // Sets a record aside.
  Receipt refused(Store& store, const std::string& key) {
    const Receipt receipt = must_record(store, note("refused", key));
    EXPECT_NE(receipt.set_aside.find("a rule of the user"), std::string::npos) << receipt.set_aside;
    return receipt;
  }
  std::unique_ptr<Store> open_with_the_rule() {
    auto store = open();
    must_record(*store, note("first"));
    sql(kRule);
    return store;
  }
  void drop_the_rule() const { sql("DROP TRIGGER rule"); }
  static size_t records(Store& store) {
    size_t count = 0;
    EXPECT_TRUE(store.log(1, false, [&](const LogEntry&) { return ++count != 0; }));
    return count;
  }
};

TEST_F(AgainTest, TheSameKeyRecordsWhatWasSetAsideAnew) {
  const auto store = open_with_the_rule();
  const Receipt first = refused(*store, "k");
  drop_the_rule();
  const Receipt again = must_record(*store, note("refused", "k"), Stage::kCommitted);
  EXPECT_FALSE(again.duplicate);
  EXPECT_EQ(again.set_aside, "");
  EXPECT_EQ(again.seq, first.seq + 1);
  EXPECT_TRUE(fs::exists(root() + "/" + again.path)) << again.path;
  EXPECT_EQ(notes(), 2);
  // From then on the key is that record's, here and for who opens the store next.
  EXPECT_EQ(must_record(*store, note("refused", "k")).seq, again.seq);
  const Receipt repeated = must_record(root(), note("refused", "k"));
  EXPECT_EQ(repeated.seq, again.seq);
  EXPECT_TRUE(repeated.duplicate);
  EXPECT_EQ(store->show_key("k")->seq, again.seq);
  EXPECT_EQ(store->show(first.seq)->again_as, again.seq);
  EXPECT_EQ(store->status()->set_aside, 0U);
  EXPECT_EQ(store->record(note("other", "k")).error().code, Code::kKeyConflict);
  must_sync(*store);
  expect_sound(*store);
}

TEST_F(AgainTest, WhileTheCauseStandsTheJournalDoesNotGrow) {
  const auto store = open_with_the_rule();
  const Receipt first = refused(*store, "k");
  refused(*store, "");
  const size_t before = records(*store);
  for (int i = 0; i < 3; ++i) {
    const Receipt repeated = must_record(*store, note("refused", "k"));
    EXPECT_EQ(repeated.seq, first.seq);
    EXPECT_TRUE(repeated.duplicate);
    EXPECT_NE(repeated.set_aside.find("a rule of the user"), std::string::npos);
    const auto report = store->repair(/*dry_run=*/false);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->healed.size(), 0U);
    ASSERT_EQ(report->left.size(), 2U);
    EXPECT_NE(report->left[0].detail.find("a rule of the user"), std::string::npos);
  }
  EXPECT_EQ(records(*store), before);
  EXPECT_EQ(store->status()->set_aside, 2U);
}

TEST_F(AgainTest, RepairRecordsAnewWithAndWithoutAKey) {
  const auto store = open_with_the_rule();
  const Receipt with_key = refused(*store, "k");
  const Receipt without = refused(*store, "");
  must_sync(*store);  // batches hold what was set aside
  drop_the_rule();
  const auto planned = store->repair(/*dry_run=*/true);
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->healed.size(), 2U);
  EXPECT_EQ(planned->left.size(), 0U);
  EXPECT_EQ(notes(), 1) << "nothing was done";
  const auto report = store->repair(/*dry_run=*/false);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->healed.size(), 2U);
  EXPECT_EQ(report->left.size(), 0U);
  EXPECT_NE(report->healed[0].detail.find("anew, as record 4"), std::string::npos)
      << report->healed[0].detail;
  EXPECT_EQ(notes(), 3);
  EXPECT_EQ(store->show(with_key.seq)->again_as, 4U);
  EXPECT_EQ(store->show(without.seq)->again_as, 5U);
  const auto shown = store->show(5);
  EXPECT_EQ(shown->key, "") << "no person gave it one";
  ASSERT_TRUE(shown->fields);
  EXPECT_EQ(shown->fields->front().second, FieldValue("refused"));
  EXPECT_EQ(must_record(*store, note("refused", "k")).seq, 4U);
  const auto again = store->repair(/*dry_run=*/false);
  EXPECT_EQ(again->healed.size() + again->left.size(), 0U);
  EXPECT_EQ(records(*store), 5U);
  // Exported once each, set aside or not.
  std::vector<std::pair<uint64_t, std::string>> exported;
  ASSERT_TRUE(store->export_records({.set_aside = true}, [&](const ExportedRecord& record) {
    exported.emplace_back(record.seq, record.record.key);
    return true;
  }));
  EXPECT_EQ(exported, (std::vector<std::pair<uint64_t, std::string>>{{1, ""}, {4, "k"}, {5, ""}}));
  must_sync(*store);
  expect_sound(*store);
}

TEST_F(AgainTest, ADatabaseMadeAnewKnowsWhatWasTakenIn) {
  {
    const auto store = open_with_the_rule();
    refused(*store, "k");
    refused(*store, "");
    drop_the_rule();
    ASSERT_TRUE(store->repair(/*dry_run=*/false));
    must_sync(*store);
  }
  remove_database(root());
  const auto store = open();
  must_sync(*store);
  EXPECT_EQ(notes(), 3);
  EXPECT_EQ(must_record(*store, note("refused", "k")).seq, 4U);
  EXPECT_EQ(store->status()->set_aside, 0U);
  EXPECT_EQ(store->repair(/*dry_run=*/false)->healed.size(), 0U);
  expect_sound(*store);
  const std::string copy = directory_.path().string() + "/copy";
  const auto replayed = store->replay_into(copy, std::nullopt, {});
  ASSERT_TRUE(replayed) << replayed.error().message;
  EXPECT_EQ(count_notes(copy), 3);
  const auto opened = Store::open(copy, {.read_only = true});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->show_key("k")->seq, 4U);
  EXPECT_EQ((*opened)->show(5)->commit, store->show(5)->commit);
  expect_sound(**opened);
  // Up to before it was taken in, it is set aside.
  const std::string early = directory_.path().string() + "/early";
  ASSERT_TRUE(store->replay_into(early, 3, {}));
  const auto before = Store::open(early, {.read_only = true});
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ((*before)->show_key("k")->seq, 2U);
  EXPECT_NE((*before)->show(2)->set_aside, "");
}

TEST_F(AgainTest, ByManyAtOnceItIsRecordedAnewOnce) {
  const auto store = open_with_the_rule();
  refused(*store, "k");
  drop_the_rule();
  constexpr int kThreads = 6;
  std::latch start(kThreads);
  std::vector<Receipt> receipts(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        auto& mine = receipts[static_cast<size_t>(i)];
        if (i % 2 == 0) {
          mine = must_record(*store, note("refused", "k"));
        } else {
          mine = must_record(root(), note("refused", "k"));
        }
      });
    }
  }
  for (const Receipt& receipt : receipts) EXPECT_EQ(receipt.seq, 3U) << receipt.set_aside;
  EXPECT_EQ(notes(), 2);
  EXPECT_EQ(store->status()->journaled, 3U);
  must_sync(*store);
  expect_sound(*store);
}

// As a death behind the new record's frame leaves it.
TEST_F(AgainTest, OneThatIsJournalledAndNotAppliedIsTheOneThatIsFound) {
  {
    const auto store = open_with_the_rule();
    refused(*store, "k");
    refused(*store, "");
    drop_the_rule();
  }
  {
    const auto store = open({.background = false});
    const Receipt again = must_record(*store, note("refused", "k"), Stage::kJournaled);
    EXPECT_EQ(again.seq, 4U);
    EXPECT_FALSE(again.duplicate);
    EXPECT_EQ(again.stage, Stage::kJournaled);
    EXPECT_EQ(store->show_key("k")->seq, 4U);
    const Receipt repeated = must_record(*store, note("refused", "k"), Stage::kJournaled);
    EXPECT_EQ(repeated.seq, 4U);
    EXPECT_TRUE(repeated.duplicate);
  }
  const auto store = open({.background = false});
  const auto report = store->repair(/*dry_run=*/false);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->healed.size(), 2U);
  EXPECT_EQ(report->left.size(), 0U);
  EXPECT_EQ(records(*store), 5U);
  EXPECT_EQ(notes(), 3);
  must_sync(*store);
  expect_sound(*store);
}

// Nothing is left but frames; the key is the later record's all the same.
TEST_F(AgainTest, AStoreThatGoesOnAboveALostOneKnowsWhoHasTheKey) {
  {
    const auto store = open_with_the_rule();
    refused(*store, "k");
    drop_the_rule();
    must_record(*store, note("refused", "k"), Stage::kPublished);
  }
  const std::string journal = root() + "/.git/syncline/journal";
  const std::string copy = directory_.path().string() + "/journal";
  fs::copy(journal, copy, fs::copy_options::recursive);
  must_record(root(), note("lost"), Stage::kPublished);
  remove_database(root());
  fs::remove_all(journal);
  fs::copy(copy, journal, fs::copy_options::recursive);
  const auto accepted = Store::accept_loss(root(), {});
  ASSERT_TRUE(accepted) << accepted.error().message;
  const Receipt repeated = must_record(root(), note("refused", "k"));
  EXPECT_TRUE(repeated.duplicate);
  EXPECT_EQ(repeated.seq, 3U);
  EXPECT_EQ(repeated.set_aside, "");
}

// The cause comes back between the try and the record.
TEST_F(AgainTest, OneThatIsSetAsideAnewIsTheOneThatIsLeft) {
  refused(*open_with_the_rule(), "");
  drop_the_rule();
  StoreOptions options;
  options.on_durable = [this](uint64_t) { sql(kRule); };
  {
    const auto store = open(options);
    const auto report = store->repair(/*dry_run=*/false);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->healed.size(), 0U);
    ASSERT_EQ(report->left.size(), 1U);
    EXPECT_EQ(report->left[0].seq, 3U);
    EXPECT_NE(report->left[0].detail.find("a rule of the user"), std::string::npos);
  }
  const auto store = open();
  EXPECT_EQ(store->status()->set_aside, 1U);
  drop_the_rule();
  const auto report = store->repair(/*dry_run=*/false);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->healed.size(), 1U);
  EXPECT_EQ(report->left.size(), 0U);
  EXPECT_EQ(store->show(3)->again_as, 4U);
  EXPECT_EQ(store->show(4)->key, "");
  EXPECT_EQ(store->status()->set_aside, 0U);
  EXPECT_EQ(notes(), 2);
  must_sync(*store);
  expect_sound(*store);
}

TEST_F(AgainTest, ATicketForItIsANewRecord) {
  const auto store = open_with_the_rule();
  refused(*store, "k");
  drop_the_rule();
  const auto ticket = store->submit(note("refused", "k"));
  ASSERT_TRUE(ticket) << ticket.error().message;
  const auto receipt = store->wait(*ticket);
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_FALSE(receipt->duplicate);
  EXPECT_EQ(receipt->seq, 3U);
  EXPECT_EQ(notes(), 2);
}

}  // namespace
}  // namespace syncline
