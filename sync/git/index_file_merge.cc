// Merging: what becomes of each change is decided in one walk over the entries, and carried out in
// a second one, which writes. Two, because the header counts the entries and is hashed first.
#include <algorithm>
#include <utility>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "sync/git/index_cache_tree.h"
#include "sync/git/index_cursor.h"
#include "sync/git/index_file.h"
#include "sync/git/index_format.h"

namespace syncline {
namespace {

using namespace index_format;

// The variable-length integer of version 4 names and of pack offsets: each further byte adds one,
// so that every number has a single spelling.
void put_varint(std::string& out, size_t value) {
  char digits[16];
  size_t at = sizeof digits - 1;
  digits[at] = static_cast<char>(value & 127);
  while (value >>= 7) digits[--at] = static_cast<char>(128 | (--value & 127));
  out.append(digits + at, sizeof digits - at);
}

// Copies ranges of the old file and puts entries between them.
class IndexWriter {
 public:
  IndexWriter(const IndexBytes& old, uint32_t version, bool hashed, const IndexSink& sink)
      : old_(old), version_(version), hashed_(hashed), sink_(sink) {}

  Status begin(uint32_t entry_count) {
    TRY(old_.append_to(out_, 0, 4));
    put_be32(out_, version_);
    put_be32(out_, entry_count);
    return {};
  }

  // Copies the old entries before `upto`; `last_path` is the name of the last of them, if any.
  Status copy_until(uint64_t upto, std::string_view last_path) {
    if (upto == copied_) return {};
    while (copied_ < upto) {
      const auto piece = static_cast<size_t>(std::min<uint64_t>(old_.piece_bytes, upto - copied_));
      TRY(old_.append_to(out_, copied_, piece));
      copied_ += piece;
      TRY(pass_on_if_full());
    }
    if (version_ == 4) last_path_ = last_path;
    return {};
  }
  void skip_until(uint64_t upto) { copied_ = upto; }

  Status put(std::string_view path, const TreeValue& value, const IndexStat& stat, uint16_t flags,
             uint16_t extended_flags) {
    const size_t begin = out_.size();
    for (const uint32_t field :
         {stat.ctime_s, stat.ctime_ns, stat.mtime_s, stat.mtime_ns, stat.device, stat.inode,
          value.mode, stat.uid, stat.gid, stat.size_bytes}) {
      put_be32(out_, field);
    }
    out_.append(as_text(value.blob.bytes));
    const bool extended = extended_flags != 0;
    put_be16(out_, static_cast<uint16_t>((flags & (kAssumeValid | kStageMask)) |
                                         (extended ? kExtended : 0) |
                                         std::min<size_t>(path.size(), kNameMask)));
    if (extended) put_be16(out_, extended_flags);
    return put_name(path, begin);
  }
  // An old entry again, its name compressed against another one (version 4).
  Status put_again(const IndexCursor& entry) {
    const size_t begin = out_.size();
    out_.append(entry.fixed());
    copied_ = entry.end();
    return put_name(entry.path(), begin);
  }

  Status put_extension(std::string_view name, std::string_view body) {
    out_.append(name);
    put_be32(out_, static_cast<uint32_t>(body.size()));
    out_.append(body);
    return pass_on_if_full();
  }

  Status finish() {
    if (hashed_) hash_.update(out_);
    out_ += hashed_ ? std::string(as_text(hash_.finish().bytes)) : std::string(kTrailerBytes, '\0');
    return sink_(out_);
  }

 private:
  Status put_name(std::string_view path, size_t entry_begin) {
    if (version_ == 4) {
      const auto [left, right] = std::ranges::mismatch(last_path_, path);
      const auto common = static_cast<size_t>(left - last_path_.begin());
      put_varint(out_, last_path_.size() - common);
      out_.append(path.substr(common));
      out_.push_back('\0');
      last_path_ = path;
    } else {
      out_.append(path);
      const size_t length = out_.size() - entry_begin;
      out_.append(((length + 8) & ~size_t{7}) - length, '\0');
    }
    return pass_on_if_full();
  }

  Status pass_on_if_full() {
    if (out_.size() < old_.piece_bytes) return {};
    if (hashed_) hash_.update(out_);
    TRY(sink_(out_));
    out_.clear();
    return {};
  }

  const IndexBytes& old_;
  uint32_t version_;
  bool hashed_;
  const IndexSink& sink_;
  Sha1 hash_;
  std::string out_;  // not passed on yet: less than two pieces and an entry
  uint64_t copied_ = kHeaderBytes;
  std::string last_path_;  // version 4: of the entry written last
};

// A path that must not be in the index if a change is to go in: a directory of the change, or, with
// a slash, anything below the change's own path.
struct Probe {
  std::string_view path;
  bool slash = false;
  size_t change = 0;  // the first that it stands for; a directory stands for all below it

