// The write queue among other processes: keys are looked up in two places, and nothing falls
// between them.
#include "engine/write/write_queue.h"

#include "journal/log/control_page.h"
#include "tests/engine/apply/apply_fixture.h"
#include "tests/engine/write/clocked_platform.h"
#include "tests/support/fault_directory.h"

namespace syncline {
namespace {

class WriteQueueTest : public ApplyTest {
 protected:
  ClockedPlatform platform{clock};
  // The queue of a process of its own.
  struct Process {
    std::unique_ptr<Directory> directory;
    std::unique_ptr<Journal> journal;
    std::unique_ptr<WriteQueue> queue;
  };
  Process start(const std::shared_ptr<DirectoryHook>& on_operation) {
    return start(
        std::make_unique<HookedDirectory>(must(open_posix_directory(store_path())), on_operation));
  }
  Process start(std::unique_ptr<Directory> of) {
    Process process;
    process.directory = std::move(of);
    process.journal = must(
        Journal::open(*process.directory, store_id, clock, make_plain_ring(), journal_options));
    process.queue = std::make_unique<WriteQueue>(platform, *process.directory, *process.journal,
                                                 database_path(), WriteQueueOptions{});
    return process;
  }
  PendingWritePtr submit(Process& process, const Intent& intent, const Xxh3Hash& xxh3 = {}) {
    PendingWritePtr write = pending_write_of(intent);
    write->xxh3 = xxh3;
    write->config = std::make_shared<Config>();
    EXPECT_OK(process.queue->submit(write, kForever));
    return write;
  }
  PendingWritePtr record(Process& process, const Intent& intent, const Xxh3Hash& xxh3 = {}) {
    PendingWritePtr write = submit(process, intent, xxh3);
    EXPECT_OK(process.queue->wait(*write, kForever));
    return write;
  }
};

// Mutant KEY_NOT_LOOKED_UP_AGAIN of tests/model: the index of what is not applied begins
// anew in a new epoch, where SQLite had not come to when it was asked.
TEST_F(WriteQueueTest, FindsAKeyThatWasAppliedWhileTheEpochChanged) {
  open_applier();
  const auto on_operation = std::make_shared<DirectoryHook>();
  Process process = start(on_operation);
  ASSERT_FALSE(record(process, note("the queue has begun"))->error);
  apply_all();
  const uint64_t first = append(note("once", "the key"), 2);

  // A third process has died within a failed append: the next turn goes to a new segment and epoch,
  // and while it does, this record is applied.
  ControlPage(must(store_directory->map_page("control", kControlPageBytes)))
      .set_pending_append(PendingAppend::kVoid);
  bool applied = false;
  *on_operation = [&](std::string_view operation, const std::string&) -> Status {
    if (operation == "rename" && !applied) {
      applied = true;
      apply_all();
    }
    return {};
  };
  const PendingWritePtr again = record(process, note("once", "the key"));
  EXPECT_TRUE(applied);
  ASSERT_FALSE(again->error);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->seq, first);
  apply_all();
  EXPECT_EQ(query("SELECT count(*) FROM notes WHERE title = 'once'"), "1\n");
}

// Whoever appended it has not flushed it yet, or died before: to answer is to vouch for it.
TEST_F(WriteQueueTest, ARepetitionIsAnsweredWhenWhatItRepeatsIsDurable) {
  Process process = start(std::make_shared<DirectoryHook>());
  const Appended first = append_undurable(note("once", "the key"), 1);
  ASSERT_LT(journal->durable().seq, first.mark.seq);
  const PendingWritePtr again = record(process, note("once", "the key"));
  ASSERT_FALSE(again->error) << again->error->message;
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->seq, first.first_seq);
  EXPECT_GE(journal->durable().seq, first.mark.seq);
}

