// How many bytes of journal wait to be committed, without a look into SQLite for every record.
//
//   bytes at the last look + growth of the log since  ≥  bytes that wait now
//
// Commits only make it less, so that this bounds it from above: as long as the bound leaves room
// there is room. Where the look itself found none, there is none before the next commit. Only
// between the two has somebody to look again: one thread for all who ask (Store::Impl). What the
// look itself is worth, the estimate is worth. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "journal/base/mutex.h"
#include "journal/log/format.h"

namespace syncline {

class BacklogBound {
 public:
  // `durable`: the end of the log now. `committed`: the commits' watermark now. Empty where nothing
  // is known: before the first look, in another segment than at the last one (its end tells nothing
  // of the bytes before it), and where the watermark was set back.
  std::optional<uint64_t> bytes(const Position& durable, uint64_t committed) const
      EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!look_ || durable.segment != look_->durable.segment || committed < look_->committed) {
      return std::nullopt;
    }
    // Of two threads, the slower may ask with an older end than that of the last look.
    const uint64_t grown =
        durable.offset > look_->durable.offset ? durable.offset - look_->durable.offset : 0;
    return look_->bytes + grown;
  }

  // Empty: only a look can tell.
  std::optional<bool> leaves_room(const Position& durable, uint64_t committed,
                                  uint64_t bytes_max) const EXCLUDES(mutex_) {
    const auto at_most = bytes(durable, committed);
    if (at_most && *at_most < bytes_max) return true;
    const MutexLock lock(mutex_);
    if (look_ && look_->bytes >= bytes_max && committed == look_->committed) return false;
    return std::nullopt;
  }

  // A look found that `bytes` wait; `durable` and `committed` are as they were before it.
  void note(const Position& durable, uint64_t committed, uint64_t bytes) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    look_ = Look{durable, committed, bytes};
  }

 private:
  struct Look {
    Position durable;
    uint64_t committed = 0;
    uint64_t bytes = 0;
  };
  mutable Mutex mutex_;
  std::optional<Look> look_ GUARDED_BY(mutex_);
};

}  // namespace syncline
