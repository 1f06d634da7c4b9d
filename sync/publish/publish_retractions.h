// What a publish takes from the branch, because a record took an earlier one away.
//
//   on the branch                          of a created file     of an append file
//   as we made it                          removed               the section is cut out; a file of
//                                                                which only the header is left goes
//   edited, there or in the work tree      left, and told        left, and told
//   not there                              nothing               nothing
//
// The work tree's file goes, or loses the section, in the same step as index and branch; one that
// was never on the branch before anything else is done. Nothing is cut from a file with uncommitted
// edits: a person's next commit would bring back what the branch lost.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/publish/publish_plan.h"

namespace syncline {

struct Retraction {
  std::string path;
  Operation operation = Operation::kCreate;  // of the record that is taken away
  uint64_t id = 0;                           // as its heading has it
  std::string header, text;
  bool on_branch = false;  // the tip has the path
};

// Of records first_seq..last_seq, in the journal's order.
Result<std::vector<Retraction>> read_retractions(SyncContext& context, OutcomeSource& outcomes,
                                                 uint64_t first_seq, uint64_t last_seq);

// Adds to the plan what they take away; `work_tree` tells which of their files are being edited.
// Says of each whether the tip has its path.
Status plan_retractions(ObjectStore& objects, Directory& work_tree, const ObjectId& tip_tree,
                        std::vector<Retraction>& retractions, PublishPlan& plan);

// In the work tree, for what the tip does not have: a file that still holds our bytes goes, a
// section that is whole is cut out.
Status retract_unpublished(Directory& work_tree, const std::vector<Retraction>& retractions);

}  // namespace syncline
