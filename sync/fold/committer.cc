#include "sync/fold/committer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "journal/base/backoff.h"
#include "journal/base/elapsed.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "journal/os/whole_file.h"
#include "sync/fold/content_builder.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/commit_text.h"
#include "sync/git/tree.h"
#include "sync/git/worktree_state.h"
#include "sync/own/left_ref_lock.h"

namespace syncline {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();
// pack-refs and gc hold a ref's lock for well under a millisecond each.
constexpr BackoffLimits kRefLockLimits = {
    .first_ns = 2'000'000, .longest_ns = 64'000'000, .tries_max = 5};

BatchPolicy unlimited() {
  return {.records_max = kNoLimit, .bytes_max = kNoLimit};
}

// The furthest mark from which every record after `committed` can be read.
Mark furthest(const Mark& base, std::span<const Mark> waypoints, uint64_t committed) {
  Mark best = base;
  for (const Mark& mark : waypoints) {
    if (mark.seq <= committed && mark.position > best.position) best = mark;
  }
  return best;
}

}  // namespace

Result<Committer::View> Committer::look() {
  View view;
  // The ref first: its batch was durable in the journal before it moved.
  TRY_ASSIGN(view.ref, context_.refs.read(context_.own_ref));
  const Mark limit = context_.journal.durable();

  std::optional<SyncState> base;
  if (loaded_) {
    base = context_.state;
  } else {
    TRY_ASSIGN(base, load_sync_state(context_.store_directory, context_.store()));
    saved_ = base;
    pending_.clear();
  }
  // A journal put back from a backup ends before what was known of it.
  if (base && base->scanned.position <= limit.position && base->committed <= limit.seq) {
    Result<BatchLog> log =
        scan_batches(context_.store_directory, context_.store(), base->scanned, limit);
    if (log) {
      view.base = *base;
      view.log = std::move(*log);
      view.log.batches.insert(view.log.batches.begin(), pending_.begin(), pending_.end());
      view.standing = stand_of_ref(view.ref, view.base.own_commit, view.log.batches);
      if (view.standing.kind != RefStanding::Kind::kUnknown) return view;
    }
    // The saved state does not fit: read the journal itself, which also tells whether it is
    // damaged.
  }
  return look_from_begin(view.ref, limit);
}

Result<Committer::View> Committer::look_from_begin(const ObjectId& ref, const Mark& limit) {
  View view;
  view.ref = ref;
  TRY_ASSIGN(const auto segments, context_.store_directory.open_directory(kJournalDirectory));
  TRY_ASSIGN(const OpenSegment first, open_first_segment(*segments, context_.store()));
  const Mark begin = first.header.start();
  TRY_ASSIGN(view.log, scan_batches(context_.store_directory, context_.store(), begin, limit));
  view.base.records = begin;
  view.base.scanned = begin;
  const bool trimmed = first.header.previous_segment != 0;
  if (begin.seq > 0 && !trimmed && view.log.batches.empty()) {
    // This store continues above one that was lost, and has folded nothing yet.
    view.base.committed = begin.seq;
  } else if (begin.seq > 0) {
    // Trimmed: the first batch that is left, or the tip itself, says what came before.
    if (!view.log.batches.empty()) {
      view.base.own_commit = view.log.batches.front().parent;
      view.base.committed = view.log.batches.front().first_seq - 1;
    } else {
      if (ref.is_zero()) return view;
      TRY_ASSIGN(const ObjectStore::Content content,
                 context_.objects.require(ref, ObjectType::kCommit));
      TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
      const std::optional<CommitTrailers> trailers = parse_trailers(commit.message);
      if (!trailers || trailers->store != context_.store().hex() ||
          trailers->last_seq < begin.seq || trailers->last_seq > limit.seq) {
        return view;
      }
      view.base.own_commit = ref;
      view.base.committed = trailers->last_seq;
    }
  }
  view.standing = stand_of_ref(view.ref, view.base.own_commit, view.log.batches);
  return view;
}

