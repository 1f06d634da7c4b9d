// Private to engine/applier*.cc: the state of an Applier and what its parts share.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/apply/applier.h"
#include "engine/apply/file_applier.h"
#include "engine/apply/look_ahead.h"
#include "engine/apply/parent_directories.h"
#include "engine/apply/section_applier.h"
#include "engine/projection/projection_writer.h"
#include "engine/projection/row_applier.h"
#include "journal/record/row_id.h"

namespace syncline {

// The file effect of a record with an id that it did not keep: an applier that died before its
// COMMIT may have written it, and a foreign row taken the id since. What still has exactly these
// bytes is taken back.
struct Abandoned {
  std::string path;
  std::string text;
};
inline std::vector<std::string_view> texts_of(const std::vector<Abandoned>& abandoned) {
  std::vector<std::string_view> texts;
  for (const Abandoned& effect : abandoned) texts.push_back(effect.text);
  return texts;
}
// With `ids`, of a record that has `outcome`. Nothing where file and commits were settled before.
std::vector<Abandoned> abandoned_effects(const Intent& intent, uint64_t seq, int64_t time_ms,
                                         const Outcome& outcome, std::span<const uint64_t> ids);

// A record on its way through a step.
struct BatchRecord {
  Intent intent;
  Effects effects;          // with the id that holds now
  uint64_t decided_id = 0;  // the frame's
  int64_t time_ms = 0;
  std::optional<Outcome> outcome;  // what holds; nothing for the plain case
  bool outcome_is_new = false;     // decided here: to be journalled
  bool waits = false;              // its section waits for the person's git state
  FileApplier::State seen = FileApplier::State::kEdited;
  std::vector<Abandoned> abandoned;

  bool is_set_aside() const { return outcome && !outcome->has_row(); }
  bool has_file() const { return !effects.path.empty() && (!outcome || outcome->has_file()); }
  // One that is no row's id was never given; see place().
  uint64_t highest_id() const {
    return is_row_id(decided_id) ? std::max(decided_id, effects.id) : effects.id;
  }
};

// A record that was applied, with the effects that hold; without a table where it has no row.
struct AppliedRecord {
  Intent intent;
  Effects effects;
  std::vector<Abandoned> abandoned;
};

// A control frame that the step passes.
struct BatchControl {
  Operation operation = Operation::kConfig;
  Position position;
  ByteVector payload;
};

struct Batch {
  Mark from, to;
  std::vector<BatchRecord> records;
  std::vector<BatchControl> controls;
  bool reached_end = false;  // of what is durable, or of what was asked for
};

// Frames to be journalled as one group, with their payloads.
class ControlGroup {
 public:
  void add(Operation operation, ByteVector payload);
  bool empty() const { return payloads_.empty(); }
  Result<Appended> append(AppendTurn& turn, Clock& clock);

 private:
  std::vector<std::pair<Operation, ByteVector>> payloads_;
};

struct Applier::Impl {
  Impl(Directory& store_directory, Journal& journal_, Clock& clock_,
       std::unique_ptr<Directory> work_tree_, ApplierOptions options_);

  Directory& store;
  Journal& journal;
  Clock& clock;
  std::unique_ptr<Directory> work_tree;
  ApplierOptions options;

  std::unique_ptr<Database> database;
  // Hold statements of the database, and go before it.
  std::unique_ptr<RowApplier> rows;
  std::unique_ptr<ProjectionWriter> projection;

  ParentDirectories parents;
  FileApplier files;
  SectionApplier sections;
  LookAhead ahead;
  std::unique_ptr<Reader> reader;

  Mark applied;
  uint64_t files_synced = 0;
  std::map<std::string, std::string> ddl_failures;  // table -> SQLite's message
  // Records whose row a trigger refused by rolling everything back: seq -> reason.
  std::map<uint64_t, std::string> rolled_back;

