#include "sync/publish/publish_diff.h"

#include <unordered_map>
#include <unordered_set>

#include "journal/base/try.h"

namespace syncline {
namespace {

using Names = std::unordered_set<std::string_view>;

// One of the other trees at a level, answering for names asked in git's order. A name that has
// another type there stands elsewhere in that order, so those few are gathered beforehand:
// directories all, and files that have the name of a directory of ours.
class Side {
 public:
  static Result<Side> open(ObjectStore& objects, const std::optional<FoundEntry>& directory,
                           const Names& own_directories) {
    Side side;
    if (!directory || directory->mode != kModeDirectory || directory->id.is_zero()) return side;
    TRY_ASSIGN(side.tree_, objects.require(directory->id, ObjectType::kTree));
    TreeCursor all(*side.tree_);
    while (const std::optional<TreeItem> item = all.next()) {
      if (item->is_directory() || own_directories.contains(item->name)) {
        side.either_type_.emplace(item->name, FoundEntry{item->mode, item->id});
      }
    }
    if (all.damaged()) return make_error(Code::kCorrupt, "a tree object is malformed");
    side.cursor_ = TreeCursor(*side.tree_);
    side.item_ = side.cursor_.next();
    return side;
  }

  std::optional<FoundEntry> find(const TreeItem& own) {
    const auto order = [&] {
      return compare_tree_names(item_->name, item_->is_directory(), own.name, own.is_directory());
    };
    while (item_ && order() < 0) item_ = cursor_.next();
    if (item_ && order() == 0) return FoundEntry{item_->mode, item_->id};
    const auto other = either_type_.find(own.name);
    if (other == either_type_.end()) return {};
    return other->second;
  }

 private:
  ObjectStore::Content tree_;
  std::unordered_map<std::string_view, FoundEntry> either_type_;
  TreeCursor cursor_{""};
  std::optional<TreeItem> item_;
};

bool same(const std::optional<FoundEntry>& a, const std::optional<FoundEntry>& b) {
  return a.has_value() == b.has_value() && (!a || (a->id == b->id && a->mode == b->mode));
}

class Walk {
 public:
  Walk(ObjectStore& objects, const std::function<Status(PublishCandidate)>& visit)
      : objects_(objects), visit_(visit) {}

  // Directories at path_; an absent one is nothing. `whole`: everything the tip lacks is a
  // candidate.
  struct Level {
    std::optional<FoundEntry> own_before, left, tip;
    bool whole = false;
    bool blocked = false;
  };

  Status directory(const ObjectId& own, const Level& level) {
    TRY_ASSIGN(const ObjectStore::Content tree, objects_.require(own, ObjectType::kTree));
    Names own_directories;
    TreeCursor names(*tree);
    while (const std::optional<TreeItem> item = names.next()) {
      if (item->is_directory()) own_directories.insert(item->name);
    }
    if (names.damaged()) return make_error(Code::kCorrupt, "a tree object is malformed");
    TRY_ASSIGN(Side own_before, Side::open(objects_, level.own_before, own_directories));
    TRY_ASSIGN(Side left, Side::open(objects_, level.left, own_directories));
    TRY_ASSIGN(Side tip, Side::open(objects_, level.tip, own_directories));

    const size_t prefix_bytes = path_.size();
    TreeCursor cursor(*tree);
    while (const std::optional<TreeItem> item = cursor.next()) {
      const Level below{.own_before = own_before.find(*item),
                        .left = left.find(*item),
                        .tip = tip.find(*item),
                        .whole = level.whole,
                        .blocked = level.blocked};
      if (below.tip && below.tip->id == item->id) continue;
      const FoundEntry entry{item->mode, item->id};
      if (!below.whole && same(entry, below.own_before) && same(below.left, below.tip)) continue;
      path_.resize(prefix_bytes);
      path_ += item->name;
      TRY(item->is_directory() ? enter(entry, below) : report(entry, below));
    }
    path_.resize(prefix_bytes);
    return {};
  }

 private:
  Status enter(const FoundEntry& own, Level level) {
    // A file stands, or stood, in the directory's place: nothing below it was ever compared.
    const auto is_file = [](const std::optional<FoundEntry>& entry) {
      return entry && entry->mode != kModeDirectory;
    };
    level.blocked |= is_file(level.tip);
    level.whole |= is_file(level.tip) || is_file(level.left);
    path_ += '/';
    return directory(own.id, level);
  }

  Status report(const FoundEntry& own, const Level& level) {
    return visit_({.path = path_,
                   .own = own,
                   .own_before = level.own_before,
                   .left = level.left,
                   .tip = level.tip,
                   .blocked = level.blocked});
  }

  ObjectStore& objects_;
  const std::function<Status(PublishCandidate)>& visit_;
  std::string path_;
};

std::optional<FoundEntry> as_directory(const ObjectId& tree) {
  if (tree.is_zero()) return {};
  return FoundEntry{kModeDirectory, tree};
}

}  // namespace

Status find_publish_candidates(ObjectStore& objects, const PublishTrees& trees,
                               const std::function<Status(PublishCandidate)>& visit) {
  if (trees.own.is_zero() || trees.own == trees.tip) return {};
  Walk walk(objects, visit);
  return walk.directory(trees.own, {.own_before = as_directory(trees.own_before),
                                    .left = trees.left ? as_directory(*trees.left) : std::nullopt,
                                    .tip = as_directory(trees.tip),
                                    .whole = !trees.left.has_value(),
                                    .blocked = false});
}

}  // namespace syncline
