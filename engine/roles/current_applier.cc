#include "engine/roles/current_applier.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/projection/database_replacement.h"
#include "engine/projection/projection.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/ref_store.h"
#include "sync/git/worktree_state.h"
#include "sync/own/followed_branch.h"
#include "sync/syncer.h"

namespace syncline {

namespace {

// Reading a log of this size at every open costs about what a checkpoint of it does, shared by the
// calls that fill it.
constexpr uint64_t kWalBytesMaxOfShortLived = 1u << 20;

}  // namespace

Status CurrentApplier::open() {
  removed_.look_again();
  sparse_.reset();
  if (applier_ == nullptr) TRY(finish_replacement());
  TRY_ASSIGN(const bool there, context_.places.platform->is_there(context_.database_file.path));
  // One that was damaged and moved aside has been spoken of.
  const bool missing = !there && !replaced_ && context_.journal.durable().seq > 0;
  if (applier_ != nullptr) {
    const Status refreshed = applier_->refresh();
    if (!refreshed && refreshed.error().code != Code::kCorrupt) return refreshed;
    if (!refreshed) {
      close();
      TRY(finish_replacement());
    }
  }
  if (applier_ == nullptr) {
    if (missing) TRY(check_not_stashed());
    Status ready = open_anew();
    if (!ready) close();
    TRY(ready);
  }
  replaced_ = false;
  return missing ? note_rebuilt() : Status();
}

// `git stash -a` takes the database along, with rows that are a person's own: built anew it would
// be in the way of the pop, and they would stay away for good.
Status CurrentApplier::check_not_stashed() const {
  const std::string below = context_.places.root + "/";
  const std::string& path = context_.database_file.path;
  if (!path.starts_with(below)) return {};
  // Of a repository that cannot be read nothing can be popped either.
  const auto syncer = context_.open_current_syncer();
  if (!syncer || !(*syncer)->is_stashed(path.substr(below.size())).value_or(false)) return {};
  return make_error(Code::kRetryLater,
                    fmt::format("{} is away with a stash, and would be in the way when that is "
                                "popped",
                                path.substr(below.size())),
                    "`git stash pop` brings it back; `git stash drop`, or half an hour, lets it be "
                    "built anew from the journal");
}

void CurrentApplier::set_patience(int64_t patience_ms) {
  patience_ms_ = patience_ms;
  if (applier_ != nullptr) applier_->set_busy_timeout(patience_ms);
}

Status CurrentApplier::open_anew() {
  ApplierOptions options;
  options.work_tree = context_.places.root;
  options.database_path = context_.database_file.path;
  options.sqlite_vfs = context_.database_file.vfs;
  options.take_over_database = context_.take_over_database;
  if (context_.short_lived) options.wal_bytes_max = kWalBytesMaxOfShortLived;
  for (const KindSpec& kind : context_.config->kinds) {
    options.ddl.push_back({kind.table, kind.create_table, kind.indexes});
  }
  options.files_must_wait = [this] { return !context_.replays && files_must_wait(); };
  options.branch_is_away = [this] { return branch_is_away(); };
  options.is_removed = [this](uint64_t seq, const std::string& path) {
    return removed_.has(seq, path);
  };
  options.is_outside = [this](const std::string& path) { return is_outside(path); };
  options.sections_await_publish = !context_.replays;
  options.busy_timeout_ms = static_cast<int>(patience_ms_);
  options.on_busy = [this] { context_.journal.count_retry(RetryCause::kSqliteBusy); };
  const auto open_applier = [&]() -> Status {
    TRY_ASSIGN(auto work_tree, context_.places.platform->open_directory(context_.places.root));
    TRY_ASSIGN(applier_, Applier::open(context_.store_directory, context_.journal, context_.clock,
                                       std::move(work_tree), options));
    context_.journal.set_watermark(Watermark::kApplied, applier_->applied().seq);
    return {};
  };
  Status opened = open_applier();
  if (!opened && opened.error().code == Code::kCorrupt) {
    TRY(replace_database());
    opened = open_applier();
  }
  TRY(opened);
  TRY(carry_over());
  return recheck_after_cache_loss();
}

// Of a database that was moved aside, by this process or by one that died. What was acknowledged as
// applied is in the new one before anybody else sees it: this process may have come for a
// checkpoint only, with nothing of its own to apply.
Status CurrentApplier::carry_over() {
  DatabaseReplacement replacement(context_.places, context_.store_directory, context_.database_file,
                                  context_.clock);
  TRY_ASSIGN(const bool due, replacement.carry_is_due());
  if (!due) return {};
  while (true) {
    const Result<ApplyReport> report = applier_->step();
    // Records of another process's database wait for something, which is told by who applies them.
    if (!report && !replaced_ && report.error().code == Code::kRetryLater) return {};
    if (!report) return report.error();
    if (!report->more) break;
  }
  std::vector<std::pair<std::string, std::string>> kinds;
  for (const KindSpec& kind : context_.config->kinds)
    kinds.emplace_back(kind.table, kind.id_column);
  TRY_ASSIGN(std::string told, replacement.carry(applier_->database(), kinds));
  if (!told.empty()) context_.notes.add(std::move(told));
  TRY(applier_->checkpoint());
  return replacement.carried();
}

// The page cache of unsynced files may have been lost in a reboot or a new mount. The kernel's
// token tells, not the clock; where the kernel has none, whoever opened the store alone always
// checks.
Status CurrentApplier::recheck_after_cache_loss() {
  TRY_ASSIGN(const std::string token, context_.store_directory.cache_token());
  const Result<std::string> before = read_file(context_.store_directory, kCacheTokenFile);
  const bool same = before && *before == token && !token.empty();
  if (same || (token.empty() && !context_.journal.recovery().alone)) return {};
  TRY(applier_->recheck_files());
  return replace_file(context_.store_directory, kCacheTokenFile, as_bytes(token),
                      /*durable=*/false);
}

// The syncer follows a branch that was renamed, and says so by what it publishes.
Result<std::string> CurrentApplier::branch_in_use(const GitDirectories& git) const {
  if (!context_.config->sync.branch.empty()) return context_.branch;
  TRY_ASSIGN(const std::optional<std::string> head, head_target(*git.git_dir));
  if (!head || *head == context_.branch) return context_.branch;
  TRY_ASSIGN(const std::optional<SyncState> state,
             load_sync_state(context_.store_directory, context_.journal.store()));
  if (!state) return context_.branch;
  RefStore refs(*git.common_dir);
  TRY_ASSIGN(std::string branch, followed_branch(refs, context_.branch, *state));
  TRY_ASSIGN(const ObjectId tip, refs.read(branch));
  if (*head == branch || !tip.is_zero()) return branch;
  // One that is gone may have been renamed since the last publish, which the objects tell.
  TRY_ASSIGN(const auto syncer, context_.open_current_syncer());
  return syncer->branch();
}

// What cannot be read now is asked again with the next try. Of a HEAD that names nothing, or of a
// repository that is not understood, the branch is not checked out: the file can be written later.
Result<bool> CurrentApplier::branch_is_away() const {
  TRY_ASSIGN(const auto git_dir, context_.places.platform->open_directory(context_.places.git_dir));
  TRY_ASSIGN(const std::optional<std::string> head, head_target(*git_dir));
  if (head == context_.branch) return false;
  const auto paths = git_paths_at(context_.places.root, *context_.places.platform);
  if (!head || !paths) return true;
  const auto git = open_git_directories(*paths);
  if (!git) return true;
  const auto branch = branch_in_use(*git);
  return !branch || *head != *branch;
}

// What a git that is not understood wants in the work tree cannot be told: then all is written.
bool CurrentApplier::is_outside(const std::string& path) {
  if (!sparse_) {
    sparse_.emplace();
    const auto paths = git_paths_at(context_.places.root, *context_.places.platform);
    if (!paths) return false;
    const auto git = open_git_directories(*paths);
    if (!git) return false;
    sparse_ = SparseCheckout::read(*git).value_or(SparseCheckout());
  }
  if (sparse_->has(path)) return false;
  // One that is there all the same stays, with what is recorded in it.
  const auto there = context_.places.platform->is_there(context_.places.root + "/" + path);
  return there && !*there;
}

// Where the state cannot be told the section waits: it can always be written later.
bool CurrentApplier::files_must_wait() const {
  const auto paths = git_paths_at(context_.places.root, *context_.places.platform);
  if (!paths) return true;
  const auto git = open_git_directories(*paths);
  if (!git) return true;
  const auto branch = branch_in_use(*git);
  if (!branch) return true;
  const WorktreeQuestion question{.branch = *branch, .lock_owner = {}, .locks_matter = false};
  const auto reason = worktree_waiting_reason(*git, question, context_.clock);
  return !reason || !reason->empty();
}

Result<bool> CurrentApplier::replace_if_damaged() {
  close();
  TRY(finish_replacement());
  // Another process may have rebuilt it while this one waited for the role.
  const Status sound = check_database(context_.database_file);
  if (sound) return false;
  if (sound.error().code != Code::kCorrupt) return sound.error();
  TRY(replace_database());
  return true;
}

// With no connection of this process open. The projection begins anew, or with what the old
// database still knew of records that the journal was trimmed of.
Status CurrentApplier::replace_database() {
  TRY_ASSIGN(const Mark begin, context_.journal.begin());
  DatabaseReplacement replacement(context_.places, context_.store_directory, context_.database_file,
                                  context_.clock);
  TRY_ASSIGN(std::string told, replacement.replace(begin.seq));
  context_.notes.add(std::move(told));
  replaced_ = true;
  context_.journal.reset_watermark(Watermark::kApplied, 0);
  return {};
}

// Of a process that died while it replaced the database.
Status CurrentApplier::finish_replacement() {
  DatabaseReplacement replacement(context_.places, context_.store_directory, context_.database_file,
                                  context_.clock);
  TRY_ASSIGN(std::optional<std::string> told, replacement.finish());
  if (!told) return {};
  replaced_ = true;
  context_.notes.add(std::move(*told));
  return {};
}

Status CurrentApplier::note_rebuilt() {
  TRY_ASSIGN(const Mark begin, context_.journal.begin());
  context_.notes.add(
      fmt::format("{} was missing: rebuilt from the journal{}", context_.database_file.path,
                  begin.seq == 0 ? ""
                                 : fmt::format(", which was trimmed: rows of records up to {} "
                                               "are gone, their keys are kept",
                                               begin.seq)));
  return {};
}

}  // namespace syncline
