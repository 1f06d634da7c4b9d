// The verbs' output as text. Pure: values in, lines out, each ended by a newline.
//
// Text from records (keys, reasons, paths) is made safe for a terminal (tools/console.h).
#pragma once

#include <cstdint>
#include <string>

#include "engine/config/config.h"
#include "syncline/store.h"
#include "tools/ingest_report.h"

namespace syncline {

std::string init_text(const InitReport& report);
// "recorded seq 12: notes id 12, notes/0000/hello-12.md (applied)"
std::string recorded_text(const Receipt& receipt);
std::string retracted_text(const RetractReport& report);
std::string replaced_text(const ReplaceReport& report);
std::string receipt_text(const Receipt& receipt);
std::string log_text(const LogEntry& entry);
// A record of a list: its line, and a line for each field.
std::string listed_text(const Receipt& receipt);
std::string ingest_text(const IngestReport& report);
std::string sync_text(const SyncReport& report);
std::string status_text(const StoreStatus& status);
std::string finding_text(const Finding& finding);  // one line
std::string verify_text(const VerifyReport& report, double seconds);
std::string repair_text(const RepairReport& report, bool dry_run);
std::string orphans_text(const RepairReport& report, bool dry_run);
std::string adopt_text(const AdoptReport& report);
std::string restore_text(const RestoreReport& report);
std::string loss_text(const LossReport& report);
std::string config_text(const Config& config);
// The fields of a kind as `record --help` lists them.
std::string kind_text(const KindSpec& kind);

std::string bytes_text(uint64_t bytes);  // "812 B", "12.3 MiB"

}  // namespace syncline
