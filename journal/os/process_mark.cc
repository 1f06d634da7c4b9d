#include "journal/os/process_mark.h"

#include <pthread.h>

#include <atomic>

namespace syncline {
namespace {

// How many forks lie between the first process and this one, of those that it knows about.
std::atomic<uint64_t> generation = 0;

uint64_t current_generation() {
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1, std::memory_order_relaxed); });
  return generation.load(std::memory_order_relaxed);
}

}  // namespace

ProcessMark::ProcessMark() : generation_(current_generation()) {}

bool ProcessMark::is_this_process() const {
  return generation_ == generation.load(std::memory_order_relaxed);
}

}  // namespace syncline