// Two records of one group have the same key, and the group cannot be written: the second does not
// repeat anything.
TEST_F(WriteQueueTest, ARepetitionOfWhatCouldNotBeWrittenIsNoSuccess) {
  const auto faults = std::make_shared<Faults>();
  const std::unique_ptr<Directory> real = must(open_posix_directory(store_path()));
  Process process = start(std::make_unique<FaultDirectory>(*real, faults));
  ASSERT_FALSE(record(process, note("the first"))->error);
  const PendingWritePtr once = submit(process, note("once", "the key"));
  const PendingWritePtr twice = submit(process, note("once", "the key"));
  faults->fail(FaultCall::kWrite, 1, EIO);
  for (const PendingWritePtr& write : {once, twice}) {
    ASSERT_OK(process.queue->wait(*write, kForever));
    EXPECT_TRUE(write->error);
  }
  EXPECT_EQ(faults->failures(), 1u);
  const PendingWritePtr again = record(process, note("once", "the key"));
  ASSERT_FALSE(again->error) << again->error->message;
  EXPECT_FALSE(again->duplicate);
}

// Another process's record is appended, its flush fails, the kernel drops what was to be written,
// and the process dies before it can mend or tell.
TEST_F(WriteQueueTest, ALostTailBehindAFailedFlushIsNoDamage) {
  Process process = start(std::make_shared<DirectoryHook>());
  ASSERT_FALSE(record(process, note("acknowledged", "a"))->error);
  const ByteVector payload = encode_intent(note("lost", "b"));
  Mark before, after;
  {
    auto turn = must(journal->begin_append());
    before = turn.end();
    const NewFrame frame{.operation = Operation::kCreate,
                         .id = 2,
                         .time_ms = std::max(clock.now_ms(), turn.last_time_ms()),
                         .payload = payload,
                         .payload_hash = hash_payload(payload)};
    after = must(turn.append({&frame, 1})).mark;
  }
  ControlPage page(must(store_directory->map_page("control", kControlPageBytes)));
  page.set_pending_flush({after.position.segment, page.end()->epoch});
  const auto segment = must(store_directory->open_file(
      fmt::format("journal/{:016x}.seg", after.position.segment), {.write = true}));
  const ByteVector zeros(after.position.offset - before.position.offset);
  ASSERT_OK(segment->write_at(before.position.offset, zeros));

  const PendingWritePtr next = record(process, note("next", "c"));
  ASSERT_FALSE(next->error) << next->error->message;
  EXPECT_EQ(next->seq, 2u);
  EXPECT_FALSE(record(process, note("lost", "b"))->duplicate);
}

// The same without a flush that failed: the log is damaged, and nobody writes behind it.
TEST_F(WriteQueueTest, ADamagedTailIsToldAndNothingIsAppended) {
  Process process = start(std::make_shared<DirectoryHook>());
  ASSERT_FALSE(record(process, note("acknowledged", "a"))->error);
  const Mark before = journal->end();
  append(note("rots"), 2);
  const auto segment = must(store_directory->open_file(
      fmt::format("journal/{:016x}.seg", before.position.segment), {.write = true}));
  const ByteVector zeros(512);
  ASSERT_OK(segment->write_at(before.position.offset, zeros));
  const PendingWritePtr next = record(process, note("next", "c"));
  ASSERT_TRUE(next->error);
  EXPECT_EQ(next->error->code, Code::kCorrupt);
  EXPECT_EQ(journal->end().seq, 2u);
}

// A record of payload version 1 under the key: equal hashes alone are no proof of equal contents.
TEST_F(WriteQueueTest, TwoContentsOfOneOldHashAreTwoContents) {
  const Xxh3Hash hash{std::byte{7}};
  Intent first = note("first", "the key");
  first.content_hash = hash;
  const uint64_t seq = append(first, 1);
  const auto expect_answers = [&] {
    Process process = start(std::make_shared<DirectoryHook>());
    const auto retry = [&](const std::string& title, const Xxh3Hash& xxh3) {
      return record(process, note(title, "the key"), xxh3);
    };
    const PendingWritePtr same = retry("first", hash);
    ASSERT_FALSE(same->error) << same->error->message;
    EXPECT_TRUE(same->duplicate);
    EXPECT_EQ(same->seq, seq);
    for (const PendingWritePtr& other :
         {retry("other", hash), retry("first", Xxh3Hash{std::byte{8}})}) {
      EXPECT_FALSE(other->duplicate);
      ASSERT_TRUE(other->error);
      EXPECT_EQ(other->error->code, Code::kKeyConflict);
    }
  };
  expect_answers();
  open_applier();
  apply_all();
  EXPECT_EQ(query("SELECT length(content_hash) FROM syncline_keys"), "16\n");
  expect_answers();
}

