#include "sync/publish/branch_commit.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <sstream>
#include <utility>

#include "journal/base/backoff.h"
#include "journal/base/try.h"
#include "sync/git/git_config.h"
#include "sync/git/index_file.h"
#include "sync/git/open_watch.h"
#include "sync/git/owned_lock.h"
#include "sync/git/ref_store.h"
#include "sync/git/sparse_checkout.h"
#include "sync/git/work_files.h"
#include "sync/git/worktree_state.h"

namespace syncline {
namespace {

// A user's `git add` holds index.lock for milliseconds; longer waits are left to the caller.
constexpr BackoffLimits kLockLimits = {
    .first_ns = 2'000'000, .longest_ns = 40'000'000, .tries_max = 5};
// While index.lock is held nothing is waited for.
constexpr BackoffLimits kOneTry = {.first_ns = 0, .longest_ns = 0, .tries_max = 0};

struct IndexSeen {
  IndexFile index;
  std::optional<FileInfo> info;  // nothing: there is no index file
  // The file is empty: git never writes it so, but a power cut can leave it so, since git does not
  // sync it.
  bool is_lost() const { return info && info->size_bytes == 0; }
};

bool same_file(const std::optional<FileInfo>& a, const std::optional<FileInfo>& b) {
  if (!a || !b) return !a && !b;
  return a->inode == b->inode && a->size_bytes == b->size_bytes && a->mtime_s == b->mtime_s &&
         a->mtime_ns == b->mtime_ns && a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns;
}

Result<std::optional<FileInfo>> index_info(Directory& git_dir) {
  Result<FileInfo> info = git_dir.info(kIndexName);
  if (info) return std::optional<FileInfo>(*info);
  if (info.error().code == Code::kNotFound) return std::optional<FileInfo>{};
  return std::move(info).error();
}

bool is_a_persons_to_mend(const Error& error) {
  return error.code == Code::kUnsafePath || error.code == Code::kCorrupt ||
         error.code == Code::kUnsupported;
}

// `waiting` says why the existing index cannot be used, if it cannot.
Result<IndexSeen> read_index(Directory& git_dir, std::string& waiting) {
  IndexSeen seen;
  TRY_ASSIGN(seen.info, index_info(git_dir));
  if (!seen.info || seen.is_lost()) return seen;
  Result<IndexFile> index = IndexFile::open(git_dir);
  if (!index && !is_a_persons_to_mend(index.error())) return std::move(index).error();
  if (!index) {
    waiting = index.error().message;
    return seen;
  }
  seen.index = std::move(*index);
  if (seen.index.has_conflicts()) waiting = "the index holds unresolved conflicts";
  return seen;
}

// Times alone could miss a rewrite within one tick of the kernel's clock; the checksum does not.
Result<bool> index_unchanged(Directory& git_dir, const IndexSeen& seen) {
  TRY_ASSIGN(const std::optional<FileInfo> info, index_info(git_dir));
  if (!same_file(info, seen.info)) return false;
  if (!info || seen.is_lost()) return true;
  std::string trailer(seen.index.trailer().size(), '\0');
  TRY_ASSIGN(const std::unique_ptr<File> file, git_dir.open_file(kIndexName, {}));
  TRY_ASSIGN(const size_t count,
             file->read_at(info->size_bytes - trailer.size(),
                           std::as_writable_bytes(std::span(trailer.data(), trailer.size()))));
  return count == trailer.size() && trailer == seen.index.trailer();
}

// Writes the file in pieces; without a piece, no file is made.
class ImageWriter {
 public:
  ImageWriter(Directory& git_dir, std::string name) : git_dir_(git_dir), name_(std::move(name)) {}

  Status add(std::string_view piece) {
    if (!file_) {
      TRY_ASSIGN(file_, git_dir_.open_file(name_, {.write = true, .create = true}));
      TRY(file_->truncate(0));
    }
    TRY(file_->write_at(written_, as_bytes(piece)));
    written_ += piece.size();
    return {};
  }

  Status finish() {
    if (!file_) return {};
    TRY(file_->sync_data());
    return file_->close();
  }

 private:
  Directory& git_dir_;
  std::string name_;
  std::unique_ptr<File> file_;
  uint64_t written_ = 0;
};

class BranchCommit {
 public:
  BranchCommit(const GitDirectories& git, ObjectStore& objects, PackWriter& pack,
               const BranchCommitRequest& request, Clock& clock)
      : git_(git), objects_(objects), pack_(pack), request_(request), clock_(clock) {}

