// The intent journal of a store: appended to by any number of processes, without a server.
//
//   threads ──► one AppendTurn at a time (append.lock) ──► frames in the current segment
//                        │                                        │
//                        └──────────── flush(mark) ◄──────────────┘
//               (flush.lock: one fdatasync covers everyone before it)
//
// Locks, in the order in which they may be taken: flush.lock, then append.lock. open.lock is held
// shared for the life of a Journal; a process that gets it exclusively is alone, and recovers.
//
// Barriers: a group is written whole under append.lock (padded to kBlockBytes) → fdatasync under
// flush.lock → durable mark in the control page → acknowledge. A new segment has header, zeros and
// directory entry durable before the first frame goes in, and everything before it is durable
// before its header says where the segment before ends.
//
// A failed flush (or a process that died inside one, seen by the mark it left) is never retried:
// the segment is abandoned at its durable end, what lies above is copied to a new segment in a new
// epoch, and every process sees the epoch change. Nothing is acknowledged into a segment that is no
// longer linked.
//
// Threading: every method may be called from any thread; appends and flushes of one Journal are
// serialised inside. Cited: Gray & Reuter ch. 9 (group commit); Rebello et al., ATC 2020 (fsync);
// Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014 (directory syncs, torn
// writes).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "journal/base/clock.h"
#include "journal/log/format.h"
#include "journal/log/frame.h"
#include "journal/os/file_system.h"
#include "journal/os/ring.h"
#include "journal/os/told_lock.h"
#include "syncline/histogram.h"
#include "syncline/result.h"

namespace syncline {

struct JournalOptions {
  uint64_t segment_bytes_max = 64u << 20;
  uint64_t prepare_bytes = 1u << 20;  // zero-filled ahead of the tail in steps of up to this
  uint64_t control_reserve_bytes = 64u << 10;  // kept back for control frames when the disk is full
  bool direct_io = true;                       // appends by O_DIRECT where the file system knows it
  Deadline open_deadline = kForever;           // of waiting to open while another opens or appends
  // Reads what is durable now beside whoever appends or recovers, waiting for none of their locks;
  // takes no appends, and puts nothing right.
  bool beside = false;
  TellWait on_wait = {};  // told for whom a lock is waited for, after a second
};

// What somebody knows to have been durable: the log must reach at least that far. FORMAT.md,
// "Claims", lists who may know it.
struct DurableClaim {
  // Where only the record's number is known (a commit's trailer) the position is {0, 0}. A position
  // counts in the segment it names; where that was left for a later one, the sequence counts.
  Mark mark;
  std::string source;  // "applied watermark of syncline.db", "trailer of refs/syncline/…"
};

// What open() found and did. On a read-only file system a journal can be read, as of the moment it
// was opened, and takes no appends.
//
// `torn` is reported once: the new segment's header records the cut, so the next open finds a clean
// end.
struct RecoveryReport {
  bool alone = false;  // this process scanned the tail
  bool torn = false;   // a torn tail was cut at `torn_at`
  Position torn_at;
  uint64_t torn_bytes = 0;
  bool abandoned = false;  // a flush had failed or was interrupted: its segment was left
  uint64_t frames_scanned = 0;
};

// Where an append went; flush() it, then it may be acknowledged.
struct Appended {
  Mark mark;  // everything up to and including this append
  uint64_t epoch = 0;
  uint64_t first_seq = 0;  // of the records in it; 0 when it held control frames only
  // Of its last frame. 0 where the group is empty: flushing it makes durable what came before.
  uint64_t last_payload_hash = 0;
};

// Shared counters and watermarks, for status. All are hints: a cache in the control page.
enum class Counter : uint8_t {
  kAppends,  // groups written
  kRecords,  // records appended
  kFlushes,  // fdatasyncs of the journal
  kFlushFailures,
  kBatches,  // commits on the store's ref
  kPublishes,
  kRetries,  // of RetryCause::kOther; those of the other causes follow it
  kCount = kRetries + 6,
};
// Why something was tried again after a wait. Programs that told no causes apart counted all as
// kOther.
enum class RetryCause : uint8_t {
  kOther,       // a turn in the background failed, a database was exchanged, a push met another
  kSqliteBusy,  // another program held the database's lock
  kGitLock,     // a lock file of git's was held
  kGitState,    // a person's git was in a state in which publishing waits
  kLockWait,    // another process had a role, or a lock of the store for more than kLongLockWaitNs
  kFlush,       // a flush failed, or was left by a dead process: done again in a new segment
  kCount,
};
static_assert(std::to_underlying(Counter::kCount) ==
              std::to_underlying(Counter::kRetries) + std::to_underlying(RetryCause::kCount));
std::string_view retry_cause_name(RetryCause cause);  // "sqlite_busy"
inline constexpr int64_t kLongLockWaitNs = 10'000'000;
// Durations that all processes of the store add to one histogram.
enum class Latency : uint8_t {
  kJournaled,  // from a record's submission until it was durable
  kApplied,    // from a record's time, of the journal, until row and file were there
  kCommitted,  // … until it was in a commit on the store's own ref
  kFlush,      // of one flush
  kCount,
};
enum class Watermark : uint8_t { kApplied, kCommitted, kPublished, kPushed, kCount };
// When something was last done, in whichever process; 0 where nobody knows.
enum class Moment : uint8_t { kApplyTurn, kSyncTurn, kCount };
// What the layers above note for the next process of the same boot, in their own words.
enum class Memo : uint8_t { kDatabase, kGit, kCount };
inline constexpr size_t kMemoBytesMax = 640;
// By Memo; nothing in the place of one that is not there or cannot be believed.
using Memos = std::array<std::optional<ByteVector>, std::to_underlying(Memo::kCount)>;

class Journal;

// The append lock, held. At most one in the world; keep it short: no I/O but the append itself.
class AppendTurn {
 public:
  AppendTurn(AppendTurn&&) noexcept;
  AppendTurn& operator=(AppendTurn&&) = delete;
  ~AppendTurn();  // releases the lock

