#include "tools/ingest.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/ndjson.h"

namespace syncline {
namespace {

constexpr int64_t kFirstPauseNs = 50'000'000;
constexpr int64_t kLongestPauseNs = 2'000'000'000;
// How long one submit may block before the stop and the time limit are looked at again.
constexpr int64_t kSubmitSliceMs = 500;

// The line itself is at fault: nothing about the store or the machine would make it acceptable.
bool is_refusal(const Error& error) {
  return error.code == Code::kInvalid || error.code == Code::kKeyConflict ||
         error.code == Code::kUnsafePath;
}

bool may_succeed_later(const Error& error) {
  return error.code == Code::kRetryLater || error.code == Code::kBusy;
}

}  // namespace

Ingest::Ingest(IngestTarget& target, LineReader& lines, Clock& clock, IngestOptions options,
               IngestHooks hooks)
    : target_(target), lines_(lines), clock_(clock), options_(options), hooks_(std::move(hooks)) {}

const IngestReport& Ingest::run() {
  const int64_t started_ns = clock_.monotonic_ns();
  while (may_read()) {
    const auto line = lines_.next();
    if (!line) {
      // A read that was interrupted by a stop or the time limit is no failure of the input.
      if (may_read()) fail(line.error());
      break;
    }
    if (!*line) break;
    take_line(**line);
    while (window_.size() >= options_.tickets_max || window_bytes_ > options_.bytes_max) {
      settle_oldest();
    }
    hooks_.progress(report_);
  }
  while (!window_.empty()) {
    settle_oldest();
    hooks_.progress(report_);
  }
  report_.seconds = static_cast<double>(clock_.monotonic_ns() - started_ns) / 1e9;
  return report_;
}

bool Ingest::may_read() {
  if (over()) return false;
  if (hooks_.stop()) {
    stopped_ = true;
    report_.stopped = "it was asked to stop";
  } else if (clock_.passed(options_.deadline)) {
    timed_out_ = true;
    report_.stopped = "the time limit was reached";
  }
  return !over();
}

void Ingest::take_line(const Line& line) {
  ++report_.read;
  if (line.too_long) {
    return reject(line.number,
                  fmt::format("the line is {} bytes long, more than {}", line.bytes, kLineBytesMax),
                  line.text);
  }
  const auto record = parse_ndjson_record(line.text);
  if (!record) return reject(line.number, record.error().message, line.text);
  submit(line.number, std::string(line.text), *record);
}

void Ingest::submit(uint64_t line, std::string raw, const Record& record) {
  while (true) {
    Deadline slice = clock_.after_ms(kSubmitSliceMs);
    slice.monotonic_ns = std::min(slice.monotonic_ns, options_.deadline.monotonic_ns);
    auto ticket = target_.submit(record, slice);
    if (ticket) {
      hooks_.waiting({});
      window_bytes_ += raw.size();
      window_.push_back({std::move(*ticket), line, std::move(raw)});
      return;
    }
    const Error& error = ticket.error();
    if (is_refusal(error)) return reject(line, error.message, raw);
    const bool full = error.code == Code::kTimeout;  // the slice is over, not yet the time limit
    if (!full && !may_succeed_later(error)) {
      ++report_.not_written;
      return fail(error);
    }
    hooks_.waiting(full ? "waiting: what was handed over before is not yet written"
                        : fmt::format("waiting: {}", error.message));
    if (!may_read()) {
      ++report_.not_written;
      return;
    }
  }
}

void Ingest::settle_oldest() {
  Outstanding oldest = std::move(window_.front());
  window_.pop_front();
  window_bytes_ -= oldest.raw.size();
  const auto receipt = target_.wait(oldest.ticket, options_.wait, options_.deadline);
  if (receipt) return settle(oldest, *receipt);
  settle_failure(std::move(oldest), receipt.error());
}

void Ingest::settle(const Outstanding& outstanding, const Receipt& receipt) {
  retry_pause_ns_ = 0;
  if (receipt.timed_out && !over()) {
    timed_out_ = true;
    report_.stopped = "the time limit was reached";
  }
  if (receipt.duplicate) {
    ++report_.duplicates;
    return;
  }
  ++report_.accepted;
  if (report_.first_seq == 0 || receipt.seq < report_.first_seq) report_.first_seq = receipt.seq;
  report_.last_seq = std::max(report_.last_seq, receipt.seq);
  if (receipt.set_aside.empty()) return;
  ++report_.set_aside;
  hooks_.remark(outstanding.line, fmt::format("recorded as seq {}, but set aside: {}", receipt.seq,
                                              receipt.set_aside));
}

void Ingest::settle_failure(Outstanding outstanding, const Error& error) {
  if (error.seq != 0) {
    // Durable, though not at the requested stage: it is in.
    ++report_.accepted;
    if (report_.first_seq == 0 || error.seq < report_.first_seq) report_.first_seq = error.seq;
    report_.last_seq = std::max(report_.last_seq, error.seq);
    return fail(error);
  }
  if (is_refusal(error)) return reject(outstanding.line, error.message, outstanding.raw);
  if (error.code == Code::kOutcomeUnknown) {
    ++report_.unknown;
    hooks_.remark(outstanding.line, "its outcome is not known: " + error.message);
    return fail(error);
  }
  if (may_succeed_later(error)) return submit_again(std::move(outstanding), error);
  ++report_.not_written;
  if (error.code != Code::kTimeout) return fail(error);
  if (!over()) {
    timed_out_ = true;
    report_.stopped = "the time limit was reached";
  }
}

// Nothing of it was written; it goes in once there is room again, unless the ingest must stop.
void Ingest::submit_again(Outstanding outstanding, const Error& error) {
  if (!may_read() || !pause_before_retry("waiting: " + error.message)) {
    ++report_.not_written;
    return;
  }
  const auto record = parse_ndjson_record(outstanding.raw);
  if (!record) return reject(outstanding.line, record.error().message, outstanding.raw);
  submit(outstanding.line, std::move(outstanding.raw), *record);
}

bool Ingest::pause_before_retry(const std::string& reason) {
  hooks_.waiting(reason);
  retry_pause_ns_ = std::clamp(retry_pause_ns_ * 2, kFirstPauseNs, kLongestPauseNs);
  const int64_t left_ns = options_.deadline.forever()
                              ? kLongestPauseNs
                              : options_.deadline.monotonic_ns - clock_.monotonic_ns();
  if (left_ns > 0) clock_.pause_ns(std::min(retry_pause_ns_, left_ns));
  return may_read();
}

void Ingest::reject(uint64_t line, const std::string& reason, std::string_view raw) {
  ++report_.rejected;
  if (const Status kept = hooks_.reject(line, reason, raw); !kept) fail(kept.error());
  if (options_.strict && !over()) {
    stopped_ = true;
    report_.stopped = fmt::format("line {} was not accepted, and --strict was given", line);
  }
}

void Ingest::fail(const Error& error) {
  if (failure_) return;
  failure_ = error;
  report_.stopped = error.message;
}

}  // namespace syncline
