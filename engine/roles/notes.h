// What the roles did that a person should hear of: "rebuilt the database from the journal".
//
// Invariant: each note is handed out once. Threading: any thread; its mutex is the last in the lock
// order, and nothing is called under it.
#pragma once

#include <string>
#include <vector>

#include "journal/base/mutex.h"

namespace syncline {

class Notes {
 public:
  void add(std::string text) EXCLUDES(mutex_);
  std::vector<std::string> take() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::vector<std::string> notes_ GUARDED_BY(mutex_);
};

}  // namespace syncline
