// Tells whether anybody has opened a file for a while, by inotify(7). Every git program opens HEAD
// as it begins, so a watch of that file says in microseconds what a look through all processes says
// in milliseconds, and it misses none that was forked only just before the look.
//
// It does not say who: this process and others of the store open HEAD too.
// Not thread-safe.
#pragma once

#include <memory>
#include <string>

namespace syncline {

class OpenWatch {
 public:
  virtual ~OpenWatch() = default;
  // From now on.
  virtual void begin() = 0;
  // Nobody has opened, changed or replaced the file since begin(). False, too, where that cannot be
  // told.
  virtual bool is_quiet() = 0;
};

// Null where the system gives out no watch. Making and dropping one may take milliseconds.
std::unique_ptr<OpenWatch> make_open_watch(const std::string& path);

}  // namespace syncline
