// What is too long for a terminal goes to the person's pager, as git's output does.
//
//   SYNCLINE_PAGER, else PAGER, else less; "cat" or an empty one: none. LESS is set to FRX where it
//   is not set: what fits on the screen is shown as without a pager.
//
// Only where standard output is a terminal. A pager that cannot be started is none.
#pragma once

#include <sys/types.h>

#include <cstdio>

#include "tools/console.h"

namespace syncline {

class Pager {
 public:
  explicit Pager(const Console& console);
  ~Pager();  // ends its input, and waits for the person to leave it
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

 private:
  std::FILE* const out_;
  pid_t pid_ = -1;
  int terminal_ = -1;  // what standard output was
};

}  // namespace syncline
