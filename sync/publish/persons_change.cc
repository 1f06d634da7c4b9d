#include "sync/publish/persons_change.h"

#include <algorithm>
#include <map>
#include <queue>
#include <unordered_set>
#include <utility>
#include <vector>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/sha1.h"
#include "sync/git/tree.h"
#include "sync/publish/section_text.h"

namespace syncline {
namespace {

using Kind = RecordStanding::Kind;

// An edited section: from its heading to the next heading of its sort, or the end.
std::string_view edited_section(std::string_view text, uint64_t offset,
                                const RecordedText& record) {
  const std::string next = "\n" + std::string(heading_prefix(record.text, record.id));
  std::string_view section = text.substr(offset, text.find(next, offset) - offset);
  // The lines between it and what is added behind it belong to neither.
  while (!section.empty() && (section.back() == '\n' || section.back() == '\r')) {
    section.remove_suffix(1);
  }
  return section;
}

// Finds a blob with this name that `after` has at a path where `before` has nothing, in any of the
// directories in which the two differ. Empty where there is none.
class AddedPath {
 public:
  AddedPath(ObjectStore& objects, const ObjectId& blob) : objects_(objects), blob_(blob) {}

  Result<std::string> find(const ObjectId& before, const ObjectId& after) {
    TRY(compare(before, after, {}));
    return std::move(found_);
  }

 private:
  Status compare(const ObjectId& before, const ObjectId& after, const std::string& prefix) {
    if (before == after || !found_.empty()) return {};
    std::map<std::string_view, TreeItem> known;
    ObjectStore::Content old;
    if (!before.is_zero()) {
      TRY_ASSIGN(old, objects_.require(before, ObjectType::kTree));
      TreeCursor cursor(*old);
      while (const std::optional<TreeItem> item = cursor.next()) known.emplace(item->name, *item);
    }
    TRY_ASSIGN(const ObjectStore::Content now, objects_.require(after, ObjectType::kTree));
    TreeCursor cursor(*now);
    while (const std::optional<TreeItem> item = cursor.next()) {
      const auto there = known.find(item->name);
      const std::string path = prefix + std::string(item->name);
      if (item->is_directory()) {
        const bool was_one = there != known.end() && there->second.is_directory();
        TRY(compare(was_one ? there->second.id : ObjectId{}, item->id, path + "/"));
      } else if (there == known.end() && item->id == blob_ && is_plain_file(item->mode)) {
        found_ = path;
      }
      if (!found_.empty()) return {};
    }
    return {};
  }

  ObjectStore& objects_;
  const ObjectId blob_;
  std::string found_;
};

// The walk for one record at one path.
class StandingWalk {
 public:
  StandingWalk(ObjectStore& objects, const RecordedText& record)
      : objects_(objects),
        record_(record),
        whole_(record.is_section ? ObjectId{} : hash_blob(record.text)) {}

  Result<RecordStanding> in_tree(const ObjectId& tree) {
    TRY_ASSIGN(const std::optional<FoundEntry> entry, find_in_tree(objects_, tree, record_.path));
    if (!entry) return RecordStanding{};
    const bool is_file = is_plain_file(entry->mode);
    if (!record_.is_section || !is_file) {
      if (is_file && entry->id == whole_)
        return RecordStanding{.kind = Kind::kWhole, .content = {}};
      return RecordStanding{.kind = Kind::kEdited, .content = entry->id};
    }
    if (const auto known = by_blob_.find(entry->id); known != by_blob_.end()) return known->second;
    TRY_ASSIGN(const ObjectStore::Content text, objects_.require(entry->id, ObjectType::kBlob));
    const RecordStanding standing = standing_in(record_, *text);
    by_blob_[entry->id] = standing;
    return standing;
  }

  struct Found {
    ObjectId commit;  // zero: none was found
    ObjectId tree;
    ObjectId before;  // a parent in which it stands otherwise, and its tree; zero: there is none
    ObjectId tree_before;
  };
  // The commit by which it came to stand as it does at `tip`.
  Result<Found> origin(const ObjectId& tip, const RecordStanding& standing, uint64_t commits_max,
                       uint64_t& looked_at) {
    Found merge;  // a parent of it stands so too, and nothing beyond that tells who did it
    TRY(add(tip));
    while (!queue_.empty()) {
      if (looked_at == commits_max) return Found{};
      ++looked_at;
      const Waiting at = queue_.top();
      queue_.pop();
      Found found{.commit = at.id, .tree = at.commit.tree, .before = {}, .tree_before = {}};
      bool goes_on = false;
      for (const ObjectId& parent : at.commit.parents) {
        TRY_ASSIGN(const std::optional<ParsedCommit> commit, commit_if_there(objects_, parent));
        if (!commit) continue;  // beyond the edge of a shallow clone
        TRY_ASSIGN(const RecordStanding before, in_tree(commit->tree));
        if (before == standing) {
          goes_on = true;
          TRY(add(parent));
        } else if (found.before.is_zero()) {
          found.before = parent;
          found.tree_before = commit->tree;
        }
      }
      // A record that is there was not there before the first commit of all.
      const bool is_first = at.commit.parents.empty() && standing.kind != Kind::kMissing;
      const bool is_change = !found.before.is_zero() || is_first;
      if (is_change && !goes_on) return found;
      if (is_change && merge.commit.is_zero()) merge = found;
    }
    return merge;
  }

