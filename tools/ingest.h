// Lines in, records out: the loop of `syncline ingest`, without files, signals or a terminal.
//
//   next line → parse → submit ──► window of outstanding tickets ──► wait (oldest first) → count
//        ▲                                                                │
//        └────────── submitted again: the disk or the backlog was full ◄──┘
//
// Bounded: at most `tickets_max` lines and `bytes_max` of their text are outstanding; then the
// oldest is waited for. Whatever ends the reading (the end of the input, a stop, the time limit, a
// failure), every line that was handed over is waited for and counted.
//
// Each line ends in exactly one of: accepted, duplicates, rejected, unknown, not_written.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "journal/base/clock.h"
#include "syncline/store.h"
#include "tools/ingest_report.h"
#include "tools/line_reader.h"

namespace syncline {

// The two calls of a Store that an ingest makes.
class IngestTarget {
 public:
  virtual ~IngestTarget() = default;
  virtual Result<Ticket> submit(const Record& record, Deadline deadline) = 0;
  virtual Result<Receipt> wait(const Ticket& ticket, Stage stage, Deadline deadline) = 0;
};

struct IngestOptions {
  Stage wait = Stage::kApplied;  // kJournaled or kApplied: later stages are waited for at the end
  bool strict = false;           // the first line that is not accepted ends it
  Deadline deadline = kForever;
  size_t tickets_max = 10'000;
  size_t bytes_max = 64u << 20;
};

struct IngestHooks {
  // A line that was not accepted. A failure to keep it ends the ingest.
  std::function<Status(uint64_t line, const std::string& reason, std::string_view raw)> reject;
  // A sentence about one line that went in, but with something the user should know.
  std::function<void(uint64_t line, const std::string& text)> remark;
  // Why the ingest waits; empty once it continues.
  std::function<void(const std::string& reason)> waiting;
  std::function<void(const IngestReport&)> progress;
  std::function<bool()> stop;  // the user or the system has asked to stop
};

class Ingest {
 public:
  Ingest(IngestTarget& target, LineReader& lines, Clock& clock, IngestOptions options,
         IngestHooks hooks);

  // Runs to the end; call once.
  const IngestReport& run();
  // What ended it early, other than a stop, --strict or the end of the input.
  const std::optional<Error>& failure() const { return failure_; }
  bool timed_out() const { return timed_out_; }

 private:
  struct Outstanding {
    Ticket ticket;
    uint64_t line = 0;
    std::string raw;  // to be kept if it is refused, or submitted again
  };

  bool may_read();
  void take_line(const Line& line);
  void submit(uint64_t line, std::string raw, const Record& record);
  void settle_oldest();
  void settle(const Outstanding& outstanding, const Receipt& receipt);
  void settle_failure(Outstanding outstanding, const Error& error);
  void submit_again(Outstanding outstanding, const Error& error);
  void reject(uint64_t line, const std::string& reason, std::string_view raw);
  void fail(const Error& error);
  bool pause_before_retry(const std::string& reason);
  bool over() const { return failure_.has_value() || timed_out_ || stopped_; }

  IngestTarget& target_;
  LineReader& lines_;
  Clock& clock_;
  IngestOptions options_;
  IngestHooks hooks_;
  IngestReport report_;
  std::deque<Outstanding> window_;
  size_t window_bytes_ = 0;
  int64_t retry_pause_ns_ = 0;
  std::optional<Error> failure_;
  bool timed_out_ = false;
  bool stopped_ = false;
};

}  // namespace syncline