  Mark end() const;              // all that is in the log, durable or not
  int64_t last_time_ms() const;  // no later record may have an earlier time
  uint64_t epoch() const;
  // Another one as soon as an append of whichever process begins.
  uint32_t word() const;

  // Writes the frames as one group, in order; records get end().seq + 1, + 2, …
  // Failure: kRetryLater on a full disk (nothing was written that will ever be read as a frame);
  // kOutcomeUnknown/kIo when the write failed: the segment is abandoned, nothing of it is in the
  // log. Record frames leave control_reserve_bytes free; control frames may use them.
  // `before_write` is told where each frame will end, when nothing but the write is left to do.
  using BeforeWrite = std::function<void(std::span<const Mark> ends)>;
  Result<Appended> append(std::span<const NewFrame> frames, const BeforeWrite& before_write = {});

 private:
  friend class Journal;
  explicit AppendTurn(Journal* journal) : journal_(journal) {}
  Journal* journal_;
};

class Journal {
 public:
  // Makes the journal below `directory` (.git/syncline): journal/, control, *.lock, and the first
  // segment, durable with its directory. kExists when there is a journal.
  //
  // A store that continues above a lost one begins with `first_seq`: the sequences below belong to
  // the lost store. `keep_below`, where given, makes durable in the journal's directory whatever is
  // still known of those records, as if they had been trimmed: the journal then begins with segment
  // 2. Repeated after a crash at any moment, create ends in the same state.
  static Status create(Directory& directory, const StoreId& store, Clock& clock,
                       const JournalOptions& options, uint64_t first_seq = 1,
                       const std::function<Status(Directory& journal_directory)>& keep_below = {});

  // Opens for reading and appending; recovers when alone. kCorrupt names segment and offset;
  // kNotFound when there is no journal. `directory` and `clock` must outlive the Journal.
  static Result<std::unique_ptr<Journal>> open(Directory& directory, const StoreId& store,
                                               Clock& clock, std::unique_ptr<Ring> ring,
                                               const JournalOptions& options,
                                               std::span<const DurableClaim> claims = {});
  ~Journal();