  size_t size() const { return path.size() + (slash ? 1 : 0); }
  char operator[](size_t i) const { return i < path.size() ? path[i] : '/'; }
  bool is_prefix_of(std::string_view text) const {
    return text.starts_with(path) && (!slash || text.substr(path.size()).starts_with('/'));
  }
  // Of "path" or "path/", by bytes.
  int compare(const Probe& other) const {
    const size_t common = std::min(path.size(), other.path.size());
    if (const int order = path.substr(0, common).compare(other.path.substr(0, common))) {
      return order;
    }
    for (size_t i = common; i < size() && i < other.size(); ++i) {
      const int order =
          static_cast<unsigned char>((*this)[i]) - static_cast<unsigned char>(other[i]);
      if (order != 0) return order;
    }
    return size() < other.size() ? -1 : static_cast<int>(size() > other.size());
  }
};

std::vector<Probe> probes_of(std::span<const IndexChange> changes) {
  std::vector<Probe> probes;
  std::string_view before;  // sorted, so that paths with a directory in common stand together
  for (size_t i = 0; i < changes.size(); ++i) {
    const std::string_view path = changes[i].path;
    probes.push_back({path, true, i});
    for (size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      if (before.starts_with(path.substr(0, slash + 1))) continue;
      probes.push_back({path.substr(0, slash), false, i});
    }
    before = path;
  }
  std::ranges::sort(probes, [](const Probe& a, const Probe& b) { return a.compare(b) < 0; });
  return probes;
}

}  // namespace

class IndexMerger {
 public:
  IndexMerger(const IndexFile& index, std::span<const IndexChange> changes)
      : index_(index), changes_(changes), actions_(changes.size(), Action::kNothing) {}

  Result<IndexMerge> run(const IndexSink& sink) {
    TRY(decide());
    IndexMerge merge;
    uint32_t inserted = 0, removed = 0;
    bool skips = false;
    for (size_t i = 0; i < changes_.size(); ++i) {
      if (actions_[i] == Action::kKeep) merge.kept.push_back(changes_[i].path);
      if (actions_[i] == Action::kInsert) ++inserted;
      if (actions_[i] == Action::kRemove) ++removed;
      skips |= actions_[i] == Action::kInsert && changes_[i].skip_worktree;
      merge.changed |= writes(actions_[i]);
    }
    if (!merge.changed) return merge;
    // Version 3 is version 2 with flags that only it has room for.
    const uint32_t version = skips && index_.version_ == 2 ? 3 : index_.version_;
    IndexWriter writer(index_.bytes_, version, index_.hashed_, sink);
    TRY(writer.begin(index_.entry_count_ + inserted - removed));
    TRY(write_entries(writer));
    TRY(write_extensions(writer));
    TRY(writer.finish());
    return merge;
  }

 private:
  enum class Action : uint8_t {
    kNothing,  // it stands there already
    kKeep,     // something else is staged
    kInsert,
    kReplace,
    kRemove,
    kRefresh,  // its stat alone
  };
  static bool writes(Action action) { return action >= Action::kInsert; }

  Status decide() {
    const std::vector<Probe> probes = probes_of(changes_);
    std::vector<bool> blocked(changes_.size(), false);
    IndexWindow window(index_.bytes_, kHeaderBytes, index_.entries_end_);
    IndexCursor cursor(window, index_.version_, index_.entry_count_);
    size_t next = 0, probe = 0;
    while ((next < changes_.size() || probe < probes.size()) && cursor.next()) {
      const Probe at{.path = cursor.path()};
      for (; probe < probes.size() && probes[probe].compare(at) <= 0; ++probe) {
        note_blocked(probes[probe], cursor.path(), blocked);
      }
      for (; next < changes_.size() && changes_[next].path < cursor.path(); ++next) {
        actions_[next] = Action::kInsert;
      }
      if (next < changes_.size() && changes_[next].path == cursor.path()) {
        actions_[next] = action_on(changes_[next], cursor);
        ++next;
      }
    }
    TRY(cursor.status());
    for (; next < changes_.size(); ++next) actions_[next] = Action::kInsert;
    for (size_t i = 0; i < changes_.size(); ++i) {
      // Staged for deletion, or something else in its place.
      const bool may_insert = !changes_[i].in_tip && !blocked[i];
      if (actions_[i] != Action::kInsert || may_insert) continue;
      actions_[i] = changes_[i].removes() ? Action::kNothing : Action::kKeep;
    }
    return {};
  }

  // A change cannot go in where the index has a file in the place of one of its directories, or
  // files below its own path: git would refuse such an index. `path` is the first in the index that
  // is not before the probe.
  void note_blocked(const Probe& probe, std::string_view path, std::vector<bool>& blocked) const {
    if (probe.slash) {
      if (probe.is_prefix_of(path)) blocked[probe.change] = true;
      return;
    }
    if (probe.path != path) return;
    const Probe directory{.path = probe.path, .slash = true};
    for (size_t i = probe.change; i < changes_.size() && directory.is_prefix_of(changes_[i].path);
         ++i) {
      blocked[i] = true;
    }
  }

