// A stack of its own for each simulated process, so that all of them run in one thread and change
// places only where the scheduler says: ucontext's swapcontext, with what AddressSanitizer has to
// be told of it. ThreadSanitizer is not for one thread.
//
// A Fiber's body must return before the Fiber goes: what stands on its stack has destructors.
// Nothing may be thrown out of a body, and a body must not switch while an exception is on its way
// (the runtime keeps those by thread).
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace syncline::simulation {

class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From outside of every fiber: runs it until it leaves or returns.
  void resume();
  // From inside: back to who resumed it.
  void leave();
  bool done() const { return done_; }

 private:
  static void enter(unsigned high, unsigned low);

  std::function<void()> body_;
  ucontext_t inside_{}, outside_{};
  void* stack_ = nullptr;
  bool started_ = false;
  bool done_ = false;
  // AddressSanitizer's.
  void* fake_stack_inside_ = nullptr;
  const void* outside_bottom_ = nullptr;
  size_t outside_bytes_ = 0;
};

}  // namespace syncline::simulation
