// The publisher: carries the own ref's state over to the branch that is checked out.
//
//   state of the work tree ─► trees compared ─► plan ─► files missing from the work tree written
//   back ─► commit_to_branch(), and under its locks the work tree's append files get what the
//   branch gets ─► PublishFrame durable in the journal
//
// A large backlog is carried over in several commits, each as above (kRecordsMax).
//
// Changes that the user makes meanwhile are seen under the locks; then everything is looked at and
// planned anew, a few times, before the publish says that it waits. After a crash before the
// PublishFrame the next publish finds everything on the branch already, and writes only the frame.
//
// The holder of sync.lock calls publish(); due_in_ms() and waiting_reason() write nothing and may
// be called without. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "journal/base/backoff.h"
#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/git/git_paths.h"
#include "sync/git/work_files.h"
#include "sync/own/left_ref_lock.h"
#include "sync/own/own_history.h"
#include "sync/publish/branch_commit.h"
#include "sync/publish/publish_plan.h"
#include "syncline/result.h"

namespace syncline {

struct PublishReport {
  uint64_t published = 0;                // watermark afterwards
  ObjectId commit;                       // zero when nothing had to be committed
  std::string waiting;                   // why the publish had to wait, one line; else empty
  bool plan_waits = false;               // `waiting` is known to who plans a publish alone
  std::vector<std::string> left;         // paths with other bytes on the branch: left and reported
  std::vector<std::string> republished;  // paths that were missing on the branch and were put back
  uint64_t ignored = 0;                  // paths left out, since the repository ignores them
};

// The sections of records up to `last_seq` that wait for their publish: where they are to be is
// settled first, durably, so that no git command waits for that; then they are written into the
// work tree.
struct WaitingSections {
  std::function<Status(uint64_t last_seq)> settle = {};
  std::function<Status(uint64_t last_seq)> write = {};
  explicit operator bool() const { return write != nullptr; }
};

// Was it asked for? Otherwise it leaves alone who has moved HEAD since it was found to be due, and
// waits with these words.
enum class Pace : uint8_t { kAsked, kQuiet };
inline constexpr const char* kJustMoved = "somebody has just moved HEAD";

// Adds `more`; sorted then, each once.
void add_paths(std::vector<std::string>& paths, std::vector<std::string> more);

// What a publish adds to the work tree, until its commit is made or given up.
struct WorkTreeGrowth {
  std::vector<GrownFile> files = {};
  bool can_be_taken_back = true;
  std::unique_ptr<FileLock> apply_lock = {};  // where the caller has none
};

class Publisher {
 public:
  // How many records one commit carries over to the branch, or one batch where that is larger: a
  // publish holds some hundred bytes in memory for each file, and the backlog may be a million
  // files.
  static constexpr uint64_t kRecordsMax = 20'000;

  // `git` is the repository if it is open already; otherwise it is opened when first needed.
  explicit Publisher(SyncContext& context, std::optional<GitDirectories> git = std::nullopt,
                     uint64_t records_max = kRecordsMax);

  // Whoever gives `sections` holds apply.lock.
  Result<PublishReport> publish(OutcomeSource& outcomes, const WaitingSections& sections = {},
                                Pace pace = Pace::kAsked);
  // Puts back what a person has removed from the branch of these paths: whole files, and of append
  // files the sections of records that `wanted` names. What is there with other bytes is left. The
  // caller holds apply.lock and has published everything.
  using WantedSections = std::function<bool(uint64_t seq)>;
  Result<PublishReport> restore(OutcomeSource& outcomes, const std::set<std::string>& paths,
                                const WantedSections& wanted);
  // In how many milliseconds a publish is due; empty where there is nothing to publish or to look
  // at. Not before the interval, the delay after a publish that had to wait, and the quiet time
  // after somebody else has moved HEAD are over. Where `sections_wait` for it there is no interval.
  std::optional<uint64_t> due_in_ms(bool sections_wait);
  bool due(bool sections_wait = false) { return due_in_ms(sections_wait) == 0; }
  // Has a publish died under its locks? They stand in a person's way, and what it has left in the
  // index could go into a commit of theirs: the next one is due at once, but for the delay after a
  // publish that had to wait. The caller holds sync.lock, so that nobody is publishing now.
  Result<bool> must_make_up();
  Result<std::string> waiting_reason();
  // Does the branch descend from what was published on it last? Then a person decided all that it
  // lacks of that.
  Result<bool> goes_on(const ObjectId& tip);

