// Decides, for each record of a batch, whether it can be applied and with which id, and inserts its
// row.
//
// For each record in the log's order: look at its path ─► insert its row. A path that no record can
// use, and a row that its table refuses, set the record aside. While another branch than the
// store's is checked out, nobody looks: what is at the path is that branch's, and the record's file
// waits. A row that another has taken the id
// of is collected; when all others are placed, these are rebound: under the append lock each gets
// the next free id, the rebinds are journalled as one group, and the rows are inserted with them.
//
// Nothing here is flushed. ApplyStep makes all decisions durable before it writes a file; the rows
// are in its transaction. So a death at any line leaves at most rebinds in the log, which the next
// attempt obeys. What an earlier applier has decided is never decided again.
//
// kRedo: a trigger rolled the transaction back. The refusal is remembered in `rolled_back`, and the
// next attempt sets that record aside before it comes to the trigger.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/apply/apply_batch.h"
#include "engine/apply/apply_context.h"
#include "engine/apply/attempt.h"
#include "engine/apply/section_target.h"

namespace syncline {

// Records whose row a trigger refused by rolling everything back: seq -> reason.
using RolledBack = std::map<uint64_t, std::string>;

class RecordPlacer {
 public:
  RecordPlacer(ApplyContext& context, RolledBack& rolled_back)
      : context_(context), rolled_back_(rolled_back), targets_(context.parents) {}

  // `journalled` is set to the group of rebinds, which is not durable yet, where there is one.
  Result<Attempt> place_all(Batch& batch, std::optional<Appended>& journalled);
  // Why this record would be set aside; empty where it would not. Nothing is journalled, and the
  // transaction is to be rolled back.
  Result<std::string> refusal_of(BatchRecord& record);

 private:
  // The last id known in a table, in its rows and among those given out; rebinding counts on from
  // it.
  struct NextId {
    uint64_t in_rows = 0;
    uint64_t given = 0;
    uint64_t last = 0;
  };

  // Sets id_is_taken where the record must be rebound.
  Result<Attempt> place(BatchRecord& record);
  Result<Attempt> insert_row(BatchRecord& record);
  // Deletes the row of the record that this one takes away; its file is the publish's to take. A
  // row that a constraint or a trigger of people's keeps is theirs from then on.
  Result<Attempt> retract(BatchRecord& record);
  Status look_at_path(BatchRecord& record);
  Status look_at_file(BatchRecord& record);
  Status look_at_section(BatchRecord& record);
  Status set_aside(BatchRecord& record, std::string reason);
  Status set_aside_without_id(BatchRecord& record);
  // Settles what becomes of the record where the journal does not say it yet.
  void decide(BatchRecord& record, Outcome outcome);
  Status rebind(const std::vector<BatchRecord*>& taken, std::optional<Appended>& journalled);
  Result<std::map<std::string, NextId>> highest_ids(const std::vector<BatchRecord*>& taken);

  ApplyContext& context_;
  RolledBack& rolled_back_;
  SectionTargets targets_;
  std::optional<bool> branch_is_away_;  // asked once, and only when it matters
};

}  // namespace syncline