 private:
  struct Waiting {
    ObjectId id;
    ParsedCommit commit;
    bool operator<(const Waiting& other) const {
      return commit.committer_time_s < other.commit.committer_time_s;
    }
  };

  Status add(const ObjectId& id) {
    if (!seen_.insert(id).second) return {};
    TRY_ASSIGN(std::optional<ParsedCommit> commit, commit_if_there(objects_, id));
    if (commit) queue_.push({id, std::move(*commit)});
    return {};
  }

  ObjectStore& objects_;
  const RecordedText& record_;
  const ObjectId whole_;
  std::map<ObjectId, RecordStanding> by_blob_;
  std::priority_queue<Waiting> queue_;  // the newest first
  std::unordered_set<ObjectId, ObjectIdHash> seen_;
};

// Where the commit has put the file that it has taken from `path`; empty where it has not.
Result<std::string> moved_to(ObjectStore& objects, const StandingWalk::Found& by,
                             const std::string& path) {
  TRY_ASSIGN(const std::optional<FoundEntry> now, find_in_tree(objects, by.tree, path));
  if (now) return std::string();
  TRY_ASSIGN(const std::optional<FoundEntry> before, find_in_tree(objects, by.tree_before, path));
  if (!before) return std::string();
  return AddedPath(objects, before->id).find(by.tree_before, by.tree);
}

}  // namespace

RecordStanding standing_in(const RecordedText& record, std::optional<std::string_view> text) {
  if (!text) return {};
  if (!record.is_section) {
    if (*text == record.text) return {.kind = Kind::kWhole, .content = {}};
    return {.kind = Kind::kEdited, .content = hash_blob(*text)};
  }
  // What find_sections() would answer for one section, without an index of the text.
  if (text->find(record.text) != std::string_view::npos) {
    return {.kind = Kind::kWhole, .content = {}};
  }
  const WantedSection wanted{record.text, record.id};
  ClaimedRanges claimed;
  const FoundSection found = find_sections(*text, {&wanted, 1}, claimed).front();
  if (found.standing == FoundSection::Standing::kMissing) return {};
  return {.kind = Kind::kEdited, .content = hash_blob(edited_section(*text, found.offset, record))};
}

Result<PersonsBranchChange> find_persons_change(ObjectStore& objects, const ObjectId& tip,
                                                const RecordedText& record, uint64_t commits_max) {
  RecordedText at = record;
  PersonsBranchChange change;
  TRY_ASSIGN(const ObjectId tip_tree, tree_of(objects, tip));
  struct Move {
    ObjectId commit;
    ObjectId before;  // its parent, which has it at `path`
    std::string path;
  };
  std::vector<Move> moves;
  const auto has_been = [&](const std::string& path) {
    return path == at.path || std::ranges::find(moves, path, &Move::path) != moves.end();
  };
  StandingWalk::Found by;
  while (true) {
    StandingWalk walk(objects, at);
    TRY_ASSIGN(change.standing, walk.in_tree(tip_tree));
    change.path = at.path;
    if (change.standing.kind == Kind::kWhole) return change;
    TRY_ASSIGN(by, walk.origin(tip, change.standing, commits_max, change.commits_looked_at));
    change.is_complete = !by.commit.is_zero();
    if (!change.is_complete) return change;
    if (change.standing.kind == Kind::kEdited) break;
    change.removed_by = by.commit;
    TRY_ASSIGN(std::string path, moved_to(objects, by, at.path));
    if (path.empty() || has_been(path)) return change;
    change.removed_by = {};
    change.moved_by = by.commit;
    moves.push_back({by.commit, by.before, std::exchange(at.path, std::move(path))});
  }
  // What came edited to where it is was edited where it had been.
  for (auto move = moves.rbegin(); move != moves.rend() && by.commit == move->commit; ++move) {
    at.path = move->path;
    StandingWalk walk(objects, at);
    TRY_ASSIGN(by,
               walk.origin(move->before, change.standing, commits_max, change.commits_looked_at));
  }
  change.edited_by = by.commit;
  change.is_complete = !by.commit.is_zero();
  return change;
}

}  // namespace syncline
