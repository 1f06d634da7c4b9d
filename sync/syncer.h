// Journal → git: folds batches of applied records into commits on the store's own ref, and
// publishes them to the branch people have checked out.
//
//        applied records                    own ref                          branch
//   ───────────────────────► fold(upto) ──────────────► publish() ──────────────────► push()
//     (any number, durable)   one pack,     calm pace     index first,    git subprocess
//                             one commit                  then the ref
//
// Order of barriers in a fold: pack + .keep + index of the pack, synced with their directory →
// BatchFrame durable in the journal → ref by compare-and-swap under its lock, synced → .keep
// dropped. In a publish: look without locks → pack and index image beside → index.lock → look again
// → ref lock → verify → rename index → commit the ref → PublishFrame.
//
// A fold is a pure function (parent tree, records) → (tree, commit), so a crash anywhere is
// repaired by doing it again: same ids. Who may call: whoever holds the store's sync.lock, one
// thread at a time. Parts advance by being called; there are no threads here. This folder alone
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
#include "sync/context/outcome_source.h"
#include "sync/context/sync_options.h"
#include "sync/fold/folder.h"
#include "sync/publish/publisher.h"
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
  // it. kNoStore/kUnsupported where the repository cannot be used, with a sentence that says why:
  // fold then waits, recording goes on.
  static Result<std::unique_ptr<Syncer>> open(const std::string& work_tree,
                                              Directory& store_directory, Journal& journal,
                                              Clock& clock, SyncOptions options,
                                              GitPlatform& platform);
  virtual ~Syncer() = default;

  // What the ref and the journal say was committed and published; finishes a fold that a crash cut
  // between its BatchFrame and the ref. Called by the first fold/publish after open and by status.
  virtual Status recover(OutcomeSource& outcomes) = 0;
  // Reads where ref and journal stand, for committed(), published() and own_tip(). Writes nothing
  // and needs no sync.lock. kDisagree: the ref is at a commit the journal does not know
  // (history-rewritten).
  virtual Status refresh() = 0;
  // What recovery did, a line for people each; every line is answered once.
  virtual std::vector<std::string> take_notes() = 0;

  // Folds everything applied up to `applied` (a durable mark) in batches; at most `batches_max`.
  virtual Result<FoldReport> fold(const Mark& applied, OutcomeSource& outcomes,
                                  uint64_t batches_max = UINT64_MAX) = 0;
  // Redoes journalled batches exactly (replay): `frame` must reproduce frame.commit, else
  // kDisagree.
  virtual Status refold(const BatchFrame& frame, OutcomeSource& outcomes) = 0;
  // For repair, where the own ref is at a commit the journal does not know: makes it what the
  // journal says. The commit it was at stays reachable under refs/syncline-kept/.
  virtual Status restore(OutcomeSource& outcomes) = 0;
  // Makes durable what the own ref is at, before the journal lets go of records it holds: the ref
  // is read wherever it is, and who moved it may have died before the move was durable.
  virtual Status make_ref_durable() = 0;

  // Carries the own ref's state over to the branch. Never blocks on people: `waiting` says why not.
  virtual Result<PublishReport> publish(OutcomeSource& outcomes) = 0;
  virtual bool publish_due() = 0;  // the interval has passed and there is something
  // One line that says why a fold or a publish would wait now, for a lock or a person; empty when
  // neither would. Takes no locks.
  virtual Result<std::string> waiting_reason() = 0;

  // `git push` of branch and own ref; kNotFound without a remote, kRetryLater when it was refused.
  virtual Status push(Deadline deadline) = 0;
  virtual Result<std::optional<uint64_t>> pushed() = 0;  // nothing without a remote

  // `git repack` on a schedule, when due.
  virtual Status consolidate_if_due() = 0;

  virtual uint64_t committed() const = 0;
  virtual uint64_t published() const = 0;
  // Where in the journal folding goes on from: what lies before is not read again.
  virtual Position reads_from() const = 0;
  virtual ObjectId own_tip() const = 0;
  virtual std::string own_ref() const = 0;  // refs/syncline/<store id>

  // For verify: every file below the tree of the own ref's tip / of a commit (zero: no file) / of
  // the branch's tip, sorted by path.
  virtual Status walk_own_tree(const std::function<Status(const TreeEntry&)>& visit) = 0;
  virtual Status walk_tree_of(const ObjectId& commit,
                              const std::function<Status(const TreeEntry&)>& visit) = 0;
  virtual Status walk_branch_tree(const std::function<Status(const TreeEntry&)>& visit) = 0;
  virtual Result<std::string> read_blob(const ObjectId& blob) = 0;
  // The ranges that the own ref's commits claim by their trailers, newest first.
  struct ClaimedRange {
    ObjectId commit;
    uint64_t first_seq = 0;
    uint64_t last_seq = 0;
  };
  virtual Result<std::vector<ClaimedRange>> claimed_ranges() = 0;
  // The names of our own commits on the branch, from their trailers, newest first.
  virtual Result<std::vector<ClaimedRange>> published_ranges() = 0;
};

}  // namespace syncline
