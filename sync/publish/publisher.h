// The publisher: carries the own ref's state over to the branch people have checked out.
//
//   state of the work tree ─► trees compared ─► plan ─► files missing from the work tree written
//   back ─► commit_to_branch() ─► PublishFrame durable in the journal
//
// Much at once is carried over in several commits, each as above (kRecordsMax).
//
// What a person does meanwhile is seen under the locks; then everything is looked at and planned
// anew, a few times, before the publish says that it waits. A crash before the PublishFrame makes
// the next publish find all of it on the branch already, and only write the frame.
//
// The holder of sync.lock calls publish(); due() and waiting_reason() write nothing and may be
// called without. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/base/backoff.h"
#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/git/git_paths.h"
#include "sync/own/left_ref_lock.h"
#include "sync/own/own_history.h"
#include "sync/publish/branch_commit.h"
#include "sync/publish/publish_plan.h"
#include "syncline/result.h"

namespace syncline {

struct PublishReport {
  uint64_t published = 0;                // watermark afterwards
  ObjectId commit;                       // zero when nothing had to be committed
  std::string waiting;                   // why it could not, one line; empty when it could
  std::vector<std::string> left;         // paths with other bytes on the branch: left, reported
  std::vector<std::string> republished;  // paths that had gone from the branch and were put back
};

class Publisher {
 public:
  // What one commit carries over to the branch, a batch at least: a publish holds some hundreds of
  // bytes for each file, and what waited for a person may be a million of them.
  static constexpr uint64_t kRecordsMax = 20'000;

  // `git`: the repository opened already; without, it is opened when first needed.
  explicit Publisher(SyncContext& context, std::optional<GitDirectories> git = std::nullopt,
                     uint64_t records_max = kRecordsMax);

  Result<PublishReport> publish(OutcomeSource& outcomes);
  // There is something to publish or to look at, the interval has passed, and so has the delay
  // after a publish that had to wait.
  bool due();
  Result<std::string> waiting_reason();

 private:
  // One commit's worth: planned anew, a few times, where something moves meanwhile.
  Result<PublishReport> publish_part(OutcomeSource& outcomes);
  // One look, plan and commit. Nothing when something moved meanwhile: to be done again.
  Result<std::optional<PublishReport>> attempt(OutcomeSource& outcomes);
  // Why a publish must wait, as far as files and refs alone tell; empty where it need not. `tip` is
  // the branch's then.
  Result<std::string> standing_in_the_way(ObjectId& tip);
  Result<RefLockJudge::Verdict> judge_branch_lock();
  Result<PublishTrees> trees_for(const ObjectId& tip, const OwnHistory& history);
  Result<ObjectId> tree_of(const ObjectId& commit);
  bool nothing_new(const ObjectId& tip) const;

  // Puts back what is gone from the work tree; adds to an unedited append file what the branch
  // gets. Answers why it must wait, or nothing.
  Result<std::string> prepare_work_tree(const PublishPlan& plan,
                                        std::vector<std::string>& put_back);
  Result<std::string> grow_work_text(const PlannedChange& change);
  BranchCommitRequest request_for(const ObjectId& tip, const ObjectId& tip_tree,
                                  const PublishPlan& plan, const OwnHistory& history) const;
  Status journal_publish(uint64_t last_seq, const ObjectId& tip, const ObjectId& commit);
  Result<const GitDirectories*> git();

  SyncContext& context_;
  std::optional<GitDirectories> git_;
  uint64_t records_max_;
  ObjectId checked_tip_;  // compared, and nothing was missing
  uint64_t checked_committed_ = 0;
  Backoff wait_;
  int64_t not_before_ns_ = 0;  // after a publish that had to wait
};

}  // namespace syncline
