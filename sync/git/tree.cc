#include "sync/git/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <ranges>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kIdBytes = 20;

Error damaged_tree() {
  return make_error(Code::kCorrupt, "a tree object is malformed");
}

void append_item(std::string& tree, const TreeEdit& item) {
  tree += fmt::format("{:o} ", item.mode);
  tree += item.name;
  tree += '\0';
  tree += as_text(item.id.bytes);
}

bool is_safe_component(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name != ".git" &&
         name.find('\0') == std::string_view::npos;
}

// One position in git's order. An edit occupies both positions of its name, as a file and as a
// directory: a put fills one and clears the other, a removal clears both.
struct TreeSlot {
  std::string_view name;
  bool is_directory = false;
  const TreeEdit* put = nullptr;
};

// Updates one directory and, below it, those that the changes touch. `changes` are sorted by path
// and share their first `depth_bytes`. Answers zero when nothing is left in it.
class TreeUpdate {
 public:
  TreeUpdate(ObjectStore& objects, PackWriter& pack) : objects_(objects), pack_(pack) {}

  Result<ObjectId> directory(const ObjectId& old_id, std::span<const TreeChange> changes,
                             size_t depth_bytes) {
    ObjectStore::Content old_tree;
    if (!old_id.is_zero()) {
      TRY_ASSIGN(old_tree, objects_.require(old_id, ObjectType::kTree));
    }
    std::vector<TreeEdit> edits;
    std::vector<Subdirectory> subdirectories;
    TRY(split(changes, depth_bytes, edits, subdirectories));
    if (!subdirectories.empty() && old_tree) TRY(find_old(*old_tree, subdirectories));
    const auto files_end = static_cast<std::ptrdiff_t>(edits.size());
    for (const Subdirectory& sub : subdirectories) {
      TRY_ASSIGN(const ObjectId id,
                 directory(sub.old_id, sub.changes, depth_bytes + sub.name.size() + 1));
      const auto files = std::ranges::subrange(edits.begin(), edits.begin() + files_end);
      const auto same = std::ranges::lower_bound(files, sub.name, {}, &TreeEdit::name);
      if (same != files.end() && same->name == sub.name) {
        if (!id.is_zero()) *same = {sub.name, kModeDirectory, id};
      } else if (!id.is_zero() || !sub.old_id.is_zero()) {
        edits.push_back({sub.name, kModeDirectory, id});
      }
    }
    TRY_ASSIGN(std::string merged, merge_tree(old_tree ? std::string_view(*old_tree) : "", edits));
    if (merged.empty() && depth_bytes > 0) return ObjectId{};
    if (old_tree && merged == *old_tree) return old_id;
    TRY_ASSIGN(const ObjectId id, pack_.add(ObjectType::kTree, merged));
    objects_.remember(id, ObjectType::kTree,
                      std::make_shared<const std::string>(std::move(merged)));
    return id;
  }

 private:
  struct Subdirectory {
    std::string_view name;
    std::span<const TreeChange> changes;
    ObjectId old_id;
  };

  static Status split(std::span<const TreeChange> changes, size_t depth_bytes,
                      std::vector<TreeEdit>& edits, std::vector<Subdirectory>& subdirectories) {
    for (size_t i = 0; i < changes.size();) {
      const std::string_view rest = changes[i].path.substr(depth_bytes);
      const size_t slash = rest.find('/');
      const std::string_view name = rest.substr(0, slash);
      if (!is_safe_component(name)) {
        return make_error(Code::kUnsafePath,
                          fmt::format("\"{}\" cannot be a path in git", changes[i].path));
      }
      if (slash == std::string_view::npos) {
        edits.push_back({name, changes[i].mode, changes[i].blob});
        ++i;
        continue;
      }
      const std::string_view prefix = changes[i].path.substr(0, depth_bytes + slash + 1);
      size_t end = i + 1;
      while (end < changes.size() && changes[end].path.starts_with(prefix)) ++end;
      subdirectories.push_back({name, changes.subspan(i, end - i), {}});
      i = end;
    }
    return {};
  }

  // Both are in git's order: subdirectories are sorted by "name/".
  static Status find_old(std::string_view tree, std::vector<Subdirectory>& subdirectories) {
    auto wanted = subdirectories.begin();
    TreeCursor cursor(tree);
    while (wanted != subdirectories.end()) {
      const std::optional<TreeItem> item = cursor.next();
      if (!item) break;
      if (!item->is_directory()) continue;
      while (wanted != subdirectories.end() &&
             compare_tree_names(wanted->name, true, item->name, true) < 0) {
        ++wanted;
      }
      if (wanted != subdirectories.end() && wanted->name == item->name) wanted->old_id = item->id;
    }
    if (cursor.damaged()) return damaged_tree();
    return {};
  }

  ObjectStore& objects_;
  PackWriter& pack_;
};

}  // namespace

