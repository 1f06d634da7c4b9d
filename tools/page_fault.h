// A mapped file whose page the disk refuses, or which was cut beneath the mapping: the kernel
// sends SIGBUS. The command answers all the same, exit 74, and ends.
//
// Where the record was durable by then the answer says so, with its seq: exit 11, as of every
// record that is in and not yet at the stage that was asked for.
//
// It ends where it stands, and never puts an empty page in the place of the lost one: through these
// pages the processes of a store tell each other that a flush has failed
// (journal/log/control_page.h) and what is in the write-ahead log (SQLite's -shm). Who went on with
// a page that nobody else sees would believe and tell what is not so. Any moment is safe to end at:
// that is what the journal is for. What was answered before was durable and stays.
//
// Only the command promises this. The library leaves the process's signals alone; to a program that
// embeds it, a page that is lost while the store is open is what a kill is, unless that program
// handles SIGBUS itself (and then it has to end, for the reason above). What it is promised is that
// opening a store on a full disk is an error and no signal (journal/os/posix_file_shared_page.cc).
#pragma once

#include <csignal>
#include <cstdint>

#include "tools/console.h"

namespace syncline {

class PageFaultGuard {
 public:
  PageFaultGuard(bool json, const Console& console);
  ~PageFaultGuard();  // what was installed before is back
  PageFaultGuard(const PageFaultGuard&) = delete;
  PageFaultGuard& operator=(const PageFaultGuard&) = delete;

  // The run prints as it goes: its last line may be out in part, and is ended before the answer.
  static void note_output();

  // The record that the run was asked for is durable: to be called once it is, and not before.
  static void note_durable(uint64_t seq);
  static uint64_t durable_seq();  // 0: none

  // While the run's own answer is written, no other is; and from then on a lost page ends the
  // process with the code that was answered.
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
