#include "engine/store/stage_tellers.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "engine/store/named_thread.h"

namespace syncline {
namespace {

// So long one wait is asked for: the end of the store is seen in between.
constexpr int64_t kSliceMs = 200;

// Or kept from it by another program's lock.
bool is_late(const Result<Receipt>& told) {
  if (told) return told->timed_out;
  const Code code = told.error().code;
  return code == Code::kTimeout || code == Code::kOutcomeUnknown || code == Code::kBusy;
}

}  // namespace

Status StageTellers::ask(Stage stage, Asked asked) {
  const auto at = static_cast<size_t>(stage);
  MutexLock lock(mutex_);
  if (over_) return make_error(Code::kInvalid, "this Store is closed", "open another one");
  if (!threads_[at].joinable()) {
    try {
      threads_[at] = named_thread("syncline-tell", [this, at] { run(at); });
    } catch (const std::system_error& error) {
      return make_error(Code::kRetryLater, fmt::format("cannot start a thread: {}", error.what()),
                        "memory or threads are used up: try again when there are more");
    }
  }
  asked_[at].push_back(std::move(asked));
  work_.notify_all();
  return {};
}

void StageTellers::end() {
  std::array<std::thread, kStages> threads;
  {
    MutexLock lock(mutex_);
    over_ = true;
    work_.notify_all();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

bool StageTellers::is_over() {
  MutexLock lock(mutex_);
  return over_;
}

Result<Receipt> StageTellers::wait_for(Asked& asked) {
  while (true) {
    const bool over = is_over();
    const Deadline slice = over ? Deadline{0} : sooner(asked.deadline, clock_.after_ms(kSliceMs));
    Result<Receipt> told = asked.wait(slice);
    if (!is_late(told) || over || clock_.passed(asked.deadline)) return told;
  }
}

void StageTellers::run(size_t at) {
  while (true) {
    Asked asked;
    {
      MutexLock lock(mutex_);
      while (asked_[at].empty() && !over_) work_.wait(mutex_);
      if (asked_[at].empty()) return;
      asked = std::move(asked_[at].front());
      asked_[at].pop_front();
    }
    asked.told(wait_for(asked));
  }
}

}  // namespace syncline
