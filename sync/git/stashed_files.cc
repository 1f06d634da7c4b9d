#include "sync/git/stashed_files.h"

#include <algorithm>
#include <optional>
#include <string>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/tree.h"

namespace syncline {
namespace {

// The commit that the stash was made on, its index, and these.
constexpr size_t kUntrackedParent = 2;

}  // namespace

Result<StashedFiles> StashedFiles::read(Directory& common_dir, ObjectStore& objects, Clock& clock) {
  StashedFiles stashed(objects);
  // Each stash is a line of the reflog: "<old> <new> …". The ref alone is the newest of them.
  const Result<std::string> log = read_file(common_dir, "logs/" + std::string(kStashRef));
  if (!log && log.error().code != Code::kNotFound) return log.error();
  std::string_view lines = log ? std::string_view(*log) : std::string_view();
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (line.size() <= 2 * kIdHexBytes) continue;
    const auto id = ObjectId::parse(line.substr(kIdHexBytes + 1, kIdHexBytes));
    if (!id) continue;
    const Status added = stashed.add(*id, clock.now_ms());
    if (!added && added.error().code != Code::kCorrupt) return added.error();
  }
  return stashed;
}

Status StashedFiles::add(const ObjectId& stash, int64_t now_ms) {
  TRY_ASSIGN(const std::optional<ParsedCommit> commit, commit_if_there(*objects_, stash));
  if (!commit || commit->parents.size() <= kUntrackedParent) return {};
  const int64_t age_ms = now_ms - commit->committer_time_s * 1000;
  if (age_ms > kStashWaitMs || age_ms < -kStashWaitMs) return {};
  TRY_ASSIGN(const std::optional<ParsedCommit> untracked,
             commit_if_there(*objects_, commit->parents[kUntrackedParent]));
  if (untracked) trees_.push_back(untracked->tree);
  return {};
}

Result<bool> StashedFiles::hold(std::string_view path) const {
  for (const ObjectId& tree : trees_) {
    TRY_ASSIGN(const std::optional<FoundEntry> found, find_in_tree(*objects_, tree, path));
    if (found) return true;
  }
  return false;
}

Status StashedFiles::for_each(const std::function<Status(std::string_view path)>& visit) const {
  for (const ObjectId& tree : trees_) {
    TRY(walk_tree(*objects_, tree, [&](std::string_view path, uint32_t, const ObjectId&) -> Status {
      return visit(path);
    }));
  }
  return {};
}

}  // namespace syncline
