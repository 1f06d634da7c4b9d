// What was promised about a journal, and whether a log keeps it: the oracle of every simulated run.
//
// Each frame that somebody tried to append is an attempt, numbered in the order of trying; its
// payload follows from its number. Tried by one process after another, their order is the log's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/journal/log/journal_testing.h"

namespace syncline::simulation {

enum class Promise : uint8_t {
  kTried,         // no answer yet, or "outcome unknown": whole or absent
  kAppended,      // in the log; durable or not
  kAcknowledged,  // durable: there once, until it is trimmed
  kRefused,       // an error said that it is not in the log: never there
};

struct Attempt {
  uint32_t number = 0;
  uint32_t payload_bytes = 0;
  uint32_t group = 0;
  Promise promise = Promise::kTried;
  bool control = false;
  uint64_t seq = 0;  // as the receipt said; 0 where there was none
};

class Ledger {
 public:
  static std::string payload(uint32_t number, uint32_t payload_bytes);

  // The attempts of one group; returns the index of the first.
  size_t attempt(const std::vector<uint32_t>& payload_bytes, bool control);
  void appended(size_t first, uint64_t first_seq);
  void refused(size_t first);
  // An error left open what is in the log: nothing unacknowledged can be counted on.
  void doubted();
  // A flush of what was appended up to here succeeded: all before it is durable too.
  void acknowledged(size_t end);
  // What stands before the mark may be trimmed.
  void trimmable(const Mark& mark);

  // Empty when the log keeps every promise; else what it breaks.
  std::string check(const std::vector<Entry>& log, const Mark& durable) const;
  // An open succeeded: what is in the log is durable, what is not must never come back.
  void settle(const std::vector<Entry>& log);

  const std::vector<Attempt>& attempts() const { return attempts_; }
  size_t size() const { return attempts_.size(); }
  // The last sequence that was acknowledged.
  uint64_t acknowledged_seq() const;
  uint64_t hash() const;

 private:
  std::vector<Attempt> attempts_;
  uint32_t groups_ = 0;
  size_t trimmable_ = 0;  // attempts below may be missing from the front of the log
};

}  // namespace syncline::simulation