Error Committer::unknown_tip(const View& view) {
  const uint64_t known = view.log.batches.empty() ? 0 : view.log.batches.back().last_seq;
  if (view.ref.is_zero()) {
    return make_error(Code::kDisagree,
                      fmt::format("{} is gone, and the journal no longer holds the records to "
                                  "fold it again from the first",
                                  context_.own_ref),
                      "fetch the ref from where it was pushed to");
  }
  if (const auto content = context_.objects.require(view.ref, ObjectType::kCommit)) {
    const Result<ParsedCommit> commit = parse_commit(**content);
    const auto trailers = commit ? parse_trailers(commit->message) : std::nullopt;
    if (trailers && trailers->store == context_.store().hex() && trailers->last_seq > known) {
      return make_error(
          Code::kDisagree,
          fmt::format("{} holds records up to {}, the journal knows of commits up to {} only: it "
                      "is older than the repository",
                      context_.own_ref, trailers->last_seq, known),
          "put the newer journal back, or give up what it held: syncline repair --accept-loss");
    }
  }
  return make_error(Code::kDisagree,
                    fmt::format("{} is at {}, a commit the journal does not know", context_.own_ref,
                                view.ref.hex()),
                    "syncline repair makes the ref again from the journal and keeps that commit");
}

Status Committer::take_in(View view) {
  SyncState& state = context_.state;
  state = view.base;
  const size_t done = view.standing.done;
  if (done > 0) {
    state.committed = view.log.batches[done - 1].last_seq;
    state.own_commit = view.log.batches[done - 1].commit;
  }
  state.records = furthest(view.base.records, view.log.waypoints, state.committed);
  // Only what was committed is ever trimmed.
  TRY_ASSIGN(const Mark begin, context_.journal.begin());
  if (state.records.position < begin.position && begin.seq <= state.committed) {
    state.records = begin;
  }
  state.scanned = view.log.end;
  if (view.log.published) {
    state.published = view.log.published->last_seq;
    state.branch = view.log.published->branch;
    state.branch_commit = view.log.published->commit;
  }
  view.log.batches.erase(view.log.batches.begin(),
                         view.log.batches.begin() + static_cast<std::ptrdiff_t>(done));
  pending_ = std::move(view.log.batches);
  loaded_ = true;
  return {};
}

Status Committer::refresh() {
  TRY_ASSIGN(View view, look());
  if (view.standing.kind == RefStanding::Kind::kUnknown) return unknown_tip(view);
  return take_in(std::move(view));
}

Status Committer::recover(OutcomeSource& outcomes) {
  // A batch whose process died between its append and its flush is in the log all the same.
  TRY(context_.journal.flush_all());
  TRY(refresh());
  TRY(redo_pending(outcomes, kNoLimit, context_.state.own_commit));
  TRY(tidy());
  context_.journal.set_watermark(Watermark::kCommitted, context_.state.committed);
  return {};
}

Status Committer::restore(OutcomeSource& outcomes) {
  TRY(context_.journal.flush_all());
  TRY_ASSIGN(const bool damaged, context_.refs.remove_damaged(context_.own_ref));
  if (damaged) {
    notes_.push_back(fmt::format("{} held no object name: it was made again from the journal",
                                 context_.own_ref));
  }
  TRY_ASSIGN(View view, look());
  if (view.standing.kind != RefStanding::Kind::kUnknown) {
    TRY_ASSIGN(const bool whole, is_whole(view.ref));
    return whole ? recover(outcomes) : fold_all_again(view.ref, outcomes);
  }
  if (view.base.own_commit.is_zero() && view.log.batches.empty()) return unknown_tip(view);
  const ObjectId ref = view.ref;
  if (!ref.is_zero()) {
    const std::string kept = kept_ref_of(context_.store().hex(), ref.hex());
    TRY_ASSIGN(const ObjectId there, context_.refs.read(kept));
    if (there.is_zero()) TRY(context_.refs.compare_and_swap(kept, {}, ref));
    notes_.push_back(
        fmt::format("{} was at {}, which is kept as {}", context_.own_ref, ref.hex(), kept));
  }
  TRY(take_in(std::move(view)));
  TRY(redo_pending(outcomes, kNoLimit, ref));
  return tidy();
}