  // ---- applier.cc ----
  Status open_database();
  Status make_database_folder();
  Status check_identity();
  Status project_kept_keys(uint64_t after_seq, uint64_t last_seq);
  // Reopens a database that was replaced or deleted, reads the watermarks.
  Status refresh();
  Status read_marks();
  Status note_damage(Error& error);
  Result<ApplyReport> step(std::optional<uint64_t> stop_after_seq);
  // Nothing: a path or the database changed under the step, it was rolled back and is to be redone.
  Result<std::optional<ApplyReport>> try_step(std::optional<uint64_t> stop_after_seq);
  Result<Batch> read_batch(std::optional<uint64_t> stop_after_seq);
  Status decode(const FrameView& frame, Batch& batch);
  Status create_tables(const BatchControl& config);
  Status create_table(const std::string& table, const std::string& ddl);

  // ---- applier_records.cc ----
  enum class Placed : uint8_t { kDone, kIdTaken, kRedo };
  // Rows of the batch, rebinding and setting aside. False: to be redone.
  Result<bool> apply_rows(Batch& batch, std::optional<Appended>& journalled);
  Result<Placed> place(BatchRecord& record);
  Error tell_ddl_failure(const BatchRecord& record, Error error) const;
  // What checkpoints ahead claim; a replay makes its files anew, whatever they say.
  bool was_applied(uint64_t seq) const {
    return options.journal_outcomes && seq <= ahead.tail().claimed_applied();
  }
  bool was_synced(uint64_t seq) const {
    return options.journal_outcomes && seq <= ahead.tail().claimed_files_synced();
  }
  Status look_at_path(BatchRecord& record);
  Status set_aside(BatchRecord& record, std::string reason);
  // Decides what became of the record, which the journal does not say yet.
  void decide(BatchRecord& record, Outcome outcome);
  // Gives the records (by index) the next free ids and journals that, not yet durable.
  Status rebind(Batch& batch, const std::vector<size_t>& taken,
                std::optional<Appended>& journalled);
  // The sections to be written now; others are marked as waiting.
  Result<std::vector<Section>> choose_sections(Batch& batch);
  // Journals what was set aside and the offsets, and makes all decisions durable.
  Status journal_decisions(const Batch& batch, const std::vector<AppendOffset>& offsets,
                           std::optional<Appended>& journalled);
  Result<bool> write_files(const Batch& batch);
  Status take_back(const Effects& effects, const std::vector<Abandoned>& abandoned);
  Status project(const Batch& batch, const std::vector<AppendOffset>& offsets);
  Status project_control(const BatchControl& control);
  bool must_wait() const { return options.files_must_wait && options.files_must_wait(); }

  // ---- applier_files.cc ----
  // Applied records of first..last that `include` wants and that are not set aside, in order, some
  // at a time.
  Status visit_applied(uint64_t first_seq, uint64_t last_seq,
                       const std::function<bool(uint64_t seq)>& include,
                       const std::function<Status(const std::vector<AppliedRecord>&)>& visit);
  // Records whose files have not been synced, without those that wait.
  Status visit_unsynced(const std::function<Status(const std::vector<AppliedRecord>&)>& visit);
  Status recheck_files();
  Status recheck_until_stable(const std::vector<AppliedRecord>& records);
  Result<bool> recheck(const std::vector<AppliedRecord>& records);
  Status write_again(const std::vector<AppliedRecord>& records);
  Result<std::vector<Section>> sections_of(const std::vector<AppliedRecord>& records);
  Status journal_offsets(const std::vector<AppendOffset>& offsets);
  Status restore_rows(std::vector<uint64_t> seqs);
  Status restore_files(std::vector<uint64_t> seqs);
  Status sync_files();
  Status checkpoint();
  Result<uint64_t> write_waiting();
  Result<bool> write_waiting(const std::vector<AppliedRecord>& records, uint64_t& written);

  // Of append targets, looked at once a batch.
  std::map<std::string, SectionApplier::Target, std::less<>> targets;
};

}  // namespace syncline
