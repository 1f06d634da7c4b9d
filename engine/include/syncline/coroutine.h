// A record's stage, to be awaited by a coroutine:
//
//   Result<Receipt> receipt = co_await reaches(store, std::move(ticket), Stage::kCommitted);
//
// The coroutine goes on, on the thread that serves the stage (Store::on_stage), so what it does
// next without another co_await keeps others waiting. It is resumed by the Store's end at the
// latest.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "syncline/store.h"

namespace syncline {

class StageAwaiter {
 public:
  StageAwaiter(Store& store, Ticket ticket, Stage stage, Deadline deadline)
      : store_(store), ticket_(std::move(ticket)), stage_(stage), deadline_(deadline) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    const Status asked = store_.on_stage(
        std::move(ticket_), stage_,
        [this, coroutine](Result<Receipt> told) {
          told_.emplace(std::move(told));
          coroutine.resume();  // which may end the coroutine, and this with it
        },
        deadline_);
    if (!asked) told_.emplace(asked.error());
    return asked.has_value();
  }
  Result<Receipt> await_resume() { return std::move(*told_); }

 private:
  Store& store_;
  Ticket ticket_;
  Stage stage_;
  Deadline deadline_;
  std::optional<Result<Receipt>> told_;
};

inline StageAwaiter reaches(Store& store, Ticket ticket, Stage stage,
                            Deadline deadline = kForever) {
  return {store, std::move(ticket), stage, deadline};
}

}  // namespace syncline