Result<bool> Committer::is_whole(const ObjectId& commit_id) {
  const auto look = [&]() -> Status {
    TRY_ASSIGN(const ObjectId tree, tree_of(context_.objects, commit_id));
    const auto read_blob = [this](std::string_view, uint32_t, const ObjectId& blob) -> Status {
      TRY(context_.objects.require_once(blob, ObjectType::kBlob));
      return {};
    };
    TRY(walk_tree(context_.objects, tree, read_blob));
    for (ObjectId at = commit_id; !at.is_zero();) {
      TRY_ASSIGN(const ObjectStore::Content content,
                 context_.objects.require_once(at, ObjectType::kCommit));
      TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
      at = commit.parents.empty() ? ObjectId{} : commit.parents.front();
    }
    return {};
  };
  const Status there = look();
  if (there) return true;
  if (there.error().code != Code::kCorrupt) return there.error();
  return false;
}

Status Committer::fold_all_again(const ObjectId& ref, OutcomeSource& outcomes) {
  TRY_ASSIGN(View view, look_from_begin(ref, context_.journal.durable()));
  if (!view.base.own_commit.is_zero()) {
    return make_error(Code::kDisagree,
                      fmt::format("the repository lacks objects of {}, and the journal no longer "
                                  "holds the records to fold it again from the first",
                                  context_.own_ref),
                      "fetch the ref from where it was pushed to");
  }
  notes_.push_back(fmt::format("the repository lacked objects of {}", context_.own_ref));
  view.standing.done = 0;
  TRY(take_in(std::move(view)));
  TRY(redo_pending(outcomes, kNoLimit, ref));
  return tidy();
}

Status Committer::make_ref_durable() {
  const ObjectId commit = context_.state.own_commit;
  if (commit.is_zero()) return {};
  return move_ref(commit, commit);
}

Result<FoldReport> Committer::fold(const Mark& applied, OutcomeSource& outcomes,
                                   uint64_t batches_max, const std::function<bool()>& is_over) {
  TRY(context_.journal.flush_all());
  TRY(refresh());
  FoldReport report;
  SyncState& state = context_.state;
  TRY(redo_pending(outcomes, applied.seq, state.own_commit));
  report.committed = state.committed;
  if (!pending_.empty()) return report;
  TRY(tidy());
  context_.journal.set_watermark(Watermark::kCommitted, state.committed);
  if (state.committed >= applied.seq) return report;

  const BatchPolicy policy = BatchPolicy::from(context_.options);
  TRY_ASSIGN(RecordSource source, RecordSource::open(context_.store_directory, context_.store(),
                                                     state.records, state.committed));
  while (report.batches < batches_max && (!is_over || !is_over())) {
    TRY_ASSIGN(const std::optional<RecordBatch> batch, source.next(policy, applied, outcomes));
    if (!batch) break;
    cleaned_ = false;  // until it succeeds
    TRY(fold_batch(*batch));
    cleaned_ = true;
    ++report.batches;
    report.records += batch->last_seq - batch->first_seq + 1;
    report.committed = state.committed;
  }
  TRY(tidy());
  return report;
}

Result<Committer::Built> Committer::build(const BatchFrame& frame, const RecordBatch& batch) {
  const ObjectId& parent = frame.parent;
  ObjectStore& objects = context_.objects;
  PackWriter& pack = context_.pack;
  pack.reset();
  ObjectId root;
  if (!parent.is_zero()) {
    TRY_ASSIGN(const ObjectStore::Content content, objects.require(parent, ObjectType::kCommit));
    TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
    root = commit.tree;
  }

  ContentBuilder builder(objects, root);
  std::vector<std::string> subjects;
  subjects.reserve(batch.effects.size());
  KindCounts kinds;
  for (const FileEffect& effect : batch.effects) {
    TRY(builder.add(effect));
    subjects.push_back(effect.subject);
    if (frame.version < kBatchNamesKinds) continue;
    ++kinds[effect.retracted ? std::string(kRetractionKind) : one_line(effect.kind)];
  }
  std::vector<TreeChange> changes;
  changes.reserve(builder.contents().size());
  for (PathContent& content : builder.contents()) {
    if (content.is_removed) {
      changes.push_back({content.path, ObjectId{}, kModeFile});
      continue;
    }
    TRY_ASSIGN(const ObjectId blob,
               pack.add(ObjectType::kBlob, content.is_grown ? content.grown : content.whole));
    changes.push_back({content.path, blob, kModeFile});
    // A file that was appended to is likely to be appended to again.
    if (content.is_grown) {
      objects.remember(blob, ObjectType::kBlob,
                       std::make_shared<const std::string>(std::move(content.grown)));
    }
  }

  Built built;
  if (root.is_zero() || !changes.empty()) {
    TRY_ASSIGN(built.tree, update_tree(objects, pack, root, std::move(changes)));
  } else {
    built.tree = root;
  }
  std::vector<ObjectId> parents;
  if (!parent.is_zero()) parents.push_back(parent);
  std::string commit = encode_commit(
      built.tree, parents, {frame.author_name, frame.author_email, batch.times_ms.back()},
      compose_message(subjects, kinds, context_.store(), batch.first_seq, batch.last_seq));
  TRY_ASSIGN(built.commit, pack.add(ObjectType::kCommit, commit));
  objects.remember(built.commit, ObjectType::kCommit,
                   std::make_shared<const std::string>(std::move(commit)));
  return built;
}