  Result<BranchCommitResult> run() {
    TRY(build_commit());
    TRY_ASSIGN(const bool ready, prepare_index());
    if (!ready) return std::move(result_);
    std::string pack_name;  // none where theirs is taken as it is
    if (pack_.object_count() > 0) {
      TRY_ASSIGN(pack_name, pack_.install(*git_.common_dir, owner()));
    }
    const Status moved = move_under_locks();
    // In any case: without the .keep, gc may take the pack once nothing refers to it.
    const Status dropped = pack_name.empty() ? Status{} : drop_keep(*git_.common_dir, pack_name);
    TRY(remove_if_there(*git_.git_dir, image_name(owner())));
    TRY(moved);
    TRY(dropped);
    return std::move(result_);
  }

 private:
  // Before there is a store, the process takes its place as the owner.
  std::string owner() const {
    return request_.lock_owner.empty() ? fmt::format("init-{}", ::getpid()) : request_.lock_owner;
  }

  Status build_commit() {
    if (request_.merged && request_.merged->fast_forward) {
      commit_ = request_.merged->theirs;
      return {};
    }
    std::vector<TreeChange> changes;
    changes.reserve(request_.changes.size());
    for (const PlannedChange& change : request_.changes) {
      if (!change.text.empty()) {
        TRY_ASSIGN([[maybe_unused]] const ObjectId id, pack_.add(ObjectType::kBlob, change.text));
      }
      changes.push_back({change.path, change.value.blob, change.value.mode});
    }
    std::vector<ObjectId> parents;
    if (!request_.tip.is_zero()) parents.push_back(request_.tip);
    ObjectId tree;
    if (request_.merged) {
      tree = request_.merged->tree;
      parents.push_back(request_.merged->theirs);
    } else {
      TRY_ASSIGN(tree, update_tree(objects_, pack_, request_.tip_tree, std::move(changes)));
    }
    const std::string content = encode_commit(tree, parents, request_.author, request_.message);
    TRY_ASSIGN(commit_, pack_.add(ObjectType::kCommit, content));
    objects_.remember(commit_, ObjectType::kCommit, std::make_shared<const std::string>(content));
    return {};
  }

  // False when the index is such that the publish must wait; the result says why.
  Result<bool> prepare_index() {
    TRY_ASSIGN(sparse_, SparseCheckout::read(git_));
    TRY_ASSIGN(seen_, read_index(*git_.git_dir, result_.waiting));
    if (!result_.waiting.empty()) return false;
    // The power cut took what was staged. If the index stayed empty, every git command and publish
    // would refuse it.
    if (seen_.is_lost()) {
      TRY_ASSIGN(seen_.index, index_of(request_.tip_tree));
    }
    std::vector<IndexChange> changes;
    changes.reserve(request_.changes.size());
    for (const PlannedChange& change : request_.changes) {
      if (change.removes()) {
        changes.push_back({.path = change.path,
                           .value = change.value,
                           .stat = {},
                           .in_tip = change.in_tip,
                           .also_ours = {}});
        continue;
      }
      TRY_ASSIGN(const WorkFile file, look_at_work_file(*git_.work_tree, change.path, clock_));
      const bool equal = file.state == WorkFile::State::kReadable && file.blob == change.value.blob;
      changes.push_back(
          {.path = change.path,
           .value = change.value,
           .stat = equal ? file.stat : std::nullopt,
           .in_tip = change.in_tip,
           .also_ours = {},
           .skip_worktree = file.state == WorkFile::State::kMissing && !sparse_.has(change.path)});
    }
    const Status written = write_image(changes);
    if (written && !result_.waiting.empty()) return false;
    if (!written && written.error().code == Code::kCorrupt) {
      // Somebody wrote into the file itself while it was read, so that it makes no sense: read it
      // again.
      TRY_ASSIGN(const bool unchanged, index_unchanged(*git_.git_dir, seen_));
      result_.moved = !unchanged;
    }
    if (result_.moved) return false;
    TRY(written);
    return true;
  }

  Status write_image(std::vector<IndexChange>& changes) {
    TRY(judge_staged(changes));
    if (!result_.waiting.empty()) return {};
    ImageWriter image(*git_.git_dir, image_name(owner()));
    const IndexSink sink = [&image](std::string_view piece) { return image.add(piece); };
    TRY_ASSIGN(IndexMerge merge, seen_.index.merge(changes, sink));
    const bool whole = seen_.is_lost() || request_.merged.has_value();
    if (whole && !merge.changed) TRY(seen_.index.copy(sink));
    TRY(image.finish());
    index_changed_ = merge.changed || whole;
    result_.kept = std::move(merge.kept);
    return {};
  }

