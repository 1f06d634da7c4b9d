// The fold: batches of records into commits on the store's own ref.
//
//   records ──► blobs, trees, commit ──► pack in place ──► BatchFrame durable ──► ref moved ──►
//   done (pure, in memory)                      crash: the       crash: recover()      crash: .keep
//                                          next fold does   does the same batch   left, dropped
//                                          it anew          again, same ids       by recover()
//
// A commit is a function of its parent's tree, the records, and what the BatchFrame says (range,
// author); its time is its last record's. A batch whose records were all set aside makes a commit
// too, with its parent's tree: ranges then have no gaps, and `committed` tells the truth.
//
// Files: a created file's blob is its text. An append's is the own ref's text so far (or the
// record's header where there is none) and the section; so the own ref holds what the engine wrote
// and nothing that a user added. A path that exists already gets the later content. Ids are part of
// created paths, so this does not occur; the rule only makes the result the same every time.
//
// Anybody may call refresh(), which writes nothing; everything else is for the holder of sync.lock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/record/control_frame.h"
#include "sync/context/sync_context.h"
#include "sync/fold/batch_log.h"
#include "sync/fold/record_source.h"
#include "syncline/result.h"

namespace syncline {

struct FoldReport {
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t committed = 0;  // watermark afterwards
};

class Committer {
 public:
  explicit Committer(SyncContext& context) : context_(context) {}

  // Reads ref and journal, and sets context.state from them. Takes no locks and writes nothing, so
  // it may see another process's fold under way. kDisagree when the ref is at a commit the journal
  // does not know.
  Status refresh();

  // refresh(), and folds again what the journal says was folded and the ref does not hold: the
  // batch that a crash cut short, or all of them where the ref was lost. Same ids, or kDisagree.
  Status recover(OutcomeSource& outcomes);

  // Folds records up to `applied` in batches, until there are so many or `is_over` says so. Folds
  // nothing while a batch that must be done again reaches beyond `applied`, because its outcomes
  // are not known yet.
  Result<FoldReport> fold(const Mark& applied, OutcomeSource& outcomes,
                          uint64_t batches_max = UINT64_MAX,
                          const std::function<bool()>& is_over = {});

  // For repair, where refresh() answers kDisagree, or kCorrupt for a ref that holds no object name:
  // moves the ref to where the journal says it is, wherever it is now. The commit it was at stays
  // reachable as refs/syncline-kept/<store id>/<commit>. Where the repository lacks an object of
  // the ref's history, all of it is folded again from the first record.
  Status restore(OutcomeSource& outcomes);

  // Writes the ref anew with the value it has, synced together with its directory. That makes
  // durable what a process left that died between rename and sync, or whose sync failed; syncing
  // the old file again would write nothing.
  Status make_ref_durable();

  // Why a fold would wait for the own ref's lock; empty where it would not. Takes no locks.
  Result<std::string> waiting_reason();

  // What recovery did, one line for each step; returned once.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  struct Built {
    ObjectId tree;
    ObjectId commit;
  };

  // Ref and journal, as found by look().
  struct View {
    ObjectId ref;
    SyncState base;  // before `log`
    BatchLog log;
    RefStanding standing;
  };
  Result<View> look();
  Result<View> look_from_begin(const ObjectId& ref, const Mark& limit);
  Status take_in(View view);
  Error unknown_tip(const View& view);
  // Are all objects there of the commit, of those before it, and of its files?
  Result<bool> is_whole(const ObjectId& commit_id);
  Status fold_all_again(const ObjectId& ref, OutcomeSource& outcomes);

  // Builds the batch's objects into the pack; touches nothing else.
  // Of the frame: parent, author and version.
  Result<Built> build(const BatchFrame& frame, const RecordBatch& batch);
  Status fold_batch(const RecordBatch& batch);
  // Does the batches of pending_ again, up to `up_to_seq`; the ref is at `ref`.
  Status redo_pending(OutcomeSource& outcomes, uint64_t up_to_seq, ObjectId ref);
  // Builds the batch of `frame` again, and moves the ref from `expected` to its commit. Returns
  // what was read.
  Result<RecordBatch> redo(RecordSource& source, const BatchFrame& frame, const ObjectId& expected,
                           OutcomeSource& outcomes);
  Status move_ref(const ObjectId& expected, const ObjectId& commit);
  // True when a lock of the own ref was ours, and is gone.
  Result<bool> remove_left_lock();
  void note_committed(const RecordBatch& batch, const ObjectId& commit);
  void note_latencies(const RecordBatch& batch);
  // Removes what dead processes left, and saves the state if it has changed. Called with nothing
  // pending.
  Status tidy();

  SyncContext& context_;
  std::vector<BatchFrame> pending_;  // journalled and scanned, not on the ref
  bool loaded_ = false;              // context_.state holds what was looked up
  bool cleaned_ = false;             // stale .keep files were looked for since the last failure
  std::optional<SyncState> saved_;   // what sync.state holds, as far as this process knows
  std::vector<std::string> notes_;
};

}  // namespace syncline