  // For a change whose path the index has.
  static Action action_on(const IndexChange& change, const IndexCursor& entry) {
    const bool is_new = entry.value() == change.value;
    const bool intent_to_add = (entry.extended_flags() & kIntentToAdd) != 0;
    const bool is_old = (change.in_tip ? entry.value() == *change.in_tip : intent_to_add) ||
                        entry.value() == change.also_ours;
    if (!is_new && !is_old) return Action::kKeep;
    if (change.removes()) return Action::kRemove;
    if (!is_new || intent_to_add) return Action::kReplace;
    const bool restat = change.stat && *change.stat != entry.stat();
    return restat ? Action::kRefresh : Action::kNothing;
  }

  Status write_entries(IndexWriter& writer) {
    IndexWindow window(index_.bytes_, kHeaderBytes, index_.entries_end_);
    IndexCursor cursor(window, index_.version_, index_.entry_count_);
    const bool compressed = index_.version_ == 4;
    size_t next = 0;
    bool removed_before = false;
    while (cursor.next()) {
      // Version 4: the entry before this one is not the old one any more.
      bool name_stale = std::exchange(removed_before, false);
      for (; next < changes_.size() && changes_[next].path < cursor.path(); ++next) {
        if (actions_[next] != Action::kInsert) continue;
        TRY(insert(writer, changes_[next], cursor.begin(), cursor.previous_path()));
        name_stale = compressed;
      }
      const bool ours = next < changes_.size() && changes_[next].path == cursor.path();
      if (ours && actions_[next] == Action::kRemove) {
        TRY(writer.copy_until(cursor.begin(), cursor.previous_path()));
        writer.skip_until(cursor.end());
        removed_before = compressed;
      } else if (ours && writes(actions_[next])) {
        TRY(replace(writer, changes_[next], cursor));
      } else if (name_stale) {
        TRY(writer.put_again(cursor));
      } else if (!ours && next == changes_.size()) {
        break;  // the rest is copied as it is
      }
      if (ours) ++next;
    }
    TRY(cursor.status());
    std::string last_path;
    if (compressed && next < changes_.size()) last_path = cursor.path();
    for (; next < changes_.size(); ++next) {
      if (actions_[next] != Action::kInsert) continue;
      TRY(insert(writer, changes_[next], index_.entries_end_, last_path));
    }
    return writer.copy_until(index_.entries_end_, last_path);
  }

  static Status insert(IndexWriter& writer, const IndexChange& change, uint64_t at,
                       std::string_view last_path) {
    TRY(writer.copy_until(at, last_path));
    return writer.put(change.path, change.value, change.stat.value_or(IndexStat{}), 0,
                      change.skip_worktree ? kSkipWorktree : uint16_t{0});
  }
  static Status replace(IndexWriter& writer, const IndexChange& change, const IndexCursor& entry) {
    TRY(writer.copy_until(entry.begin(), entry.previous_path()));
    TRY(writer.put(change.path, change.value, change.stat.value_or(IndexStat{}), entry.flags(),
                   entry.extended_flags() & static_cast<uint16_t>(~kIntentToAdd)));
    writer.skip_until(entry.end());
    return {};
  }

  Status write_extensions(IndexWriter& writer) {
    const IndexBytes& bytes = index_.bytes_;
    const uint64_t end = bytes.size - kTrailerBytes;
    for (uint64_t at = index_.entries_end_; at < end;) {
      std::string head;
      TRY(bytes.append_to(head, at, kExtensionHeaderBytes));
      const std::string_view name = std::string_view(head).substr(0, 4);
      const uint32_t count = load_be32(head.data() + 4);
      if (name == "REUC" || name == "TREE") {
        std::string body;
        TRY(bytes.append_to(body, at + kExtensionHeaderBytes, count));
        std::optional<std::string> kept =
            name == "TREE" ? invalidate_cache_tree(body, touched_paths()) : std::move(body);
        if (kept) TRY(writer.put_extension(name, *kept));
      }
      at += kExtensionHeaderBytes + count;
    }
    return {};
  }

  // Sorted; the cached trees of their directories no longer hold.
  std::vector<std::string_view> touched_paths() const {
    std::vector<std::string_view> paths;
    for (size_t i = 0; i < changes_.size(); ++i) {
      const bool touched = actions_[i] == Action::kInsert || actions_[i] == Action::kReplace ||
                           actions_[i] == Action::kRemove;
      if (touched) paths.push_back(changes_[i].path);
    }
    return paths;
  }

  const IndexFile& index_;
  std::span<const IndexChange> changes_;
  std::vector<Action> actions_;
};

Result<IndexMerge> IndexFile::merge(std::span<const IndexChange> changes,
                                    const IndexSink& sink) const {
  if (has_conflicts_) return make_error(Code::kBusy, "the git index holds unresolved conflicts");
  for (size_t i = 1; i < changes.size(); ++i) {
    SYNCLINE_ASSERT(changes[i - 1].path < changes[i].path);
  }
  return IndexMerger(*this, changes).run(sink);
}

}  // namespace syncline
