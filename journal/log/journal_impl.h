// The inside of a Journal, shared by journal_open.cc, journal_append.cc, journal_flush.cc,
// journal_commit.cc, journal_renew.cc and journal_trim.cc.
//
// Every change of segment (rotation, a cut after a dead or failed append, leaving a segment whose
// flush failed) goes through renew(), with both locks held, in this order of barriers:
//
//   [keep what is there: pending flush → fdatasync(old) → durable mark]       or carry it over
//   → <id>.new written and synced → pending birth → renamed to <id>.seg → directory synced
//   → control page: durable, end, pending append cleared, pending flush cleared → pending birth
//   cleared
//
// A crash at an arrow leaves either a .new that was never part of the journal, or a segment that is
// chained and complete; the pending birth keeps others from appending to the old one until the new
// one has been adopted, the pending flush keeps everybody from believing the old one.
#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "journal/base/aligned_buffer.h"
#include "journal/base/gate.h"
#include "journal/base/group_commit.h"
#include "journal/log/control_page.h"
#include "journal/log/journal.h"
#include "journal/log/recovery.h"
#include "journal/log/segment.h"

namespace syncline {

// Segments begin with this much prepared, or less where they are small.
inline constexpr uint64_t kFirstPrepareBytes = 256u << 10;
// Groups from this size on get their room without zeros: there writing them costs more than the
// metadata of a file that grows (bench/README.md).
inline constexpr uint64_t kReservedGroupBytesMin = 512u << 10;

enum class Renewal : uint8_t {
  kRotate,   // the segment is full: same epoch
  kCut,      // what stands behind `tail` is void: new epoch
  kAbandon,  // a flush failed: what stands above the durable mark is carried over, new epoch
};

struct Journal::Impl {
  Impl(Directory& root_directory, const StoreId& store_id, Clock& the_clock,
       const JournalOptions& journal_options, std::unique_ptr<Ring> the_ring)
      : root(root_directory),
        store(store_id),
        clock(the_clock),
        options(journal_options),
        ring(std::move(the_ring)) {}

  Directory& root;
  const StoreId store;
  Clock& clock;
  const JournalOptions options;
  RecoveryReport report;
  bool present = false;  // counted among the live
  std::unique_ptr<Directory> journal_directory;
  std::unique_ptr<FileLock> append_lock;
  std::unique_ptr<FileLock> flush_lock;
  std::unique_ptr<FileLock> open_lock;
  std::optional<ControlPage> page;

  Gate append_gate;  // taken before append_lock
  Gate flush_gate;   // taken before flush_lock, and before append_gate

  // Owned by who holds the append gate and lock.
  std::unique_ptr<Ring> ring;
  OpenSegment append_segment;
  EpochMark tail;
  bool turn_over = false;  // a write of this turn failed
  AlignedBuffer staging;

  std::optional<GroupCommit> commits;

  // Owned by who holds the flush gate and lock.
  OpenSegment flush_segment;

  // journal_open.cc
  Status open(std::span<const DurableClaim> claims);
  Status recover_alone(std::span<const DurableClaim> claims);
  Status open_beside(std::span<const DurableClaim> claims);
  Status join(std::span<const DurableClaim> claims);
  void leave();
  std::optional<ScanStart> remembered(File& file, const SegmentHeader& header) const;

  // journal_append.cc
  Status begin_append(Deadline deadline);
  void end_append();
  Result<Appended> append(std::span<const NewFrame> frames,
                          const AppendTurn::BeforeWrite& before_write);
  Status lock_append(Deadline deadline);
  Status lock_and_count(FileLock& lock, Deadline deadline);
  void unlock_append();
  Status adopt_tail();
  bool wants_renewal() const;
  bool full(const EpochMark& end) const;
  Status prepare(uint64_t group_bytes, uint64_t reserve_bytes);
  Error write_failed(const Error& error);

  // journal_commit.cc
  static void lead_commits(Journal& journal, const GroupCommit::Items& items);

  // journal_flush.cc
  Status flush_as_waiter(const Appended& appended, Deadline deadline);
  // Success when another's flush covered `appended` while waiting: then it is not held.
  Result<bool> lock_flush(const Appended* appended, Deadline deadline);
  void unlock_flush();
  Status flush_locked(Deadline deadline);
  // Success: durable. An error: it never will be. Nothing: not yet.
  std::optional<Status> covered(const Appended& appended) const;
  Status find_carried(const Appended& appended, uint64_t epoch) const;
  bool flush_is_suspect(const EpochMark& end) const;
  // fdatasync of `segment` up to `end`, with the mark around it. On failure the mark stays.
  Status sync_segment(OpenSegment& segment, const EpochMark& end);

  // journal_renew.cc; all with both locks held (or alone).
  Status lock_both(Deadline deadline);
  Status mend(bool rotate);
  Status finish_birth(uint64_t segment);
  Status adopt_dead_append(const EpochMark& end);
  Status renew(Renewal kind, EpochMark end);
  void publish(const SegmentHeader& header, uint64_t prepared_bytes);
  EpochMark durable_in(const SegmentHeader& header) const;
  Result<EpochMark> current_end() const;
  Result<OpenSegment> open_for_reading(uint64_t segment) const;
};

// For work done with a lock held: running out of memory there becomes an Error like any other, or
// the lock would never be released.
template <typename Work>
auto or_out_of_memory(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

// The end of a segment that holds nothing but what was carried over into it.
EpochMark mark_at_birth(const SegmentHeader& header, uint64_t prepared_bytes);

// How large a segment is made at first.
uint64_t first_size_bytes(const JournalOptions& options, uint64_t carried_bytes);

}  // namespace syncline
