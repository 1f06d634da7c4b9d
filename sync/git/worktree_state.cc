#include "sync/git/worktree_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "journal/base/try.h"
#include "sync/git/owned_lock.h"
#include "sync/git/ref_store.h"

namespace syncline {
namespace {

struct UnderWay {
  const char* file;  // in the git directory, while it lasts
  const char* reason;
};

// rebase-apply serves `git am` too; what tells them apart is looked at first. A rebase detaches
// HEAD and a bisect too, so these come before HEAD is looked at.
constexpr std::array kUnderWay = {
    UnderWay{"rebase-merge", "a rebase is under way"},
    UnderWay{"rebase-apply/applying", "git am is under way"},
    UnderWay{"rebase-apply", "a rebase is under way"},
    UnderWay{"MERGE_HEAD", "a merge is under way"},
    UnderWay{"CHERRY_PICK_HEAD", "a cherry-pick is under way"},
    UnderWay{"REVERT_HEAD", "a revert is under way"},
    UnderWay{"BISECT_LOG", "a bisect is under way"},
    UnderWay{"sequencer", "a series of cherry-picks or reverts is under way"},
};

Result<std::optional<FileInfo>> info_if_there(Directory& directory, std::string_view name) {
  Result<FileInfo> info = directory.info(name);
  if (info) return std::optional<FileInfo>(*info);
  if (info.error().code == Code::kNotFound) return std::optional<FileInfo>{};
  return std::move(info).error();
}

int64_t changed_ms(const FileInfo& info) {
  return info.mtime_s * 1000 + info.mtime_ns / 1'000'000;
}

Result<std::string> head_reason(Directory& git_dir, const std::string& branch) {
  TRY_ASSIGN(const std::optional<std::string> target, head_target(git_dir));
  if (!target) {
    TRY_ASSIGN(const std::optional<FileInfo> head, info_if_there(git_dir, "HEAD"));
    if (!head) return fmt::format("{}/HEAD is missing", git_dir.path());
    return fmt::format("HEAD is detached; records go to {}", short_branch_name(branch));
  }
  if (*target != branch) {
    return fmt::format("branch {} is checked out; records go to {}", short_branch_name(*target),
                       short_branch_name(branch));
  }
  return std::string{};
}

Result<std::string> lock_reason(Directory& directory, const std::string& name,
                                const std::string& owner, Clock& clock) {
  TRY_ASSIGN(const std::optional<FileInfo> info, info_if_there(directory, name));
  if (!info) return std::string{};
  TRY_ASSIGN(const bool ours, is_owned_lock(directory, name, owner));
  if (ours) return std::string{};
  return held_lock_reason(fmt::format("{}/{}", directory.path(), name), *info, clock);
}

Result<std::string> editor_reason(const GitDirectories& git, Clock& clock) {
  Directory& git_dir = *git.git_dir;
  TRY_ASSIGN(const std::optional<FileInfo> message, info_if_there(git_dir, "COMMIT_EDITMSG"));
  if (!message) return std::string{};
  TRY_ASSIGN(const std::optional<FileInfo> log, info_if_there(git_dir, "logs/HEAD"));
  const auto time = [](const FileInfo& info) { return std::pair(info.mtime_s, info.mtime_ns); };
  if (log && time(*message) <= time(*log)) return std::string{};
  const int64_t age_ms = clock.now_ms() - changed_ms(*message);
  const bool just_now = age_ms > -kUnseenEditorMs && age_ms < kUnseenEditorMs;
  if (!just_now && !git.paths.platform->some_process_names(git_dir.path() + "/COMMIT_EDITMSG"))
    return std::string{};
  return std::string("an editor is open on a commit message");
}

std::string program_reason(const GitDirectories& git, OtherProcesses* others) {
  GitPlatform& platform = *git.paths.platform;
  const std::string program = platform.git_at_work_in(git.work_tree->path(), others);
  if (!program.empty()) return program + " is running here";
  if (!platform.in_hook_of(git.git_dir->path())) return {};
  return "a git hook of this repository has started this (GIT_DIR or GIT_INDEX_FILE is set)";
}

}  // namespace

Result<std::optional<std::string>> head_target(Directory& git_dir) {
  TRY_ASSIGN(const std::optional<std::string> head, read_small_file(git_dir, "HEAD"));
  constexpr std::string_view kSymbolic = "ref:";
  if (!head || !head->starts_with(kSymbolic)) return std::optional<std::string>();
  const size_t name = head->find_first_not_of(" \t", kSymbolic.size());
  return std::optional(name == std::string::npos ? std::string() : head->substr(name));
}

std::string held_lock_reason(std::string_view path, const FileInfo& info, Clock& clock) {
  const int64_t seconds = std::max<int64_t>(0, (clock.now_ms() - changed_ms(info)) / 1000);
  return fmt::format(
      "{} has been there for {} s: a git command is running, or left it behind; where none is "
      "running, remove that file",
      path, seconds);
}

Result<std::string> worktree_waiting_reason(const GitDirectories& git,
                                            const WorktreeQuestion& question, Clock& clock) {
  for (const UnderWay& state : kUnderWay) {
    TRY_ASSIGN(const std::optional<FileInfo> info, info_if_there(*git.git_dir, state.file));
    if (info) return std::string(state.reason);
  }
  std::string reason;
  if (question.head_matters) {
    TRY_ASSIGN(reason, head_reason(*git.git_dir, question.branch));
    if (!reason.empty()) return reason;
  }
  if (question.locks_matter) {
    TRY_ASSIGN(reason, lock_reason(*git.git_dir, "index.lock", question.lock_owner, clock));
    if (!reason.empty()) return reason;
    TRY_ASSIGN(reason, lock_reason(*git.git_dir, "HEAD.lock", question.lock_owner, clock));
    if (!reason.empty()) return reason;
  }
  TRY_ASSIGN(reason, editor_reason(git, clock));
  if (reason.empty() && question.programs_matter) {
    if (question.watch != nullptr) question.watch->begin();
    reason = program_reason(git, question.others);
  }
  return reason;
}

namespace {

// "<old> <new> <name> <mail> <seconds> <zone>\t<message>"
struct ReflogLine {
  std::optional<int64_t> time_s;
  bool ours = false;
};

ReflogLine parse_reflog_line(std::string_view line) {
  const size_t message = std::min(line.find('\t'), line.size());
  ReflogLine parsed;
  parsed.ours = message < line.size() && line.substr(message + 1).starts_with(kOurReflogMessage);
  const std::string_view who = line.substr(0, message);
  const size_t zone = who.rfind(' ');
  if (zone == std::string_view::npos || zone == 0) return parsed;
  const size_t seconds = who.rfind(' ', zone - 1) + 1;
  int64_t time_s = 0;
  const auto read = std::from_chars(who.data() + seconds, who.data() + zone, time_s);
  if (read.ec == std::errc() && read.ptr == who.data() + zone) parsed.time_s = time_s;
  return parsed;
}

// Has HEAD been moved for kQuietLongestMs without a pause? `lines` are the last ones of its reflog,
// or `all` of them. More moves in a row than fit in are as many as that.
bool moves_all_the_time(std::string_view lines, bool all) {
  std::optional<int64_t> last_s, first_s;
  while (!lines.empty()) {
    const size_t begin = lines.rfind('\n') + 1;
    const ReflogLine line = parse_reflog_line(lines.substr(begin));
    lines = lines.substr(0, begin == 0 ? 0 : begin - 1);
    if (line.ours) continue;
    if (!line.time_s) return false;
    if (!last_s) last_s = line.time_s;
    // Times are whole seconds.
    if (first_s && (*first_s - *line.time_s) * 1000 > kQuietAfterMoveMs) return false;
    first_s = line.time_s;
    if ((*last_s - *first_s) * 1000 >= kQuietLongestMs) return true;
  }
  return !all;
}

}  // namespace

Result<int64_t> quiet_left_ms(const GitDirectories& git, Clock& clock) {
  const auto log = git.git_dir->open_file("logs/HEAD", {});
  if (!log) {
    if (log.error().code == Code::kNotFound) return 0;
    return log.error();
  }
  TRY_ASSIGN(const FileInfo info, (*log)->info());
  const int64_t age_ms = clock.now_ms() - changed_ms(info);
  // In the future: the clock was set back since then, and cannot tell.
  if (age_ms < 0 || age_ms >= kQuietAfterMoveMs) return 0;
  constexpr uint64_t kTailBytes = 64u << 10;  // some hundred moves: a rebase is over in a moment
  std::string tail(std::min(info.size_bytes, kTailBytes), '\0');
  TRY_ASSIGN(const size_t count,
             (*log)->read_at(info.size_bytes - tail.size(),
                             {reinterpret_cast<std::byte*>(tail.data()), tail.size()}));
  tail.resize(count);
  while (tail.ends_with('\n')) tail.pop_back();
  std::string_view lines = tail;
  const bool all = info.size_bytes <= kTailBytes;
  if (!all) lines.remove_prefix(std::min(lines.find('\n'), lines.size() - 1) + 1);
  const bool ours = parse_reflog_line(lines.substr(lines.rfind('\n') + 1)).ours;
  return ours || moves_all_the_time(lines, all) ? 0 : kQuietAfterMoveMs - age_ms;
}

}  // namespace syncline