Status Committer::fold_batch(const RecordBatch& batch) {
  Journal& journal = context_.journal;
  const ObjectId parent = context_.state.own_commit;
  BatchFrame frame{.first_seq = batch.first_seq,
                   .last_seq = batch.last_seq,
                   .parent = parent,
                   .tree = {},
                   .commit = {},
                   .author_name = context_.options.author_name,
                   .author_email = context_.options.author_email,
                   .version = batch.effects.empty() ? uint8_t{1} : kBatchNamesKinds};
  TRY_ASSIGN(const Built built, build(frame, batch));
  frame.tree = built.tree;
  frame.commit = built.commit;
  TRY_ASSIGN(const std::string pack_name,
             context_.pack.install(context_.common_dir, context_.store().hex()));

  // If this fails the frame may be in the log or not: the next look finds out.
  TRY_ASSIGN(const Appended appended,
             journal.append_control(Operation::kBatch, encode(frame), context_.clock.now_ms()));
  // Nobody else appends batches while sync.lock is held, so all up to here has been taken in. Where
  // the segment was abandoned meanwhile, the frame lies elsewhere and is looked for next time.
  if (appended.epoch == journal.epoch()) context_.state.scanned = appended.mark;
  pending_.push_back(std::move(frame));
  TRY(move_ref(parent, built.commit));
  pending_.clear();
  note_committed(batch, built.commit);
  note_latencies(batch);
  return drop_keep(context_.common_dir, pack_name);
}

Status Committer::redo_pending(OutcomeSource& outcomes, uint64_t up_to_seq, ObjectId ref) {
  if (pending_.empty() || pending_.front().last_seq > up_to_seq) return {};
  cleaned_ = false;
  TRY_ASSIGN(RecordSource source,
             RecordSource::open(context_.store_directory, context_.store(), context_.state.records,
                                pending_.front().first_seq - 1));
  const uint64_t first_seq = pending_.front().first_seq;
  uint64_t last_seq = 0;
  size_t done = 0;
  Status status;
  for (; done < pending_.size() && pending_[done].last_seq <= up_to_seq; ++done) {
    const BatchFrame& frame = pending_[done];
    const Result<RecordBatch> batch = redo(source, frame, ref, outcomes);
    if (!batch) {
      status = batch.error();
      break;
    }
    note_committed(*batch, frame.commit);
    ref = frame.commit;
    last_seq = frame.last_seq;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(done));
  if (done > 0) {
    notes_.push_back(
        fmt::format("folded {} journalled batch{} again (records {}-{}), which {} did "
                    "not hold",
                    done, done == 1 ? "" : "es", first_seq, last_seq, context_.own_ref));
  }
  return status;
}

