// Where records wait for their turn in the journal, and what decides their ids.
//
//   submit(): any thread ──► GroupCommit ──► lead(): one thread, for a group
//                                              │ keys in SQLite (no lock)
//                                              │ append.lock: catch up, keys, ids, times, one write
//                                              │ flush
//                                              ▼
//                                            each has its place, or its error
//
// Who leads, and who sleeps meanwhile: journal/base/group_commit.h; between processes: company.h.
// Encoding and hashing happen in the submitting threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/projection/memos.h"
#include "engine/sqlite/database.h"
#include "engine/write/append_index.h"
#include "engine/write/company.h"
#include "engine/write/pending_write.h"
#include "journal/base/group_commit.h"
#include "journal/log/journal.h"
#include "journal/os/platform.h"

namespace syncline {

struct WriteQueueOptions {
  GroupLimits limits;
  GatherLimits gather;               // beside other processes
  uint64_t id_floor = 0;             // ids begin above this
  std::function<void()> on_durable;  // called by the leader after a group became durable
  // Called by the leader for one that was posted and has an error.
  std::function<void(const PendingWrite& write)> on_unwritten;
  // Believed once, for a first group of records without keys; then SQLite is opened.
  std::optional<DatabaseMemo> memo;
};

class WriteQueue {
 public:
  // `database_file` is opened for reading when keys or ids have to be looked up; it may not exist
  // yet.
  WriteQueue(Platform& platform, Directory& store_directory, Journal& journal,
             DatabaseFile database_file, WriteQueueOptions options);

  // Blocks while the queue is full; kTimeout after `deadline`: nothing was written. Of the write
  // itself it says nothing: see GroupItem::finish_by.
  Status submit(const PendingWritePtr& write, Deadline deadline);
  // Returns once `write` has its place or its error. Once `deadline` has passed: kTimeout where it
  // could be taken back, so that nothing was written, and kOutcomeUnknown where it is on its way,
  // or is to be left there.
  enum class Late : uint8_t { kTakeBack, kLeave };
  Status wait(PendingWrite& write, Deadline deadline, Late late = Late::kTakeBack);

  // A background thread's loop: writes what nobody waits for until stop(); then drains.
  void run() { group_commit_.run(); }
  void stop() { group_commit_.stop(); }

  // How many records of the journal are remembered because SQLite may not know them yet. To be
  // called only while nobody leads.
  size_t remembered() const { return tail_.tail().records(); }

 private:
  using Group = std::vector<PendingWrite*>;
  // Journals a group; afterwards each member has its error or its place. False: `begin_by` passed
  // before the append lock could be had.
  bool lead(const GroupCommit::Items& items, Deadline begin_by, Deadline finish_by);
  bool write_group(const Group& group, Deadline begin_by, Deadline finish_by);
  // How long it took until the group's records were durable.
  void note_latencies(const Group& group);
  void tell_unwritten(const GroupCommit::Items& items);
  bool lead_group(const Group& group, Deadline begin_by, Deadline finish_by);
  // An error of prepare(), begin_turn() or append() is the answer to the whole group: nothing of it
  // is in the log.
  Status prepare(const Group& group);
  // Takes the append lock, and reads what others have appended, so that every key and id is known.
  Result<AppendTurn> begin_turn(const Group& group, Deadline deadline);
  Status know_the_log(const Group& group, const AppendTurn& turn);
  Result<Appended> append(const Group& group, Deadline deadline);
  Status restart_tail(uint64_t epoch);
  // Begins the append index where the memo says that SQLite ends.
  void restart_by_memo();
  void read_config_copy(uint64_t epoch);
  bool memo_answers(const Group& group) const;
  Status restart_and_look(const Group& group, const AppendTurn& turn);
  // Answers a write whose key is taken: it repeats that record, or it conflicts with it. One that
  // takes in that very record anew gets no answer: it is to be written.
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
  bool memo_used_ = false;      // it was believed
  bool by_memo_ = false;        // and the append index begins where it says
  std::string journalled_config_;  // text of the newest kConfig frame
  std::map<std::string, uint64_t, std::less<>> database_ids_;

  Company company_;
  GroupCommit group_commit_;
};

}  // namespace syncline
