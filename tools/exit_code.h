// The exit codes of the command, and the one place where an error becomes one.
//
// Callers branch on these numbers, so they are part of the interface. 2 is never used: agents'
// hooks read it as "block".
#pragma once

#include "syncline/result.h"

namespace syncline {

enum class ExitCode : int {
  kDone = 0,             // the requested stage was reached
  kFailed = 1,           // failed, nothing was written
  kSetAside = 3,         // accepted and journalled, but it could not be applied
  kThreshold = 4,        // status: a threshold is breached
  kRejected = 5,         // ingest: some lines were not accepted; adopt: something was left
  kUnsafePath = 6,       // refused: a link or foreign file in the way, a path that leaves the store
  kNoStore = 10,         //
  kTimeLimit = 11,       // time limit reached; accepted records stay, work goes on
  kDisagree = 12,        // stores disagree, or the journal is damaged
  kUsage = 64,           // wrong usage, a field that does not validate, a key conflict
  kOutcomeUnknown = 74,  // the flush failed: retry with the same key
  kRetryLater = 75,      // backlog, disk full or read-only, a lock held: nothing was written
};

// An error whose record is durable even so (error.seq) never becomes a code that says "nothing was
// written": it becomes kTimeLimit, "accepted, not there yet".
ExitCode exit_code(const Error& error);

constexpr int to_int(ExitCode code) {
  return static_cast<int>(code);
}

// The code, as shells write it, of a run that a signal ended after it had finished what it had
// accepted.
constexpr int exit_code_for_signal(int signal_number) {
  return 128 + signal_number;
}

}  // namespace syncline
