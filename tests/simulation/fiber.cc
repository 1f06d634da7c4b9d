#include "tests/simulation/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <exception>
#include <vector>

#include "journal/base/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define SYNCLINE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SYNCLINE_ASAN 1
#endif
#endif
#ifdef SYNCLINE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace syncline::simulation {

namespace {

constexpr size_t kStackBytes = 1u << 20;
constexpr size_t kGuardBytes = 4096;

// Stacks are made once and used again: their pages stay touched.
std::vector<void*>& free_stacks() {
  static std::vector<void*> stacks;
  return stacks;
}

void* take_stack() {
  if (!free_stacks().empty()) {
    void* const stack = free_stacks().back();
    free_stacks().pop_back();
    return stack;
  }
  void* const mapped = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  SYNCLINE_ASSERT(mapped != MAP_FAILED);
  SYNCLINE_ASSERT(mprotect(mapped, kGuardBytes, PROT_NONE) == 0);
  return static_cast<std::byte*>(mapped) + kGuardBytes;
}

void start_switch([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* bottom,
                  [[maybe_unused]] size_t bytes) {
#ifdef SYNCLINE_ASAN
  __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
#endif
}
void finish_switch([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** bottom,
                   [[maybe_unused]] size_t* bytes) {
#ifdef SYNCLINE_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, bottom, bytes);
#endif
}

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(take_stack()) {}

Fiber::~Fiber() {
  SYNCLINE_ASSERT(done_ || !started_);
#ifdef SYNCLINE_ASAN
  __asan_unpoison_memory_region(stack_, kStackBytes);
#endif
  free_stacks().push_back(stack_);
}

void Fiber::enter(unsigned high, unsigned low) {
  auto* const self = reinterpret_cast<Fiber*>((uintptr_t{high} << 32) | low);
  finish_switch(nullptr, &self->outside_bottom_, &self->outside_bytes_);
  self->body_();
  self->done_ = true;
  // Null: this stack is not come back to.
  start_switch(nullptr, self->outside_bottom_, self->outside_bytes_);
  swapcontext(&self->inside_, &self->outside_);
}

void Fiber::resume() {
  SYNCLINE_ASSERT(!done_ && std::uncaught_exceptions() == 0);
  if (!started_) {
    started_ = true;
    SYNCLINE_ASSERT(getcontext(&inside_) == 0);
    inside_.uc_stack.ss_sp = stack_;
    inside_.uc_stack.ss_size = kStackBytes;
    inside_.uc_link = nullptr;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  }
  void* fake_stack = nullptr;
  start_switch(&fake_stack, stack_, kStackBytes);
  swapcontext(&outside_, &inside_);
  finish_switch(fake_stack, nullptr, nullptr);
}

void Fiber::leave() {
  SYNCLINE_ASSERT(std::uncaught_exceptions() == 0);
  start_switch(&fake_stack_inside_, outside_bottom_, outside_bytes_);
  swapcontext(&inside_, &outside_);
  finish_switch(fake_stack_inside_, &outside_bottom_, &outside_bytes_);
}

}  // namespace syncline::simulation
