#include "engine/roles/notes.h"

#include <utility>

namespace syncline {

void Notes::add(std::string text) {
  MutexLock lock(mutex_);
  notes_.push_back(std::move(text));
}

std::vector<std::string> Notes::take() {
  MutexLock lock(mutex_);
  return std::exchange(notes_, {});
}

}  // namespace syncline