std::optional<TreeItem> TreeCursor::next() {
  if (damaged_ || offset_ == tree_.size()) return std::nullopt;
  TreeItem item;
  size_t at = offset_;
  while (at < tree_.size() && tree_[at] >= '0' && tree_[at] <= '7' && item.mode < 01000000) {
    item.mode = item.mode * 8 + static_cast<uint32_t>(tree_[at++] - '0');
  }
  const size_t name = at + 1;
  if (at == offset_ || at >= tree_.size() || tree_[at] != ' ') {
    damaged_ = true;
    return std::nullopt;
  }
  const size_t end = tree_.find('\0', name);
  if (end == std::string_view::npos || end == name || tree_.size() - end - 1 < kIdBytes) {
    damaged_ = true;
    return std::nullopt;
  }
  item.name = tree_.substr(name, end - name);
  std::memcpy(item.id.bytes.data(), tree_.data() + end + 1, kIdBytes);
  offset_ = end + 1 + kIdBytes;
  return item;
}

int compare_tree_names(std::string_view a, bool a_is_directory, std::string_view b,
                       bool b_is_directory) {
  const size_t common = std::min(a.size(), b.size());
  if (const int order = std::memcmp(a.data(), b.data(), common); order != 0) return order;
  const auto after = [common](std::string_view name, bool is_directory) {
    if (name.size() > common) return static_cast<int>(static_cast<unsigned char>(name[common]));
    return is_directory ? static_cast<int>('/') : 0;
  };
  return after(a, a_is_directory) - after(b, b_is_directory);
}

Result<std::string> merge_tree(std::string_view tree, const std::vector<TreeEdit>& edits) {
  std::vector<TreeSlot> slots;
  slots.reserve(edits.size() * 2);
  size_t added_bytes = 0;
  for (const TreeEdit& edit : edits) {
    const bool puts = !edit.id.is_zero();
    const bool directory = edit.mode == kModeDirectory;
    slots.push_back({edit.name, false, puts && !directory ? &edit : nullptr});
    slots.push_back({edit.name, true, puts && directory ? &edit : nullptr});
    if (puts) added_bytes += edit.name.size() + 8 + kIdBytes;
  }
  std::ranges::sort(slots, [](const TreeSlot& a, const TreeSlot& b) {
    return compare_tree_names(a.name, a.is_directory, b.name, b.is_directory) < 0;
  });

  std::string merged;
  merged.reserve(tree.size() + added_bytes);
  TreeCursor cursor(tree);
  size_t copied = 0;  // bytes of `tree` that are in `merged`, or were dropped
  size_t item_start = 0;
  std::optional<TreeItem> item = cursor.next();
  for (const TreeSlot& slot : slots) {
    const auto order = [&] {
      return compare_tree_names(item->name, item->is_directory(), slot.name, slot.is_directory);
    };
    while (item && order() < 0) {
      item_start = cursor.offset();
      item = cursor.next();
    }
    merged += tree.substr(copied, item_start - copied);
    copied = item_start;
    if (slot.put != nullptr) append_item(merged, *slot.put);
    if (item && order() == 0) {
      item_start = copied = cursor.offset();
      item = cursor.next();
    }
  }
  // What comes after the last change is copied unread; only a damaged part before it is seen here.
  if (cursor.damaged()) return damaged_tree();
  merged += tree.substr(copied);
  return merged;
}

Result<ObjectId> update_tree(ObjectStore& objects, PackWriter& pack, const ObjectId& root,
                             std::vector<TreeChange> changes) {
  // By bytes, all paths below a directory stand together, for they share "directory/".
  std::ranges::sort(changes, {}, &TreeChange::path);
  return TreeUpdate(objects, pack).directory(root, changes, 0);
}

Result<std::optional<FoundEntry>> find_in_tree(ObjectStore& objects, const ObjectId& root,
                                               std::string_view path) {
  ObjectId at = root;
  while (true) {
    if (at.is_zero()) return std::optional<FoundEntry>();
    TRY_ASSIGN(const ObjectStore::Content tree, objects.require(at, ObjectType::kTree));
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    TreeCursor cursor(*tree);
    std::optional<TreeItem> item = cursor.next();
    while (item && item->name != name) item = cursor.next();
    if (cursor.damaged()) return damaged_tree();
    if (!item) return std::optional<FoundEntry>();
    if (slash == std::string_view::npos) return std::optional(FoundEntry{item->mode, item->id});
    if (!item->is_directory()) return std::optional<FoundEntry>();
    at = item->id;
    path.remove_prefix(slash + 1);
  }
}

namespace {

Status walk_directory(
    ObjectStore& objects, const ObjectId& directory, std::string& path,
    const std::function<Status(std::string_view, uint32_t, const ObjectId&)>& visit) {
  TRY_ASSIGN(const ObjectStore::Content tree, objects.require_once(directory, ObjectType::kTree));
  const size_t prefix_bytes = path.size();
  TreeCursor cursor(*tree);
  while (const std::optional<TreeItem> item = cursor.next()) {
    path.resize(prefix_bytes);
    path += item->name;
    if (item->is_directory()) {
      path += '/';
      TRY(walk_directory(objects, item->id, path, visit));
    } else {
      TRY(visit(path, item->mode, item->id));
    }
  }
  path.resize(prefix_bytes);
  if (cursor.damaged()) return damaged_tree();
  return {};
}

}  // namespace

Status walk_tree(
    ObjectStore& objects, const ObjectId& root,
    const std::function<Status(std::string_view path, uint32_t mode, const ObjectId& id)>& visit) {
  if (root.is_zero()) return {};
  std::string path;
  return walk_directory(objects, root, path, visit);
}

}  // namespace syncline
