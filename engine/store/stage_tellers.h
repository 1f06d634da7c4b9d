// Threads that wait for stages on behalf of callers who do not: one a stage, made when it is first
// asked for. Within a stage the order is that of the asking, which is mostly that in which records
// reach it.
//
// Lock order: the mutex is held while nothing else is called. Threading: any thread asks; one ends.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <thread>

#include "journal/base/clock.h"
#include "journal/base/mutex.h"
#include "syncline/store.h"

namespace syncline {

class StageTellers {
 public:
  struct Asked {
    // Until `until` at most: `timed_out` in the receipt, kTimeout or kOutcomeUnknown then say so.
    std::move_only_function<Result<Receipt>(Deadline until)> wait;
    std::function<void(Result<Receipt>)> told;
    Deadline deadline;
  };

  explicit StageTellers(Clock& clock) : clock_(clock) {}
  ~StageTellers() { end(); }
  StageTellers(const StageTellers&) = delete;
  StageTellers& operator=(const StageTellers&) = delete;

  // kRetryLater where there is no thread to be had, kInvalid once it has ended.
  Status ask(Stage stage, Asked asked) EXCLUDES(mutex_);
  // Tells everybody who still waits what has come about, and returns when all are told.
  void end() EXCLUDES(mutex_);

 private:
  static constexpr size_t kStages = static_cast<size_t>(Stage::kPushed) + 1;
  void run(size_t at) EXCLUDES(mutex_);
  Result<Receipt> wait_for(Asked& asked) EXCLUDES(mutex_);
  bool is_over() EXCLUDES(mutex_);

  Clock& clock_;
  Mutex mutex_;
  CondVar work_;
  bool over_ GUARDED_BY(mutex_) = false;
  std::array<std::deque<Asked>, kStages> asked_ GUARDED_BY(mutex_);
  std::array<std::thread, kStages> threads_ GUARDED_BY(mutex_);
};

}  // namespace syncline
