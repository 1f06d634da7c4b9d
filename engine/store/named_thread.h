// A thread with a name, which `top -H` and debuggers show.
#pragma once

#include <pthread.h>

#include <functional>
#include <thread>
#include <utility>

namespace syncline {

// At most 15 bytes of `name` are shown. Throws std::system_error where there is no thread to be
// had.
inline std::thread named_thread(const char* name, std::function<void()> work) {
  return std::thread([name, work = std::move(work)] {
    pthread_setname_np(pthread_self(), name);
    work();
  });
}

}  // namespace syncline
