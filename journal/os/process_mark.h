// Tells a process from the children that it forks: what a child inherits of an object with threads
// or locks is not its own to use.
//
// Costs a load; asking the kernel for the process's id would cost a system call each time.
// Threading: any thread.
#pragma once

#include <cstdint>

namespace syncline {

class ProcessMark {
 public:
  ProcessMark();  // of the process that this is
  // False in a child that was forked since.
  bool is_this_process() const;

 private:
  uint64_t generation_;
};

}  // namespace syncline