Result<RecordBatch> Committer::redo(RecordSource& source, const BatchFrame& frame,
                                    const ObjectId& expected, OutcomeSource& outcomes) {
  TRY_ASSIGN(std::optional<RecordBatch> batch,
             source.next(unlimited(), context_.journal.durable(), outcomes, frame.last_seq));
  if (!batch || batch->first_seq != frame.first_seq || batch->last_seq != frame.last_seq) {
    return make_error(Code::kCorrupt,
                      fmt::format("the journal lacks records of the batch {}-{} it tells of",
                                  frame.first_seq, frame.last_seq));
  }
  TRY_ASSIGN(const Built built, build(frame, *batch));
  if (built.commit != frame.commit || built.tree != frame.tree) {
    return make_error(
        Code::kDisagree,
        fmt::format("folding records {}-{} again gives commit {} (tree {}), the journal "
                    "says {} (tree {})",
                    frame.first_seq, frame.last_seq, built.commit.hex(), built.tree.hex(),
                    frame.commit.hex(), frame.tree.hex()),
        "nothing was changed; the outcomes journalled may not all be applied yet");
  }
  TRY_ASSIGN(const std::string pack_name,
             context_.pack.install(context_.common_dir, context_.store().hex()));
  TRY(move_ref(expected, frame.commit));
  TRY(drop_keep(context_.common_dir, pack_name));
  return std::move(*batch);
}

Status Committer::move_ref(const ObjectId& expected, const ObjectId& commit) {
  Backoff backoff(context_.platform.random(), kRefLockLimits);
  bool looked_at_left = false;
  while (true) {
    const Status moved = context_.refs.compare_and_swap(context_.own_ref, expected, commit);
    if (moved) return moved;
    if (moved.error().code != Code::kBusy) return moved;
    TRY_ASSIGN(const bool removed,
               context_.refs.remove_stale_lock(context_.own_ref, expected, commit));
    if (removed) continue;
    // A process that died within make_ref_durable() has left a lock with the ref's present value.
    TRY_ASSIGN(const bool rewritten,
               context_.refs.remove_stale_lock(context_.own_ref, expected, expected));
    if (rewritten) continue;
    if (!backoff.may_try_again()) {
      // Nobody at work holds it: git's own programs, which pack this ref too, have long been done.
      TRY_ASSIGN(const bool was_left, remove_left_lock());
      if (!was_left || std::exchange(looked_at_left, true)) return moved;
      continue;
    }
    context_.journal.count_retry(RetryCause::kGitLock);
    context_.clock.pause_ns(backoff.next_delay_ns());
  }
}

Result<bool> Committer::remove_left_lock() {
  TRY_ASSIGN(const RefLockJudge::Verdict verdict,
             RefLockJudge(context_.refs, context_.objects, context_.store().hex())
                 .own_ref(context_.own_ref));
  if (!verdict.left) return false;
  return context_.refs.remove_seen_lock(context_.own_ref, *verdict.seen);
}

Result<std::string> Committer::waiting_reason() {
  TRY_ASSIGN(const RefLockJudge::Verdict verdict,
             RefLockJudge(context_.refs, context_.objects, context_.store().hex())
                 .own_ref(context_.own_ref));
  if (!verdict.held()) return std::string{};
  return held_lock_reason(fmt::format("{}/{}.lock", context_.common_dir.path(), context_.own_ref),
                          verdict.seen->info, context_.clock);
}

void Committer::note_committed(const RecordBatch& batch, const ObjectId& commit) {
  context_.state.committed = batch.last_seq;
  context_.state.own_commit = commit;
  context_.state.records = batch.end;
  context_.journal.set_watermark(Watermark::kCommitted, batch.last_seq);
  context_.journal.add_counter(Counter::kBatches);
}

// Of records that are committed for the first time: those of a batch that is folded again were.
void Committer::note_latencies(const RecordBatch& batch) {
  const int64_t now_ms = context_.clock.now_ms();
  Histogram took;
  for (const int64_t time_ms : batch.times_ms) took.observe_ns(elapsed_ns(time_ms, now_ms));
  context_.journal.add_latencies(Latency::kCommitted, took);
}

Status Committer::tidy() {
  if (!cleaned_) {
    TRY(drop_stale_keeps(context_.common_dir, context_.store().hex()));
    TRY_ASSIGN([[maybe_unused]] const bool removed, remove_left_lock());
    for (const std::string_view name : {kSyncStateFile, kPushedFile, kConsolidatedFile}) {
      TRY(remove_temporaries(context_.store_directory, name));
    }
    // Where a file cannot be written before it has a name, the lock is written under its name.
    TRY(remove_temporaries(context_.common_dir, context_.own_ref + ".lock"));
    cleaned_ = true;
  }
  if (saved_ != context_.state) {
    TRY(save_sync_state(context_.store_directory, context_.store(), context_.state));
    saved_ = context_.state;
  }
  return {};
}

}  // namespace syncline
