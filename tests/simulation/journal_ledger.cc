#include "tests/simulation/journal_ledger.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "tests/simulation/simulated_time.h"

namespace syncline::simulation {

std::string Ledger::payload(uint32_t number, uint32_t payload_bytes) {
  // Letters without zeros: every sector of it is worth losing.
  static const std::string letters = [] {
    std::string text;
    SimulatedRandom random(1);
    while (text.size() < 16384) text += static_cast<char>('A' + random.below(58));
    return text;
  }();
  std::string text(std::max<size_t>(payload_bytes, 7), ' ');
  std::memcpy(text.data() + 7, letters.data() + number * 37 % 8192, text.size() - 7);
  for (size_t i = 6; i-- > 0; number /= 10) text[i] = static_cast<char>('0' + number % 10);
  return text;
}

size_t Ledger::attempt(const std::vector<uint32_t>& payload_bytes, bool control) {
  const size_t first = attempts_.size();
  ++groups_;
  for (const uint32_t bytes : payload_bytes) {
    const auto number = static_cast<uint32_t>(attempts_.size());
    attempts_.push_back({number, bytes, groups_, Promise::kTried, control, 0});
  }
  return first;
}

void Ledger::appended(size_t first, uint64_t first_seq) {
  for (size_t i = first; i < attempts_.size(); ++i) {
    attempts_[i].promise = Promise::kAppended;
    if (!attempts_[i].control) attempts_[i].seq = first_seq++;
  }
}

void Ledger::refused(size_t first) {
  for (size_t i = first; i < attempts_.size(); ++i) attempts_[i].promise = Promise::kRefused;
}

void Ledger::doubted() {
  for (Attempt& attempt : attempts_) {
    if (attempt.promise != Promise::kAppended) continue;
    attempt.promise = Promise::kTried;
    attempt.seq = 0;
  }
}

void Ledger::acknowledged(size_t end) {
  for (size_t i = 0; i < end; ++i) {
    if (attempts_[i].promise == Promise::kAppended) attempts_[i].promise = Promise::kAcknowledged;
  }
}

void Ledger::trimmable(const Mark& mark) {
  for (; trimmable_ < attempts_.size(); ++trimmable_) {
    const Attempt& attempt = attempts_[trimmable_];
    const bool counted = !attempt.control && attempt.promise != Promise::kRefused;
    if (counted && (attempt.seq == 0 || attempt.seq > mark.seq)) return;
  }
}

std::string Ledger::check(const std::vector<Entry>& log, const Mark& durable) const {
  std::vector<bool> there(attempts_.size(), false);
  uint64_t seq = 0;
  int64_t time_ms = 0;
  size_t first = attempts_.size();  // of the log
  size_t next = 0;
  for (const Entry& entry : log) {
    const char* const digits = entry.payload.data();
    uint32_t number = 0;
    const auto [stop, error] =
        std::from_chars(digits, digits + std::min<size_t>(6, entry.payload.size()), number);
    if (error != std::errc{} || number >= attempts_.size()) {
      return fmt::format("a frame at {}:{} that nobody appended", entry.position.segment,
                         entry.position.offset);
    }
    const Attempt& attempt = attempts_[number];
    const auto broken = [&](std::string_view what) {
      return fmt::format("attempt {} at {}:{} (seq {}) {}", number, entry.position.segment,
                         entry.position.offset, entry.seq, what);
    };
    if (entry.payload != payload(number, attempt.payload_bytes)) return broken("is not whole");
    if (number < next) return broken("is out of order, or there twice");
    if (attempt.promise == Promise::kRefused) return broken("was refused, and is there");
    if ((entry.seq == 0) != attempt.control) return broken("is of another kind");
    if (attempt.seq != 0 && attempt.seq != entry.seq) {
      return broken(fmt::format("has another sequence than its receipt ({})", attempt.seq));
    }
    if (entry.seq != 0) {
      if (seq != 0 && entry.seq != seq + 1) return broken(fmt::format("follows seq {}", seq));
      if (entry.time_ms < time_ms) return broken("has an earlier time than the one before");
      seq = entry.seq;
      time_ms = entry.time_ms;
    }
    if (first == attempts_.size()) first = number;
    there[number] = true;
    next = number + 1;
  }
  const size_t begin = std::min(first, trimmable_);
  for (size_t i = 0; i < attempts_.size(); ++i) {
    const Attempt& attempt = attempts_[i];
    if (there[i]) continue;
    if (i < begin) continue;  // trimmed
    if (attempt.promise == Promise::kAcknowledged) {
      return fmt::format("attempt {} (seq {}) was acknowledged, and is lost; the log has {} frames",
                         i, attempt.seq, log.size());
    }
    // The log ends at the first place that does not hold: no holes.
    if (attempt.promise == Promise::kAppended && i < next) {
      return fmt::format("attempt {} (seq {}) is missing before {}", i, attempt.seq, next - 1);
    }
    for (size_t j = i + 1; j < attempts_.size() && attempts_[j].group == attempt.group; ++j) {
      if (there[j]) return fmt::format("attempt {} is missing from the start of its group", i);
    }
  }
  if (durable.seq < acknowledged_seq()) {
    return fmt::format("durable is {}, below {}, which was acknowledged", durable.seq,
                       acknowledged_seq());
  }
  return {};
}

void Ledger::settle(const std::vector<Entry>& log) {
  std::vector<bool> there(attempts_.size(), false);
  const size_t first = log.empty() ? attempts_.size() : std::stoul(log[0].payload.substr(0, 6));
  for (const Entry& entry : log) {
    const size_t number = std::stoul(entry.payload.substr(0, 6));
    there[number] = true;
    attempts_[number].promise = Promise::kAcknowledged;
    attempts_[number].seq = entry.seq;
  }
  // What was trimmed may come back, its removal not being durable yet.
  for (size_t i = std::min(first, trimmable_); i < attempts_.size(); ++i) {
    if (!there[i] && attempts_[i].promise != Promise::kAcknowledged) {
      attempts_[i].promise = Promise::kRefused;
    }
  }
}

uint64_t Ledger::acknowledged_seq() const {
  for (size_t i = attempts_.size(); i-- > 0;) {
    if (attempts_[i].promise == Promise::kAcknowledged && !attempts_[i].control) {
      return attempts_[i].seq;
    }
  }
  return 0;
}

uint64_t Ledger::hash() const {
  uint64_t sum = trimmable_;
  for (const Attempt& attempt : attempts_) {
    sum =
        (sum ^ (attempt.seq * 8 + static_cast<uint64_t>(attempt.promise))) * 0x9e3779b97f4a7c15ULL;
    sum ^= sum >> 29;
  }
  return sum;
}

}  // namespace syncline::simulation
