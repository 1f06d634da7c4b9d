#include "sync/git/unborn.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/ref_store.h"

namespace syncline {
namespace {

constexpr uint64_t kTailBytes = 64u << 10;

struct Move {
  ObjectId from;
  ObjectId to;  // zero: the ref was deleted, or there is no log
};

// What the log's last whole line says.
Result<Move> last_in_reflog(Directory& directory, const std::string& log) {
  const Result<std::unique_ptr<File>> file = directory.open_file("logs/" + log, {});
  if (!file) {
    if (file.error().code == Code::kNotFound) return Move{};
    return file.error();
  }
  TRY_ASSIGN(const FileInfo info, (*file)->info());
  const uint64_t from = info.size_bytes - std::min(info.size_bytes, kTailBytes);
  std::string tail(info.size_bytes - from, '\0');
  TRY_ASSIGN(const size_t count,
             (*file)->read_at(from, std::as_writable_bytes(std::span(tail.data(), tail.size()))));
  tail.resize(count);
  // Git does not sync it: the end may be torn, or zeros.
  for (std::string_view rest = tail; !rest.empty();) {
    const size_t end = rest.rfind('\n');
    if (end == std::string_view::npos) break;
    rest = rest.substr(0, end);
    const size_t begin = rest.rfind('\n') + 1;  // 0 where it is the first line
    const std::string_view line = rest.substr(begin);
    constexpr size_t kHex = 40;
    if (line.size() > 2 * kHex + 1 && line[kHex] == ' ') {
      const auto from_id = ObjectId::parse(line.substr(0, kHex));
      const auto to_id = ObjectId::parse(line.substr(kHex + 1, kHex));
      if (from_id && to_id) return Move{*from_id, *to_id};
    }
    rest = rest.substr(0, begin);
  }
  return Move{};
}

Result<bool> is_first_of_ours(ObjectStore& objects, const Move& move, const std::string& store) {
  if (!move.from.is_zero()) return false;
  TRY_ASSIGN(const std::optional<Object> object, objects.read(move.to));
  if (!object || object->type != ObjectType::kCommit) return false;
  TRY_ASSIGN(const ParsedCommit commit, parse_commit(object->bytes));
  return commit.parents.empty() && names_store(commit.message, store);
}

Result<bool> is_tip_of_a_branch(RefStore& refs, const ObjectId& commit) {
  TRY_ASSIGN(const std::set<std::string> names, refs.names_below(kBranchPrefix));
  for (const std::string& name : names) {
    const Result<ObjectId> tip = refs.read(fmt::format("{}{}", kBranchPrefix, name));
    if (tip && *tip == commit) return true;
  }
  return false;
}

std::string doubt(const std::string& branch, std::string_view who, const ObjectId& commit) {
  return fmt::format(
      "{} is gone, and {} that it was at {}: `git update-ref {} {}` puts it back; where it is to "
      "begin anew, make its first commit yourself",
      branch, who, commit.hex(), branch, commit.hex());
}

}  // namespace

Result<ObjectId> last_logged(Directory& directory, const std::string& log) {
  TRY_ASSIGN(const Move last, last_in_reflog(directory, log));
  return last.to;
}

Result<std::string> unborn_doubt(const GitDirectories& git, RefStore& refs, ObjectStore& objects,
                                 const std::string& branch, const BranchNotes& notes) {
  const bool noted = notes.was_born || !notes.published.is_zero();
  TRY_ASSIGN(const Move in_log, last_in_reflog(*git.common_dir, branch));
  if (!in_log.to.is_zero()) {
    TRY_ASSIGN(const bool first, is_first_of_ours(objects, in_log, notes.store));
    if (noted || !first) return doubt(branch, "its reflog says", in_log.to);
  }
  TRY_ASSIGN(const Move of_head, last_in_reflog(*git.git_dir, "HEAD"));
  if (!of_head.to.is_zero()) {
    TRY_ASSIGN(const bool first, is_first_of_ours(objects, of_head, notes.store));
    TRY_ASSIGN(const bool elsewhere, is_tip_of_a_branch(refs, of_head.to));
    if (!elsewhere && (noted || !first)) {
      return doubt(branch, "the reflog of HEAD says", of_head.to);
    }
  }
  if (!notes.published.is_zero()) {
    return doubt(branch, "the journal says of the last publish", notes.published);
  }
  if (!notes.was_born) return std::string{};
  return fmt::format(
      "{} is gone, though `syncline init` had put a commit on it: `git fsck --lost-found` names "
      "the commits that no branch has; where it is to begin anew, make its first commit yourself",
      branch);
}

}  // namespace syncline
