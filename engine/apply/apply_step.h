// One attempt at applying the next batch of the log.
//
//   what is in the log is made durable ─► look ahead: outcomes and offsets that an applier which
//   died before its COMMIT has journalled are obeyed
//   ─► a batch of frames behind the watermark is read ─► BEGIN IMMEDIATE
//   ─► rows: a foreign row has our id: rebind; a refused row, an unusable path: set aside
//   ─► these outcomes and the offsets of sections journalled, flushed ─► files written
//   ─► keys, outcomes, positions and the watermark, in the same transaction ─► COMMIT
//   ─► the shared watermark raised
//
// Invariants: the watermark rises only together with its rows; files are there before it rises;
// an outcome is durable before anybody acts on it.
//
// What a death, or a power cut, leaves at any arrow before COMMIT: the watermark where it was, and
// decisions in the log and files in the work tree that the next attempt finds and keeps. After
// COMMIT: the shared watermark below the database's; the next step raises it. If power takes
// SQLite's last commits away, the same batch is applied again to the same effect.
//
// kRedo: people changed a path under the attempt, another process applied meanwhile, or a trigger
// rolled the transaction back. An error (disk full, I/O, a lock) may be tried again as well. Either
// way the transaction is rolled back by the time run() returns, but `reader` and `ahead` of the
// context are beyond the database: whoever runs attempts resets them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/apply/applier_options.h"
#include "engine/apply/apply_batch.h"
#include "engine/apply/apply_context.h"
#include "engine/apply/attempt.h"
#include "engine/apply/record_placer.h"
#include "engine/apply/section_applier.h"

namespace syncline {

class ApplyStep {
 public:
  ApplyStep(ApplyContext& context, RolledBack& rolled_back, std::optional<uint64_t> stop_after_seq)
      : context_(context), placer_(context, rolled_back), stop_after_seq_(stop_after_seq) {}

  // Once. Nothing to apply is kDone, with a report of zeros.
  Result<Attempt> run();
  const ApplyReport& report() const { return report_; }  // after kDone

 private:
  Status prepare();
  Status read_batch();
  Result<Attempt> apply_batch();
  // The sections to be written now; others are marked as waiting.
  Result<std::vector<Section>> choose_sections();
  // Journals what was set aside and the offsets, and makes all decisions durable.
  Status journal_decisions(const std::vector<AppendOffset>& offsets,
                           std::optional<Appended>& journalled);
  Result<Attempt> write_files();
  void raise_watermark();
  void note_latencies();
  Status limit_wal();

  ApplyContext& context_;
  RecordPlacer placer_;
  std::optional<uint64_t> stop_after_seq_;
  Batch batch_;
  ApplyReport report_;
};

}  // namespace syncline
