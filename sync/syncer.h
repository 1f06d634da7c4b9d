// Journal → git: folds batches of applied records into commits on the store's own ref, and
// publishes them to the branch that is checked out. The Syncer holds the parts that do it, over one
// open repository:
//
//        applied records                    own ref                          branch
//   ───────────────────────► Committer ──────────────► Publisher ──────────────────► Pusher
//     (any number, durable)   one pack,     calm pace     index first,    git subprocess
//                             one commit                  then the ref
//
// Order of barriers in a fold: pack + .keep + index of the pack, synced with their directory →
// BatchFrame durable in the journal → ref by compare-and-swap under its lock, synced → .keep
// dropped. In a publish: look without locks → pack and index image beside → index.lock → look again
// → ref lock → verify → rename index → commit the ref → PublishFrame.
//
// A fold is a pure function (parent tree, records) → (tree, commit), so a crash anywhere is
// repaired by doing it again: same ids. Only the holder of the store's sync.lock may call it, one
// thread at a time. Nothing happens between calls; there are no threads here. Only this directory
// knows git.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "journal/log/journal.h"
#include "journal/record/object_id.h"
#include "sync/consolidator.h"
#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/context/sync_options.h"
#include "sync/fold/committer.h"
#include "sync/git/sparse_checkout.h"
#include "sync/git/staged_paths.h"
#include "sync/git/stashed_files.h"
#include "sync/own/held_paths.h"
#include "sync/publish/persons_change.h"
#include "sync/publish/publisher.h"
#include "sync/publish/pusher.h"
#include "syncline/result.h"

namespace syncline {

class GitPlatform;  // sync/git/git_platform.h

// One file of the store's tree, as git has it.
struct TreeEntry {
  std::string path;
  ObjectId blob;
  uint32_t mode = 0100644;
};

class Syncer {
 public:
  // `work_tree` is the top of the work tree, `store_directory` .git/syncline. `journal` outlives
  // it. kNoStore or kUnsupported where the repository cannot be used, with a sentence that says
  // why: folding then waits, and recording goes on.
  static Result<std::unique_ptr<Syncer>> open(const std::string& work_tree,
                                              Directory& store_directory, Journal& journal,
                                              Clock& clock, SyncOptions options,
                                              GitPlatform& platform);

  Committer& committer() { return committer_; }
  Publisher& publisher() { return publisher_; }
  Pusher& pusher() { return pusher_; }
  Consolidator& consolidator() { return consolidator_; }

  // Looks again which branch is published to (sync/own/followed_branch.h); after the committer's
  // look, before the publisher's. A sentence for the person where it has just been renamed, else
  // empty.
  Result<std::string> follow_branch();

  // One line that says why a fold or a publish would wait now, for a lock or for the user; empty
  // when neither would. Takes no locks.
  Result<std::string> waiting_reason();
  // What the branch does not have since the repository ignores it, as of the last publish.
  Result<HeldPaths> held_paths();
  // One line that says why the own ref is not pushed; empty where it is.
  Result<std::string> own_ref_waiting_reason();
  // Is a file that git does not track away with `git stash -u`? Written again, it would make the
  // pop end with an error.
  Result<bool> is_stashed(std::string_view path);
  // The patterns of our paths for which git's attributes are switched off.
  Result<std::vector<std::string>> attributes_off();

  // As of the committer's last look.
  uint64_t committed() const { return state_.committed; }
  uint64_t published() const { return state_.published; }
  ObjectId own_tip() const { return state_.own_commit; }
  // Where in the journal folding continues: nothing before it is read again.
  Position reads_from() const;
  const std::string& own_ref() const { return context_.own_ref; }  // refs/syncline/<store id>

  // For verify: every file below the tree of a commit (zero: no file) / of the branch's tip, sorted
  // by path.
  Status walk_tree_of(const ObjectId& commit, const std::function<Status(const TreeEntry&)>& visit);
  Status walk_branch_tree(const std::function<Status(const TreeEntry&)>& visit);
  // Whether a person decided all that the branch lacks of what was published (Publisher::goes_on).
  Result<bool> branch_goes_on();
  // Whether the work tree is that of the branch that is published to.
  Result<bool> branch_is_checked_out();
  const std::string& branch() const { return options_.branch; }
  // The tree of the branch's tip, and whether it holds the path.
  Result<ObjectId> branch_tree();
  Result<bool> holds(const ObjectId& tree, const std::string& path);
  Result<std::string> read_blob(const ObjectId& blob);
  // What a person did with it on the branch; looks at kCommitsLookedAtMax commits.
  Result<PersonsBranchChange> persons_change(const RecordedText& record);
  // What is away with `git stash -u`; not to be used after this Syncer.
  Result<StashedFiles> stashed_files();
  // What the index holds. Only a work tree of the branch that is published to tells of its paths.
  Result<StagedPaths> staged_paths();
  Result<SparseCheckout> sparse_checkout();
  // The ranges that the own ref's commits claim by their trailers, newest first.
  struct ClaimedRange {
    ObjectId commit;
    uint64_t first_seq = 0;
    uint64_t last_seq = 0;
  };
  Result<std::vector<ClaimedRange>> claimed_ranges();

 private:
  Syncer(std::string work_tree, std::unique_ptr<Directory> common_dir, Directory& store_directory,
         Journal& journal, Clock& clock, SyncOptions options, std::unique_ptr<ObjectReader> reader,
         GitPlatform& platform);

  SyncOptions options_;
  const std::string configured_branch_;
  std::string renamed_to_;  // what was told of last
  std::unique_ptr<Directory> common_dir_;
  std::unique_ptr<ObjectReader> reader_;
  ObjectStore objects_;
  RefStore refs_;
  PackWriter pack_;
  SyncState state_;
  SyncContext context_;  // of all of the above
  Committer committer_;
  Publisher publisher_;
  Pusher pusher_;
  Consolidator consolidator_;
};

}  // namespace syncline
