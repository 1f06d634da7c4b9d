// The tree of our line of history and theirs together, computed without a work tree or an index.
//
// `git merge-tree` merges by git's own rules (renames, attributes, several merge bases). Of what
// conflicts there, append files of ours get the sections of both sides (section_union.h); anything
// else is a person's to settle. Our merge driver is not asked: what headings look like is read here
// from the journal, which has those of earlier configurations too. What git has written for the
// tree is loose and not synced, so it goes into the caller's pack, with what is made here.
//
// The caller holds sync.lock. Nothing but objects is written.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/git/index_file.h"
#include "sync/publish/section_union.h"
#include "syncline/result.h"

namespace syncline {

// "main on origin"
std::string branch_at_remote(const SyncOptions& options);
// kRetryLater: the remote's branch has commits that are not here, and …
Error takes_a_person(const SyncOptions& options, std::string_view why, std::string hint);
// The first few, on one line.
std::string listed_paths(std::span<const std::string> paths);

class MergedTree {
 public:
  // `context.pack` is being built, and gets the objects.
  MergedTree(SyncContext& context, OutcomeSource& outcomes)
      : context_(context), outcomes_(outcomes) {}

  // takes_a_person(), naming the paths, where both sides changed something that is not ours.
  Result<ObjectId> merge(const ObjectId& tip, const ObjectId& theirs, Deadline deadline);

 private:
  // A file that git could not merge: what base, ours and theirs have there.
  struct Conflict {
    std::optional<TreeValue> base, ours, theirs;
    bool other = false;  // one of them is no plain file
  };
  using Conflicts = std::map<std::string, Conflict>;

  Result<ObjectId> unite(const ObjectId& merged, const Conflicts& conflicts);
  Result<std::optional<UnitedText>> unite_file(const Conflict& conflict,
                                               std::span<const WantedSection> recorded);
  Status keep_new_objects(const ObjectId& merged, const std::vector<ObjectId>& known);

  SyncContext& context_;
  OutcomeSource& outcomes_;
  std::set<std::string> united_;  // names of the texts that are in the pack
};

}  // namespace syncline
