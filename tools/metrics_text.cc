#include "tools/metrics_text.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

namespace syncline {
namespace {

// "0.0005", "10": digits enough to read back the very number, and no more.
std::string number(double value) {
  return fmt::format("{}", value);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == '\n') {
      out += "\\n";
      continue;
    }
    if (character == '\\' || character == '"') out += '\\';
    out += character;
  }
  return out;
}

// Families one after another, each with its head.
class Exposition {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP syncline_{} {}\n# TYPE syncline_{} {}\n", name, help, name, type);
  }
  void sample(std::string_view value) { text_ += fmt::format("syncline_{} {}\n", name_, value); }
  void sample(uint64_t value) { sample(std::to_string(value)); }
  void sample(std::string_view label, std::string_view of, std::string_view value) {
    text_ += fmt::format("syncline_{}{{{}=\"{}\"}} {}\n", name_, label, escaped(of), value);
  }
  void sample(std::string_view label, std::string_view of, uint64_t value) {
    sample(label, of, std::to_string(value));
  }
  void gauge(std::string_view name, std::string_view help, uint64_t value) {
    family(name, "gauge", help);
    sample(value);
  }
  void counter(std::string_view name, std::string_view help, uint64_t value) {
    family(name, "counter", help);
    sample(value);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& seen) {
    family(name, "histogram", help);
    uint64_t so_far = 0;
    for (size_t i = 0; i < Histogram::kRanges; ++i) {
      so_far += seen.counts()[i];
      const std::string bound = i < Histogram::kBoundsUs.size()
                                    ? number(static_cast<double>(Histogram::kBoundsUs[i]) / 1e6)
                                    : "+Inf";
      text_ += fmt::format("syncline_{}_bucket{{le=\"{}\"}} {}\n", name, bound, so_far);
    }
    text_ +=
        fmt::format("syncline_{}_sum {}\n", name, number(static_cast<double>(seen.sum_ns()) / 1e9));
    text_ += fmt::format("syncline_{}_count {}\n", name, so_far);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_, name_;
};

std::string seconds_of(const std::optional<uint64_t>& age_ms) {
  return number(static_cast<double>(age_ms.value_or(0)) / 1e3);
}

void add_progress(Exposition& out, const StoreStatus& status) {
  out.family("record_seq", "gauge", "Sequence of the last record that has reached the stage.");
  out.sample("stage", "journaled", status.journaled);
  out.sample("stage", "applied", status.applied);
  out.sample("stage", "committed", status.committed);
  out.sample("stage", "published", status.published);
  if (status.pushed) out.sample("stage", "pushed", *status.pushed);
  out.gauge("backlog_records", "Durable records that are not committed yet.",
            status.backlog_records);
  out.gauge("backlog_bytes", "Bytes of journal that are not committed yet.", status.backlog_bytes);
  out.family("oldest_record_age_seconds", "gauge",
             "Age of the oldest record that waits for the stage; 0 where none does.");
  out.sample("stage", "applied", seconds_of(status.unapplied_age_ms));
  out.sample("stage", "committed", seconds_of(status.uncommitted_age_ms));
  out.sample("stage", "published", seconds_of(status.unpublished_age_ms));
  out.gauge("set_aside_records", "Records that could not be applied.", status.set_aside);
  out.gauge("files_waiting", "Files and sections that wait for a person's git or the next publish.",
            status.files_waiting);
  out.gauge("publish_waits", "1 while publishing waits for a person's git.", status.git != "ok");
}

void add_counters(Exposition& out, const StoreMetrics& metrics) {
  const StoreStatus& status = metrics.status;
  out.counter("records_total", "Records written to the journal.", metrics.records);
  out.counter("appends_total", "Groups of frames written to the journal.", status.appends);
  out.counter("flushes_total", "Flushes of the journal.", status.flushes);
  out.counter("flush_failures_total", "Flushes of the journal that failed.", status.flush_failures);
  out.counter("batches_total", "Commits on the store's own ref.", status.batches);
  out.counter("publishes_total", "Commits on the branch.", status.publishes);
  out.family("retries_total", "counter", "Tries that were made again after a wait, by its cause.");
  for (const auto& [cause, count] : status.retries_by_cause) out.sample("cause", cause, count);
  out.gauge("retries_last_minute", "Retries of the last 60 to 65 seconds.",
            status.retries_last_minute);
}

}  // namespace

std::string metrics_text(const StoreMetrics& metrics) {
  const StoreStatus& status = metrics.status;
  Exposition out;
  out.family("build_info", "gauge", "1, with the program's version.");
  out.sample("version", SYNCLINE_VERSION, 1);
  out.family("store_info", "gauge", "1, with the store's id.");
  out.sample("store", status.store_id, 1);
  add_progress(out, status);
  add_counters(out, metrics);
  out.gauge("journal_bytes", "Size of the journal's segments.", status.journal_bytes);
  if (status.disk_free_bytes) {
    out.gauge("disk_free_bytes", "Free space on the journal's disk.", *status.disk_free_bytes);
  }
  out.family("alert_breached", "gauge", "1 where the threshold of [alert] is breached, else 0.");
  for (const Alert& alert : status.thresholds) {
    out.sample("alert", alert.name, alert.breached ? 1 : 0);
  }
  out.histogram("record_journaled_seconds", "From a record's submission until it was durable.",
                metrics.journaled);
  out.histogram("record_applied_seconds",
                "From a record's place in the journal until its row and file were there.",
                metrics.applied);
  out.histogram("record_committed_seconds",
                "From a record's place in the journal until it was on the store's own ref.",
                metrics.committed);
  out.histogram("flush_seconds", "Duration of a flush of the journal.", metrics.flush);
  return out.take();
}

}  // namespace syncline
