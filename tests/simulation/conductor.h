// Who decides what happens at every operation of a simulated disk: whether it goes on, fails, is
// cut short by a crash, and which process runs next.
//
// The disk asks before() before each operation. There a scheduler may let other processes run, a
// fault plan may answer an error, a harness may take a copy of the disk's image. An operation is
// atomic otherwise: between before() and its effect nothing else happens.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "journal/base/assert.h"
#include "journal/base/bytes.h"
#include "syncline/result.h"
#include "tests/simulation/simulated_time.h"

namespace syncline::simulation {

using ProcessId = uint32_t;

enum class Call : uint8_t {
  // These change something that a crash may lose or keep: see changes().
  kCreate,  // open_file that creates
  kWrite,
  kTruncate,
  kSync,
  kMakeDirectory,
  kCreateWhole,
  kRename,
  kRemoveFile,
  kRemoveDirectory,
  kSyncDirectory,
  kSyncFileSystem,
  kMapPage,   // creating, or growing, the page's file
  kOpenLock,  // creating the lock's file
  // These do not.
  kOpen,
  kOpenDirectory,
  kRead,
  kInfo,
  kList,
  kClose,
  kTryLock,
  kLock,
  kUnlock,  // told, not asked: it cannot fail
  kWait,    // of a page
  kWake,    // told
  kCount,
};
constexpr bool changes(Call call) {
  return call < Call::kOpen;
}
constexpr bool is_sync(Call call) {
  return call == Call::kSync || call == Call::kSyncDirectory || call == Call::kSyncFileSystem;
}
std::string_view call_name(Call call);

struct DiskOperation {
  ProcessId process = 0;
  Call call = Call::kOpen;
  std::string_view path;  // from the root; of a rename the new one
  uint64_t offset = 0;    // of a read or write; a truncate's new size
  uint64_t bytes = 0;
  ByteSpan content;  // of a write
};
// What the operation answers when the system refuses it.
Error operation_error(int sys_errno, const DiskOperation& operation);

// What becomes of an operation.
struct Answer {
  enum class What : uint8_t {
    kProceed,
    kFail,   // answers sys_errno; of a write, `landed_bytes` are written first
    kCrash,  // the calling process dies; of a write, `landed_bytes` are written first
    kStale,  // of a read: what is on the disk, as if the cache had been dropped
  };
  What what = What::kProceed;
  int sys_errno = 0;
  uint64_t landed_bytes = 0;

  static Answer proceed() { return {}; }
  static Answer fail(int sys_errno, uint64_t landed_bytes = 0) {
    return {What::kFail, sys_errno, landed_bytes};
  }
  static Answer crash(uint64_t landed_bytes = 0) { return {What::kCrash, 0, landed_bytes}; }
  static Answer stale() { return {What::kStale, 0, 0}; }
};

class Conductor {
 public:
  virtual ~Conductor() = default;
  virtual Answer before(const DiskOperation& operation) = 0;
  // `process` waits for another: returns once `ready` holds or `deadline` has passed (looking at
  // the clock is the conductor's). May return earlier: who waits looks again.
  virtual void block(ProcessId process, const std::function<bool()>& ready, Deadline deadline) = 0;
};

// One process at a time, and a plan of faults: the nth operation from now fails, once or from then
// on, or its process dies. Counts operations that change something, or those of one kind.
class FaultPlan : public Conductor {
 public:
  enum Duration : bool { kOnce, kSticky };

  explicit FaultPlan(SimulatedClock* clock = nullptr) : clock_(clock) {}

  void crash_at(uint64_t nth, uint64_t landed_bytes = 0) {
    crash_at_ = nth == 0 ? 0 : changes_ + nth;
    crash_landed_bytes_ = landed_bytes;
  }
  void fail_at(uint64_t nth, int sys_errno, Duration duration = kOnce,
               std::optional<Call> call = std::nullopt, uint64_t landed_bytes = 0) {
    faults_.push_back({count_of(call) + nth, sys_errno, duration, call, landed_bytes});
  }
  void heal() { faults_.clear(); }
  uint64_t operations() const { return changes_; }
  uint64_t operations(Call call) const { return counts_[static_cast<size_t>(call)]; }
  bool crashed() const { return crashed_; }

  Answer before(const DiskOperation& operation) override {
    ++counts_[static_cast<size_t>(operation.call)];
    if (changes(operation.call)) {
      ++changes_;
      if (crash_at_ == changes_) {
        crash_at_ = 0;
        crashed_ = true;
        return Answer::crash(std::min(crash_landed_bytes_, operation.bytes));
      }
    }
    for (const Fault& fault : faults_) {
      if (fault.call ? *fault.call != operation.call : !changes(operation.call)) continue;
      const uint64_t count = count_of(fault.call);
      if (fault.duration == kOnce ? count == fault.at : count >= fault.at) {
        return Answer::fail(fault.sys_errno, std::min(fault.landed_bytes, operation.bytes));
      }
    }
    return Answer::proceed();
  }
  void block(ProcessId, const std::function<bool()>& ready, Deadline deadline) override {
    if (ready()) return;
    // Nobody else runs, so nobody could ever let go: only time helps.
    SYNCLINE_ASSERT(!deadline.forever() && clock_ != nullptr);
    clock_->advance_to(deadline);
  }

 private:
  struct Fault {
    uint64_t at = 0;
    int sys_errno = 0;
    Duration duration = kOnce;
    std::optional<Call> call;
    uint64_t landed_bytes = 0;
  };
  uint64_t count_of(std::optional<Call> call) const {
    return call ? counts_[static_cast<size_t>(*call)] : changes_;
  }

  SimulatedClock* clock_;
  std::array<uint64_t, static_cast<size_t>(Call::kCount)> counts_{};
  uint64_t changes_ = 0;
  uint64_t crash_at_ = 0;
  uint64_t crash_landed_bytes_ = 0;
  bool crashed_ = false;
  std::vector<Fault> faults_;
};

}  // namespace syncline::simulation
