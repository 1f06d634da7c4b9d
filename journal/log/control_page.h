// The mapped page through which the processes of a store share what they know of the log.
//
// It is a cache. It is trusted while another live process holds open.lock shared; a process that is
// alone derives everything again by scanning the log, with two exceptions.
//
// The pending flush is always honoured: its setter may have died after a failed fsync; a spurious
// mark costs one harmless renewal.
//
// The durable mark is a claim, whichever boot wrote it: it is set only after the flush that it
// reports, so the frames before it were durable before the page held it. A log that does not reach
// it has lost data. Nobody waits for the page itself to become durable: after a power cut the page
// may be in any earlier state, and then it claims less. As long as the page cache in which it was
// written has not been lost, the mark also says where a scan may begin, once the frame there has
// been checked.
//
//   field         written under                     read by
//   end           append.lock                       anyone (as a hint)
//   durable       flush.lock (or append + alone)    anyone
//   pending append   append.lock                       who holds append.lock
//   pending birth    flush.lock + append.lock          who holds either
//   pending flush    flush.lock                        who holds flush.lock, and recovery
//   blank rest       anyone who leaves                 who is alone
//   watermarks, counters, latencies, moments, presence: anyone, atomically
//   memos            a lock of the layer above          anyone (recall_from)
//
// A memo's check word covers the token of the page cache: one that outlived its page cache, or that
// was caught half-written, is none.
//
// Every access is a lock-free atomic on the mapped bytes. A Mark is held in two slots, written in
// turn, each with a check word, so that a writer killed at any instruction leaves one whole.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "journal/base/clock.h"
#include "journal/log/format.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"

namespace syncline {

// Whose claim the page's durable mark is, in messages.
inline constexpr std::string_view kPageClaim = "durable mark of the control page";

inline constexpr size_t kControlPageBytes = 4096;

// A place in the log and what is known of it.
struct EpochMark {
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t seq = 0;
  uint64_t epoch = 0;
  int64_t last_time_ms = 0;
  uint64_t last_frame = 0;      // offset of the frame that ends here; 0 where none does
  uint64_t prepared_bytes = 0;  // of the segment: zeros, or room for them, up to here

  Position position() const { return {segment, offset}; }
  Mark mark() const { return {position(), seq}; }
  bool operator==(const EpochMark&) const = default;
};

enum class PendingAppend : uint64_t {
  kNone = 0,
  kUnderWay = 1,  // a group is being written after `end`; if found set, its writer died
  kVoid = 2,      // a write failed: what stands behind `end` must never become a frame
};

struct PendingFlush {
  uint64_t segment = 0;
  uint64_t epoch = 0;
  bool operator==(const PendingFlush&) const = default;
};

// What a process that left the store knew of the end's segment: from `offset` on all of the file
// was zero, and it has not been changed since as long as its size and time of change are these. No
// write leaves them as they were, a restored copy's as little as a stranger's.
struct BlankRest {
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
  int64_t ctime_s = 0;
  uint32_t ctime_ns = 0;
};

class ControlPage {
 public:
  explicit ControlPage(std::unique_ptr<SharedPage> page);

  bool is_private() const { return page_->is_private(); }
  // The durable mark is a claim in the next boot too, once the page is on the disk.
  void start_writeback() { page_->start_writeback(); }
  // Is it a page of this store and version?
  bool valid(const StoreId& store) const;
  // Makes it such a page, with nothing known; `token` as in same_cache().
  void format(const StoreId& store, std::string_view cache_token);
  // Was the page last formatted or adopted in the page cache that is there now?
  bool same_cache(std::string_view cache_token) const;
  void adopt_cache(std::string_view cache_token);

  std::optional<EpochMark> end() const;
  void set_end(const EpochMark& mark);
  std::optional<EpochMark> durable() const;
  void set_durable(const EpochMark& mark);

  PendingAppend pending_append() const;
  void set_pending_append(PendingAppend mark);
  // The segment that is getting its name; 0 for none.
  uint64_t pending_birth() const;
  void set_pending_birth(uint64_t segment);
  std::optional<PendingFlush> pending_flush() const;
  void set_pending_flush(const PendingFlush& mark);
  void clear_pending_flush();

  // The segment of which all behind the end was seen to be zero, or written as zeros; 0 for none.
  uint64_t blank_segment() const;
  void set_blank_segment(uint64_t segment);
  std::optional<BlankRest> blank_rest() const;
  void set_blank_rest(const BlankRest& rest);

  uint64_t watermark(Watermark which) const;
  void raise_watermark(Watermark which, uint64_t seq);
  void put_watermark(Watermark which, uint64_t seq);
  void forget_watermarks();  // by who is alone: nobody waits for one
  bool wait_watermark(Watermark which, uint64_t seq, Deadline deadline, Clock& clock,
                      const std::function<bool()>& give_up = {});
  void wake_waiters(Watermark which) { bump(which); }
  // How many journals are open. A guess: a killed process stays counted until some process opens
  // the store alone.
  void reset_live();
  void add_live(int64_t difference);
  uint64_t live() const;
  // Chosen anew by each process that opens the store alone; the same for all who join it. 0: none.
  uint64_t presence() const;
  void set_presence(uint64_t number);
  // Changes with every append, before anything of it is written.
  uint32_t append_word() const;
  void note_append();

  uint64_t counter(Counter which) const;
  void add_counter(Counter which, uint64_t amount);
  void count_retry(RetryCause cause, uint64_t amount, int64_t now_ms);
  uint64_t retries_last_minute(int64_t now_ms) const;
  Histogram latencies(Latency which) const;
  void add_latencies(Latency which, const Histogram& seen);
  int64_t moment(Moment which) const;
  void set_moment(Moment which, int64_t time_ms);
  void remember(Memo which, ByteSpan bytes);

 private:
  uint64_t load(size_t offset) const;
  void store(size_t offset, uint64_t value);
  std::optional<EpochMark> load_slots(size_t offset) const;
  void store_slots(size_t offset, const EpochMark& mark);
  void add(size_t offset, uint64_t amount);
  void bump(Watermark which);

  std::unique_ptr<SharedPage> page_;
  std::byte* bytes_;
};

// Where the retries of a cause are counted.
constexpr Counter counter_of(RetryCause cause) {
  return static_cast<Counter>(std::to_underlying(Counter::kRetries) + std::to_underlying(cause));
}

// The memos in the bytes of a page that may be changing: each that is whole, where the page is this
// store's and was written in the page cache that `cache_token` names.
Memos recall_from(ByteSpan page, const StoreId& store, std::string_view cache_token);

}  // namespace syncline