  // Like `git reset`, but without stats, so that git looks at the files.
  Result<IndexFile> index_of(const ObjectId& tree) {
    std::vector<IndexChange> entries;
    if (!tree.is_zero()) {
      TRY(walk_tree(objects_, tree,
                    [&](std::string_view path, uint32_t mode, const ObjectId& id) -> Status {
                      entries.push_back({.path = std::string(path),
                                         .value = {id, mode},
                                         .stat = {},
                                         .in_tip = {},
                                         .also_ours = {},
                                         .skip_worktree = !sparse_.has(path)});
                      return {};
                    }));
    }
    if (entries.empty()) return IndexFile();
    TRY_ASSIGN(WholeIndexMerge merge, IndexFile().merge_whole(entries));
    return IndexFile::parse(std::move(merge.bytes));
  }

  // Entries that are neither the tip's nor new. Where a publish died between index and ref, and
  // more was recorded since, the index holds the values of that publish: they are ours. What a user
  // has staged stays; a text gets what the branch's gets, or the user's commit would take that
  // away.
  Status judge_staged(std::vector<IndexChange>& changes) {
    size_t next = 0;
    TRY(seen_.index.for_each([&](const IndexEntry& entry) -> Status {
      for (; next < changes.size() && changes[next].path < entry.path; ++next) {
        note_staged_removal(request_.changes[next]);
      }
      if (next == changes.size() || changes[next].path != entry.path) return {};
      const size_t at = next++;
      IndexChange& change = changes[at];
      if (entry.value == change.value || entry.value == change.in_tip) return {};
      const PlannedChange& planned = request_.changes[at];
      TRY_ASSIGN(const bool ours, was_carried_over(planned, entry.value));
      if (ours) {
        change.also_ours = entry.value;
        // A mode that is staged stays staged.
        if (change.in_tip && !planned.removes()) change.value.mode = entry.value.mode;
        return {};
      }
      TRY_ASSIGN(const std::optional<ObjectId> grown, grow_staged(planned, entry.value));
      if (grown) {
        change.value = {*grown, entry.value.mode};
        change.stat.reset();
        change.also_ours = entry.value;
      }
      return {};
    }));
    for (; next < changes.size(); ++next) note_staged_removal(request_.changes[next]);
    return {};
  }

  void note_staged_removal(const PlannedChange& planned) {
    if (!planned.in_tip || planned.text.empty() || !result_.waiting.empty()) return;
    result_.plan_waits = true;
    result_.waiting = staged_removal_reason(planned.path);
  }

  Result<std::optional<ObjectId>> grow_staged(const PlannedChange& planned,
                                              const TreeValue& staged) {
    std::optional<ObjectId> grown;
    if (!planned.in_tip || planned.text.empty() || !is_plain_file(staged.mode)) return grown;
    TRY_ASSIGN(const std::optional<Object> object, objects_.read(staged.blob));
    if (!object || object->type != ObjectType::kBlob) return grown;
    std::string text = object->bytes;
    for (const std::string& section : planned.cut) {
      if (const size_t at = text.find(section); at != std::string::npos) {
        text.erase(at, section.size());
      }
    }
    const std::string_view more = std::string_view(planned.text).substr(planned.tip_bytes);
    if (!text.ends_with(more)) text += more;  // as in the work tree, without a byte in between
    if (text == object->bytes) return grown;
    TRY_ASSIGN(grown, pack_.add(ObjectType::kBlob, text));
    return grown;
  }

  Result<bool> was_carried_over(const PlannedChange& change, const TreeValue& staged) {
    if (!change.in_tip) {
      for (const ObjectId& tree : request_.earlier_trees) {
        TRY_ASSIGN(const std::optional<FoundEntry> found,
                   find_in_tree(objects_, tree, change.path));
        if (found && found->id == staged.blob) return true;
      }
      return false;
    }
    // A text between the tip's and the new one: the tip's, and some of the sections.
    TRY_ASSIGN(const std::optional<Object> object, objects_.read(staged.blob));
    if (!object || object->type != ObjectType::kBlob) return false;
    TRY_ASSIGN(const ObjectStore::Content tip,
               objects_.require(change.in_tip->blob, ObjectType::kBlob));
    const std::string_view kept =
        change.is_cut() ? std::string_view(change.text).substr(0, change.tip_bytes) : *tip;
    return object->bytes.starts_with(kept) && !object->bytes.empty() &&
           change.text.starts_with(object->bytes);
  }

