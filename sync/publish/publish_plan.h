// Decides what a publish puts on the branch: of each file of ours that the tip does not have as it
// is, whether it is added, its missing sections are added to the tip's own text, or it is left.
//
//   tip has nothing there             → our file, whole; but where a person removed it: nothing, or
//                                       its header and the sections that came since
//   tip has our bytes                 → nothing
//   something else in the way: a      → nothing at all is published until it is out of the way,
//   where link, a directory or a submodule,   something recorded since the last publish has to come
//   there; a file instead of a directory       otherwise left tip's text is the one we left     →
//   the tip's text, and what ours has grown by, unless a heading
//                                       of that is there already: then by sections, as below
//   tip's text holds all of ours      → nothing
//   an append file                    → the tip's text, and each of our sections that it lacks,
//                                       but for those that a person removed; one that it has with
//                                       other bytes is left (section_text.h)
//   a created file with other bytes   → left
//   the repository ignores the path,  → held back: it comes when the rule goes (held_paths.h)
//   and the tip does not have it
//   what a record of this publish     → the file, or the section, is taken from the branch
//   takes away (publish_retractions)    where it stands there as we made it
//
// Whose change it is: where the tip descends from what we left there, a person removed what it
// lacks of that, and it stays removed. Where it does not, after a reset, an amend of our commit or
// a rebase that dropped it, nobody is known to have meant that, and it is put back.
//
// A section goes to the end without a byte in between, as in the work tree's file. No line of a
// person's is ever removed: what a user has committed is never reverted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sync/git/index_file.h"
#include "sync/own/held_paths.h"
#include "sync/publish/publish_diff.h"
#include "syncline/result.h"

namespace syncline {

// Reads the sections from the journal again, for the rare file whose text alone does not tell them.
class SectionSource {
 public:
  struct Section {
    uint64_t seq = 0;
    uint64_t id = 0;  // as its heading has it
    std::string text;
  };
  virtual ~SectionSource() = default;
  // The sections of the append records for `paths`, in journal order, from record `first_seq` on,
  // as far as the own tree goes, without those that were retracted. A path that no append record
  // names is not in the answer.
  virtual Result<std::map<std::string, std::vector<Section>>> sections(
      const std::set<std::string>& paths, uint64_t first_seq) = 0;
};

struct PlannedChange {
  std::string path;
  TreeValue value;                  // the blob zero: the path is removed
  std::optional<TreeValue> in_tip;  // what the tip has there
  std::string text;                 // the blob's, where it is new; empty where ours is in a pack
  // What `text` begins with: all but the sections that are published for the first time.
  size_t known_bytes = 0;
  // What `text` begins with of the tip's: all of it, but where sections were taken out of that.
  size_t tip_bytes = 0;
  std::vector<std::string> cut = {};  // those sections
  // What the work tree's file held and is to hold, where something is taken from it.
  struct WorkText {
    std::string before, after;
  };
  std::optional<WorkText> work_text = {};

  bool removes() const { return value.blob.is_zero(); }
  bool is_cut() const { return !cut.empty(); }
};

// What is not to come onto the branch, as it is ignored there.
struct HoldBack {
  std::function<Result<bool>(std::string_view path)> ignores;
  HeldPaths before;  // by earlier publishes
};

struct PublishPlan {
  std::vector<PlannedChange> changes;   // sorted by path
  std::vector<std::string> left;        // paths with something else on the branch
  std::vector<std::string> in_the_way;  // of those that new records need: not published over
  std::vector<std::string> taken;  // "path (## H-2)": a person's section has a new one's number
  std::vector<std::string> republished;  // paths that had been on the branch, and were not whole
  HeldPaths held;                        // held back, from now on
  uint64_t released = 0;                 // changes for paths that had been held back
  bool holds_new = false;                // of what is published over: no message may tell of it
};

// Did the branch have a file at the path at any time? Asked of the rare file that neither the tip
// nor what we left there tells of; without it nobody is asked.
using BranchHad = std::function<Result<bool>(const std::string& path)>;

// `published` is the watermark that goes with trees.own_before.
Result<PublishPlan> plan_publish(ObjectStore& objects, const PublishTrees& trees,
                                 uint64_t published, SectionSource& sections,
                                 const HoldBack& hold_back = {}, const BranchHad& branch_had = {});

}  // namespace syncline