// The database is made again while a long ingest runs, or was not there when it began.
TEST_F(WriteQueueTest, RemembersOnlyWhatSqliteDoesNotKnow) {
  constexpr size_t kRemembered = 8192;
  options.write_files = false;
  Process process = start(std::make_shared<DirectoryHook>());
  const auto submit = [&](const std::string& title) {
    const Intent intent = note(title);
    PendingWritePtr write = pending_write_of(intent);
    write->config = std::make_shared<Config>();
    EXPECT_OK(process.queue->submit(write, kForever));
    return write;
  };
  for (size_t i = 0; i < kRemembered; ++i) submit("many");
  ASSERT_OK(process.queue->wait(*submit("last"), kForever));
  while (process.queue->remembered() <= kRemembered) {
    ASSERT_OK(process.queue->wait(*submit("one more"), kForever));
  }
  open_applier();
  apply_all();
  const PendingWritePtr next = record(process, note("next", "a key"));
  ASSERT_FALSE(next->error) << next->error->message;
  EXPECT_LE(process.queue->remembered(), 1u);
  EXPECT_EQ(next->id, next->seq);
}

// What a database may be while another process, or a person, deletes, replaces or remakes it.
class RebuiltDatabaseTest : public WriteQueueTest {
 protected:
  // Applied, then asked for again by a process that has begun before or begins now.
  void expect_known(Process& process) {
    const PendingWritePtr again = record(process, note("once", "the key"));
    ASSERT_FALSE(again->error) << again->error->message;
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->seq, 1u);
  }
  void expect_known_by_old_and_new() {
    expect_known(*old_);
    Process fresh = start(std::make_shared<DirectoryHook>());
    expect_known(fresh);
  }
  void SetUp() override {
    open_applier();
    append(note("once", "the key"), 1);
    apply_all();
    applier.reset();
    old_.emplace(start(std::make_shared<DirectoryHook>()));
    expect_known(*old_);
  }
  std::optional<Process> old_;
};

TEST_F(RebuiltDatabaseTest, AKeyIsKnownWhereTheDatabaseIsGone) {
  remove_database();
  expect_known_by_old_and_new();
}

TEST_F(RebuiltDatabaseTest, AKeyIsKnownWhereTheDatabaseIsEmpty) {
  remove_database();
  write_text(database_path(), "");
  expect_known_by_old_and_new();
}

TEST_F(RebuiltDatabaseTest, AKeyIsKnownWhereTheDatabaseHasNoneOfOurTablesYet) {
  remove_database();
  ASSERT_EQ(ForeignConnection(database_path()).execute("CREATE TABLE notes(id)"), SQLITE_OK);
  expect_known_by_old_and_new();
}

TEST_F(RebuiltDatabaseTest, AKeyIsKnownWhereOurTablesWereDroppedUnderTheConnection) {
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("DROP TABLE syncline_keys; DROP TABLE syncline_meta"),
            SQLITE_OK);
  expect_known_by_old_and_new();
}

TEST_F(RebuiltDatabaseTest, AKeyIsKnownWhereTheDatabaseHasFallenBehindWhatWasForgotten) {
  ASSERT_EQ(ForeignConnection(database_path())
                .execute("DELETE FROM syncline_keys;"
                         "UPDATE syncline_meta SET value = 0 WHERE name = 'applied_seq';"
                         "UPDATE syncline_meta SET value = 0 WHERE name = 'applied_segment';"
                         "UPDATE syncline_meta SET value = 0 WHERE name = 'applied_offset'"),
            SQLITE_OK);
  expect_known_by_old_and_new();
}

TEST_F(RebuiltDatabaseTest, AKeyIsKnownWhereTheDatabaseIsDamaged) {
  remove_database();
  write_text(database_path(), std::string(50'000, 'x'));
  expect_known_by_old_and_new();
}

}  // namespace
}  // namespace syncline