  Result<std::string> waiting_reason(bool programs_matter = true) {
    const WorktreeQuestion question{.branch = request_.branch,
                                    .lock_owner = request_.lock_owner,
                                    .locks_matter = false,
                                    .programs_matter = programs_matter,
                                    .others = request_.others,
                                    .watch = watch_.get(),
                                    .head_matters = programs_matter};
    return worktree_waiting_reason(git_, question, clock_);
  }

  // No git program has begun since the last look that looked at them.
  bool nobody_began() { return watch_ != nullptr && watch_->is_quiet(); }

  Result<std::optional<OwnedLock>> take_lock(PreparedLock& prepared, const BackoffLimits& limits) {
    Backoff backoff(git_.paths.platform->random(), limits);
    while (true) {
      Result<OwnedLock> lock = prepared.take();
      if (lock) return std::optional<OwnedLock>(std::move(*lock));
      if (lock.error().code != Code::kBusy) return std::move(lock).error();
      if (!backoff.may_try_again()) {
        result_.waiting =
            fmt::format("{}: a git command is running, or left it behind", lock.error().message);
        return std::optional<OwnedLock>{};
      }
      ++result_.lock_retries;
      clock_.pause_ns(backoff.next_delay_ns());
    }
  }

  // Of the locks, index.lock is taken first and released last: its note says what the ref's lock is
  // for. Without it, a ref's lock that a failure kept from being removed would have no owner.
  // A person's command that meets index.lock fails, so all that can be synced before is.
  Status move_under_locks() {
    TRY_ASSIGN(const std::optional<std::string> text, read_small_file(*git_.common_dir, "config"));
    wants_reflogs_ = GitConfig::parse(text.value_or("")).get_bool("core.logallrefupdates", true);
    const std::string note =
        fmt::format("{} {} {}\n", request_.branch, request_.tip.hex(), commit_.hex());
    RefStore refs(*git_.common_dir);
    TRY_ASSIGN(PreparedRefLock ref_lock, refs.prepare_lock(request_.branch, commit_));
    TRY_ASSIGN(PreparedLock head_lock,
               PreparedLock::prepare(*git_.git_dir, "HEAD.lock", owner(), ""));
    TRY_ASSIGN(PreparedLock prepared,
               PreparedLock::prepare(*git_.git_dir, "index.lock", owner(), note));
    // What its user may not watch goes without.
    watch_ = git_.paths.platform->watch_opens(git_.git_dir->path() + "/HEAD");
    // A git program that began meanwhile would meet the lock, though it be let go at once.
    TRY_ASSIGN(result_.waiting, waiting_reason());
    if (!result_.waiting.empty()) return {};
    TRY_ASSIGN(std::optional<OwnedLock> index_lock, take_lock(prepared, kLockLimits));
    if (!index_lock) return {};
    const Status moved = move_under_index_lock(refs, head_lock, ref_lock);
    if (!moved && !request_.lock_owner.empty()) {
      const Result<FileInfo> left = git_.common_dir->info(request_.branch + ".lock");
      if (left || left.error().code != Code::kNotFound) {
        index_lock->leave();
        return moved;
      }
    }
    const Status released = index_lock->release();
    TRY(moved);
    // Until here a power cut may take the ref back, but not the index: records staged.
    if (!result_.commit.is_zero()) TRY(refs.make_durable(request_.branch));
    return released;
  }

  Status move_under_index_lock(RefStore& refs, PreparedLock& prepared_head_lock,
                               PreparedRefLock& prepared_ref_lock) {
    TRY_ASSIGN(std::optional<OwnedLock> head_lock, take_lock(prepared_head_lock, kOneTry));
    if (!head_lock) return {};

    // Look again: nothing of this can change any more while both locks are held.
    TRY_ASSIGN(result_.waiting, waiting_reason(/*programs_matter=*/!nobody_began()));
    if (!result_.waiting.empty()) return {};
    TRY_ASSIGN(const bool unchanged, index_unchanged(*git_.git_dir, seen_));
    if (!unchanged) {
      result_.moved = true;
      return {};
    }
    Result<RefLock> ref_lock = prepared_ref_lock.take(request_.tip);
    if (!ref_lock) {
      if (ref_lock.error().code == Code::kBusy) {
        result_.waiting = ref_lock.error().message;
        return {};
      }
      if (ref_lock.error().code == Code::kDisagree) {
        result_.moved = true;
        return {};
      }
      return std::move(ref_lock).error();
    }

    if (request_.write_work_tree) {
      TRY_ASSIGN(result_.waiting, request_.write_work_tree());
      if (!result_.waiting.empty()) return {};
    }
    if (index_changed_) TRY(exchange_index());
    if (old_index_is_kept_ && !nobody_began()) {
      TRY(give_way());
      if (!result_.waiting.empty()) return {};
    }
    TRY(write_reflogs(refs));
    TRY(ref_lock->move());
    result_.commit = commit_;
    return head_lock->release();
  }

