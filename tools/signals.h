// SIGINT and SIGTERM as a request to finish: while a StopSignals lives, they are noted instead of
// killing, and interrupt a blocking read (no SA_RESTART). A second one kills as usual.
#pragma once

#include <csignal>

namespace syncline {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();  // puts the earlier handlers back
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The signal that came, or 0.
  int received() const;
  // Becomes readable once a signal came: for poll() beside the input, so that a signal that
  // arrives just before a blocking read is not missed.
  int descriptor() const;

 private:
  struct sigaction interrupt_before_{};
  struct sigaction terminate_before_{};
};

}  // namespace syncline
