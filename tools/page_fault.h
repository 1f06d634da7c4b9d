// Answers SIGBUS, which the kernel sends when the disk refuses a page of a mapped file, or the file
// was cut beneath its mapping: the command still gives an answer, with exit 74, and ends.
//
// If the record was durable by then, the answer says so and names its seq: exit 11, as for every
// record that is in the journal and has not reached the requested stage.
//
// The command ends right there, and never puts an empty page in the place of the lost one. Through
// these pages the processes of a store tell each other that a flush has failed
// (journal/log/control_page.h) and what is in the write-ahead log (SQLite's -shm); a process that
// continued with a page of its own would believe, and tell others, what is not so. Ending is safe
// at any moment: that is what the journal is for. Records answered before were durable and stay.
//
// Only the command promises this. The library leaves the process's signals alone: for a program
// that embeds it, losing a page while the store is open is like a kill, unless the program handles
// SIGBUS itself (and then it must end, for the reason above). The library does promise that opening
// a store on a full disk is an error and no signal (journal/os/posix_file_shared_page.cc).
#pragma once

#include <csignal>
#include <cstdint>

#include "tools/console.h"

namespace syncline {

class PageFaultGuard {
 public:
  PageFaultGuard(bool json, const Console& console);
  ~PageFaultGuard();  // puts the earlier handler back
  PageFaultGuard(const PageFaultGuard&) = delete;
  PageFaultGuard& operator=(const PageFaultGuard&) = delete;

  // The run prints as it goes: its last line may be incomplete, and is ended before the answer.
  static void note_output();

  // To be called once the record that the run is about is durable, and not before.
  static void note_durable(uint64_t seq);
  static uint64_t durable_seq();  // 0: none

  // While the run's own answer is written no other answer is given; from then on a lost page ends
  // the process with the code of that answer.
  class Answering {
   public:
    Answering();
    // What was told, and so what the process ends with.
    void told(int exit_code);
  };

 private:
  struct sigaction before_{};
};

}  // namespace syncline