  // A command that has read HEAD would fail once that has moved; so where one has begun it finds
  // work tree, index and branch as they were.
  Status give_way() {
    TRY_ASSIGN(std::string reason, waiting_reason());
    if (reason.empty()) return {};
    if (request_.write_work_tree) {
      if (!request_.take_back_work_tree) return {};
      TRY_ASSIGN(const bool taken_back, request_.take_back_work_tree());
      if (!taken_back) return {};
    }
    result_.waiting = std::move(reason);
    return git_.git_dir->exchange(kIndexName, image_name(owner()));
  }

  Status exchange_index() {
    // Of a merge the work tree has changed too, which is not taken back.
    if (watch_ != nullptr && !request_.merged) {
      // Not every file system can, and there may be no index yet: then the plain way is taken,
      // which meets whatever else is wrong.
      old_index_is_kept_ = git_.git_dir->exchange(image_name(owner()), kIndexName).has_value();
    }
    if (!old_index_is_kept_) TRY(git_.git_dir->rename(image_name(owner()), kIndexName));
    return git_.git_dir->sync_directory(".");
  }

  Status write_reflogs(RefStore& refs) {
    RefStore head_refs(*git_.git_dir);
    const ReflogEntry entry{request_.author.name, request_.author.email, request_.author.time_ms,
                            request_.reflog};
    if (wants_reflogs_ || git_.common_dir->info("logs/" + request_.branch)) {
      TRY(refs.append_reflog(request_.branch, request_.tip, commit_, entry));
    }
    if (wants_reflogs_ || git_.git_dir->info("logs/HEAD")) {
      TRY(head_refs.append_reflog("HEAD", request_.tip, commit_, entry));
    }
    return {};
  }

  const GitDirectories& git_;
  ObjectStore& objects_;
  PackWriter& pack_;
  const BranchCommitRequest& request_;
  Clock& clock_;
  BranchCommitResult result_;
  ObjectId commit_;
  IndexSeen seen_;
  SparseCheckout sparse_;
  bool wants_reflogs_ = true;
  bool index_changed_ = false;
  bool old_index_is_kept_ = false;  // at image_name(), where the new one was
  std::unique_ptr<OpenWatch> watch_;
};

}  // namespace

std::string image_name(std::string_view owner) {
  return fmt::format("syncline-index-{}", owner);
}

Result<BranchCommitResult> commit_to_branch(const GitDirectories& git, ObjectStore& objects,
                                            PackWriter& pack, const BranchCommitRequest& request,
                                            Clock& clock) {
  return BranchCommit(git, objects, pack, request, clock).run();
}

std::string staged_removal_reason(std::string_view path) {
  return fmt::format(
      "{0} is staged to be removed or moved, and has new sections to get: commit that, or take it "
      "back (git restore --staged {0})",
      path);
}

Result<std::string> index_waiting_reason(const GitDirectories& git) {
  std::string waiting;
  TRY_ASSIGN([[maybe_unused]] const IndexSeen seen, read_index(*git.git_dir, waiting));
  return waiting;
}

Status recover_left_locks(const GitDirectories& git, const std::string& owner) {
  // See move_under_locks().
  TRY_ASSIGN(const std::optional<std::string> note,
             owned_lock_note(*git.git_dir, "index.lock", owner));
  if (note) {
    std::istringstream words(*note);
    std::string branch, old_hex, new_hex;
    words >> branch >> old_hex >> new_hex;
    const std::optional<ObjectId> old_id = ObjectId::parse(old_hex);
    const std::optional<ObjectId> new_id = ObjectId::parse(new_hex);
    if (old_id && new_id) {
      RefStore refs(*git.common_dir);
      TRY_ASSIGN([[maybe_unused]] const bool removed,
                 refs.remove_stale_lock(branch, *old_id, *new_id));
    }
  }
  TRY_ASSIGN([[maybe_unused]] const bool head, remove_left_lock(*git.git_dir, "HEAD.lock", owner));
  TRY_ASSIGN([[maybe_unused]] const bool index,
             remove_left_lock(*git.git_dir, "index.lock", owner));
  // Git's own, of one that wrote the image and was killed.
  TRY(remove_if_there(*git.git_dir, image_name(owner) + ".lock"));
  return remove_if_there(*git.git_dir, image_name(owner));
}

}  // namespace syncline