  const RecoveryReport& recovery() const;
  const StoreId& store() const;

  Result<AppendTurn> begin_append(Deadline deadline = kForever);

  // Returns once `appended` is durable, by this process's flush or another's. kOutcomeUnknown when
  // a flush failed and the frames did not make it into the segment that replaced the failed one.
  Status flush(const Appended& appended, Deadline deadline = kForever);
  // Appends the frames and makes them durable, together with what other threads of this process
  // commit meanwhile. The time of each is its own, or that of the frame before it where that is
  // later. Errors as of append() and flush(): with kOutcomeUnknown they may or may not be in the
  // log.
  Result<Appended> commit(std::span<const NewFrame> frames);
  // Commits one control frame.
  Result<Appended> append_control(Operation operation, ByteSpan payload, int64_t now_ms);
  // Makes all that is in the log now durable.
  Status flush_all(Deadline deadline = kForever);

  Mark durable() const;  // only what lies before this is applied and folded
  Mark end() const;      // a hint outside an AppendTurn
  uint64_t epoch() const;
  // Position of the first frame the log still holds, and the seq before it.
  Result<Mark> begin() const;

  // Trims whole segments that hold nothing after `checkpoint`. The caller vouches that every
  // projection is durable up to there. Before a segment is removed, `keep` makes durable, in the
  // journal's directory, whatever must outlive its frames from..to; without `keep` nothing outlives
  // them, because the journal does not know what payloads say. Returns how many segments were
  // removed.
  using Keep =
      std::function<Status(Directory& journal_directory, const Mark& from, const Mark& to)>;
  Result<uint64_t> trim(const Mark& checkpoint, const Keep& keep = {});
  // Bytes of all segments, for the backlog limit and retention.
  Result<uint64_t> size_bytes() const;

  // Does another process have the journal open? A guess, right where none was killed.
  bool in_company() const { return live() > 1; }
  uint64_t live() const;  // this one included; 0 where it is seen by this process alone
  // The same for all who have the journal open now, and another one for all who had it open before
  // there was a moment when nobody had. 0 where this process sees it by itself.
  uint64_t presence() const;

  // Hints shared between processes.
  uint64_t watermark(Watermark which) const;
  void set_watermark(Watermark which, uint64_t seq);    // rises only; wakes waiters
  void reset_watermark(Watermark which, uint64_t seq);  // sets as it is (a projection was rebuilt)
  // Waits until the watermark is at least `seq`; false when `deadline` passed. May be woken early
  // only by progress: callers that depend on a role being held must also try the role's lock
  // themselves.
  bool wait_watermark(Watermark which, uint64_t seq, Deadline deadline,
                      const std::function<bool()>& give_up = {});
  // Makes those who wait look again, and ask `give_up`; what it asks about is changed before.
  void wake_waiters(Watermark which);
  uint64_t counter(Counter which) const;
  void add_counter(Counter which, uint64_t amount = 1);
  // A wait is over, and something is tried again.
  void count_retry(RetryCause cause, uint64_t amount = 1);
  uint64_t retries(RetryCause cause) const;
  uint64_t retries_last_minute() const;  // of the last 60 to 65 s of the wall clock
  Histogram latencies(Latency which) const;
  void add_latencies(Latency which, const Histogram& seen);
  // Milliseconds of the wall clock, which may have jumped since.
  int64_t moment(Moment which) const;
  void set_moment(Moment which, int64_t time_ms);
  // One writer at a time. A memo lives as long as the page cache that it was written in: it is lost
  // with it, and with the page.
  void remember(Memo which, ByteSpan bytes);
  // Read before the journal is opened.
  static Memos recall(Directory& directory, const StoreId& store);

  // Role locks of the layers above ("apply.lock", "sync.lock", …).
  Result<std::unique_ptr<FileLock>> open_role(std::string_view name);
  // Tells (JournalOptions::on_wait) that such a lock is waited for, and who has it.
  void tell_wait(FileLock& lock) const;
  // Waits for such a lock, and tells when that takes long.
  Status lock_role(FileLock& lock, Deadline deadline) const;

 private:
  friend class AppendTurn;
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