 private:
  // Attempts one commit, planned anew a few times when something changes meanwhile.
  Result<PublishReport> until_still(
      const std::function<Result<std::optional<PublishReport>>()>& attempt);
  // One look, plan and commit. Empty when something changed meanwhile, and it must be done again.
  Result<std::optional<PublishReport>> attempt(OutcomeSource& outcomes,
                                               const WaitingSections& waiting_sections, Pace pace);
  Result<std::optional<PublishReport>> attempt_restore(OutcomeSource& outcomes,
                                                       const std::set<std::string>& paths,
                                                       const WantedSections& wanted);
  Status make_branch_durable();
  Result<bool> was_cut_short();
  Status take_up_cut_short(const GitDirectories& git_dirs);
  // Was there a file at the path, in any commit that `tip` goes back to?
  Result<bool> branch_had(const ObjectId& tip, const std::string& path);
  // Empty when something changed meanwhile.
  Result<std::optional<BranchCommitResult>> commit_plan(
      const ObjectId& tip, const ObjectId& tip_tree, const PublishPlan& plan,
      const OwnHistory& history, const std::function<Result<std::string>()>& write_work_tree,
      const std::function<Result<bool>()>& take_back_work_tree);
  // Why a publish must wait, as far as files and refs alone can tell; empty where it need not, and
  // then `tip` is the branch's.
  Result<std::string> standing_in_the_way(ObjectId& tip);
  // Why it must wait for a file that a person will bring back with `git stash pop`, or an empty
  // string.
  Result<std::string> away_with_stash(const ObjectId& tip);
  Result<ObjectId> stash_tip();
  Result<RefLockJudge::Verdict> judge_branch_lock();
  Result<PublishTrees> trees_for(const ObjectId& tip, const OwnHistory& history);
  bool nothing_new(const ObjectId& tip) const;
  // Is a rule gone that had held something back? Looked at once a second.
  Result<bool> held_is_due();
  int64_t left_ms(bool sections_wait);
  int64_t interval_left_ms();

  // Puts back files that are missing from the work tree. With `own_before` (PublishTrees) without
  // the sections that are published for the first time, which are written behind that, and so
  // without files of which nothing was published yet. `is_gone` names those that a person's commits
  // have brought to the branch and removed again: they stay away.
  Status put_back_files(const PublishPlan& plan, const ObjectId* own_before,
                        std::vector<std::string>& put_back,
                        const std::function<Result<bool>(const std::string&)>& is_gone = {});
  Status put_back_held(const ObjectId& own_tree, const std::set<std::string>& paths,
                       const HeldPaths& held, std::vector<std::string>& put_back);
  Result<ObjectStore::Content> text_to_put_back(const PlannedChange& change,
                                                const ObjectId* own_before);
  // Takes from unedited files what the branch loses, adds to append files what it gets, and writes
  // the sections that wait. Answers why it must wait, or an empty string.
  Result<std::string> grow_work_tree(const PublishPlan& plan, uint64_t last_seq,
                                     const WaitingSections& waiting_sections,
                                     std::vector<std::string>& put_back);
  // What the files hold that are to get something, and what they got. Where that cannot be told
  // from what a person writes at this very moment, it cannot be taken back.
  void note_before_growth(const PublishPlan& plan);
  void note_growth(const PublishPlan& plan);
  // Gives the work tree what it had before that; false where that cannot be.
  Result<bool> take_back_growth();
  Status take_from_work_tree(const PlannedChange& change);
  Status restore_work_tree(const PublishPlan& plan);
  // Where the work tree's file holds exactly the first `from_bytes` of the change's text, as far as
  // `to_bytes`. False where it holds something else. The caller holds apply.lock.
  Result<bool> grow_work_text(const PlannedChange& change, size_t from_bytes, size_t to_bytes);
  BranchCommitRequest request_for(const ObjectId& tip, const ObjectId& tip_tree,
                                  const PublishPlan& plan, const OwnHistory& history) const;
  Result<const GitDirectories*> git();

  SyncContext& context_;
  std::optional<GitDirectories> git_;
  uint64_t records_max_;
  ObjectId checked_tip_;  // compared, and nothing was missing
  uint64_t checked_committed_ = 0;
  Backoff wait_;
  OtherProcesses others_;      // as the last look without locks found them
  int64_t not_before_ns_ = 0;  // after a publish that had to wait
  int64_t held_look_ns_ = 0;   // when held_is_due() is to look again
  bool held_is_due_ = false;
  std::optional<WorkTreeGrowth> growth_;
  ObjectId stash_seen_;  // by away_with_stash(): one made since may have taken more
};

}  // namespace syncline
