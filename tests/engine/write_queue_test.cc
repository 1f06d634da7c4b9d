// The write queue among other processes: keys are looked up in two places, and nothing falls
// between them.
#include "engine/write_queue.h"

#include "journal/control_page.h"
#include "tests/engine/apply_fixture.h"

namespace syncline {
namespace {

// The real system, but for the time.
class ClockedPlatform final : public Platform {
 public:
  explicit ClockedPlatform(Clock& clock) : clock_(clock) {}
  Clock& clock() override { return clock_; }

 private:
  Clock& clock_;
};

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
    Process process;
    process.directory =
        std::make_unique<HookedDirectory>(must(open_posix_directory(store_path())), on_operation);
    process.journal = must(
        Journal::open(*process.directory, store_id, clock, make_plain_ring(), journal_options));
    process.queue = std::make_unique<WriteQueue>(platform, *process.directory, *process.journal,
                                                 database_path(), WriteQueueOptions{});
    return process;
  }
  PendingWritePtr record(Process& process, const Intent& intent) {
    auto write = std::make_shared<PendingWrite>();
    write->operation = intent.operation;
    write->payload = encode_intent(intent);
    write->payload_hash = hash_payload(write->payload);
    write->key = intent.key;
    write->content_hash = intent.content_hash;
    write->table = intent.table;
    write->id_column = intent.id_column;
    write->config = std::make_shared<Config>();
    EXPECT_OK(process.queue->submit(write, kForever));
    EXPECT_OK(process.queue->wait(write, kForever));
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
      .set_append_mark(AppendMark::kVoid);
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

}  // namespace
}  // namespace syncline
