// Every shape that --json prints, in one place: the schema that callers parse.
//
// One object on one line, ended by a newline; every key is always there, in this order, and null
// where it does not apply. Bytes that are not UTF-8 become U+FFFD, and never make it fail.
#pragma once

#include <optional>
#include <string>

#include "engine/config/config.h"
#include "syncline/store.h"
#include "tools/bench_report.h"
#include "tools/failure.h"
#include "tools/ingest_report.h"
#include "tools/stress_report.h"

namespace syncline {

inline constexpr int kJsonSchema = 1;

std::string failure_json(const Failure& failure);
std::string version_json();
std::string init_json(const InitReport& report);
std::string recorded_json(const Receipt& receipt);
std::string retracted_json(const RetractReport& report);
std::string replaced_json(const ReplaceReport& report);
std::string receipt_json(const Receipt& receipt);
// The records of one file.
std::string file_json(const std::string& path, const std::vector<Receipt>& receipts);
std::string list_json(const std::vector<Receipt>& receipts);
std::string log_json(const LogEntry& entry);
std::string ingest_json(const IngestReport& report);
std::string sync_json(const SyncReport& report);
std::string status_json(const StoreStatus& status);
// As status, and the latencies.
std::string metrics_json(const StoreMetrics& metrics);
std::string verify_json(const VerifyReport& report, double seconds);
std::string repair_json(const RepairReport& report, bool dry_run);
std::string restore_json(const RestoreReport& report);
std::string adopt_json(const AdoptReport& report);
std::string loss_json(const LossReport& report);
std::string copy_json(const std::string& into, const CopyReport& report, double seconds);
std::string replay_json(const std::string& into, std::optional<uint64_t> to_seq, double seconds);
std::string stress_json(const StressReport& report);
std::string bench_json(const BenchReport& report);
// `differences`: what the tables of the database lack of what is configured, a sentence each.
std::string config_check_json(const std::string& path, const Config& config,
                              const std::vector<std::string>& differences,
                              const std::vector<std::string>& ignored);
std::string config_json(const Config& config);

// A line of ingest's rejects file: {"line":…,"reason":…,"raw":…}, and "raw_hex" with the very bytes
// where they are not UTF-8.
std::string reject_json(uint64_t line_number, const std::string& reason, std::string_view raw);
// A JSON string, quotes included.
std::string quoted_json(std::string_view text);

// Reading back what a child process printed (stress).
struct ChildAnswer {
  uint64_t seq = 0;
  uint64_t id = 0;
  std::string table;
  std::string path;
  std::string error;  // its message; empty for a receipt
};
// Empty where `text` is not one of our objects.
std::optional<ChildAnswer> parse_child_answer(std::string_view text);

}  // namespace syncline
