// Where records wait for their turn in the journal, and what decides their ids.
//
//   submit(): any thread ──► queue ──► lead(): one thread takes what has gathered
//                                        │ keys in SQLite (no lock)
//                                        │ append.lock: catch up, keys, ids, times, one write
//                                        │ flush
//                                        ▼
//                                     tickets done
//
// The first waiter leads and the others ride along (no thread switch at one producer); a background
// thread may lead instead. Encoding and hashing happen in the submitting threads.
//
// Cited: Helland et al., "Group Commit Timers and High Volume Transaction Systems", 1988; RocksDB's
// write_thread for the leader.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/sqlite/database.h"
#include "engine/write/append_index.h"
#include "journal/base/mutex.h"
#include "journal/log/journal.h"
#include "journal/os/platform.h"

namespace syncline {

struct WriteQueueOptions {
  uint64_t group_records_max = 4096;
  uint64_t group_bytes_max = 4u << 20;
  uint64_t queue_records_max = 16'384;
  uint64_t queue_bytes_max = 64u << 20;
  uint64_t id_floor = 0;             // ids begin above this
  std::function<void()> on_durable;  // called by the leader after a group became durable
};

// One record on its way into the journal.
struct PendingWrite {
  // Set by the submitter.
  Operation operation = Operation::kCreate;
  ByteVector payload;
  uint64_t payload_hash = 0;
  std::string key;
  ContentHash content_hash;
  Xxh3Hash xxh3{};  // the hash that a first record of payload version 1 would have
  std::string table, id_column;
  std::shared_ptr<const Config> config;  // what the record was made by

  // Set by the leader.
  bool done = false;
  std::optional<Error> error;
  bool duplicate = false;
  uint64_t seq = 0, id = 0;
  int64_t time_ms = 0;
};
using PendingWritePtr = std::shared_ptr<PendingWrite>;

class WriteQueue {
 public:
  // `database_file` is opened for reading when keys or ids have to be looked up; it may not exist
  // yet.
  WriteQueue(Platform& platform, Directory& store_directory, Journal& journal,
             DatabaseFile database_file, WriteQueueOptions options);
  ~WriteQueue();

  // Blocks while the queue is full (until a leader takes from it); kTimeout after `deadline`.
  Status submit(PendingWritePtr write, Deadline deadline) EXCLUDES(mutex_);
  // Returns once `write` is done. Leads when nobody does, unless a background thread leads.
  Status wait(const PendingWritePtr& write, Deadline deadline) EXCLUDES(mutex_);

  // A background thread's loop: leads whatever comes until stop(); then drains.
  void run() EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

  // How many records of the journal are remembered because SQLite may not know them yet. To be
  // called only while nobody leads.
  size_t remembered() const { return tail_.tail().records(); }

 private:
  using Group = std::vector<PendingWritePtr>;
  Group take_group() REQUIRES(mutex_);
  // A step towards what the caller waits for, which it looks at again afterwards: leads one group
  // where nobody leads, for itself and the others, else waits for a leader. False once the deadline
  // has passed.
  bool lead_or_wait(Deadline deadline) REQUIRES(mutex_);
  // Journals a group; afterwards each member has its error or its place.
  void lead(const Group& group, Deadline deadline) EXCLUDES(mutex_);
  void refuse_queued() REQUIRES(mutex_);
  void write_group(const Group& group, Deadline deadline) EXCLUDES(mutex_);
  // An error of prepare(), begin_turn() or append() is the answer to the whole group: nothing of it
  // is in the log.
  Status prepare(const Group& group);
  // Takes the append lock, and reads what others have appended, so that every key and id is known.
  Result<AppendTurn> begin_turn(const Group& group, Deadline deadline);
  Status know_the_log(const Group& group, const AppendTurn& turn);
  Result<Appended> append(const Group& group, Deadline deadline);
  Status restart_tail(uint64_t epoch);
  Status restart_and_look(const Group& group, const AppendTurn& turn);
  // Answers a write whose key is taken: it repeats that record, or it conflicts with it.
  void answer_key(PendingWrite& write, const KeyEntry& entry);
  Result<bool> repeats(const PendingWrite& write, const KeyEntry& entry);
  // Answers the writes whose keys SQLite knows; prunes the append index.
  Status answer_applied(const Group& group);
  // Empty where no id is left.
  Result<std::optional<uint64_t>> next_id(const std::string& table, const std::string& id_column);
  void note_config(const Config& config);

  Directory& directory_;
  Journal& journal_;
  Clock& clock_;
  const DatabaseFile database_file_;
  const WriteQueueOptions options_;

  // These belong to whoever leads.
  std::unique_ptr<Database> database_;
  AppendIndex tail_;
  uint64_t tail_epoch_ = 0;
  uint64_t tail_from_seq_ = 0;  // SQLite knows the keys up to here, the append index the later ones
  std::string journalled_config_;  // text of the newest kConfig frame
  std::map<std::string, uint64_t, std::less<>> database_ids_;

  Mutex mutex_;
  CondVar work_, done_;
  std::deque<PendingWritePtr> queue_ GUARDED_BY(mutex_);
  uint64_t queue_bytes_ GUARDED_BY(mutex_) = 0;
  bool leading_ GUARDED_BY(mutex_) = false;
  bool background_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace syncline
