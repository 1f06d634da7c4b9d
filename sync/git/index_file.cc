#include "sync/git/index_file.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <bit>
#include <set>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/record/intent.h"
#include "sync/git/index_cache_tree.h"

namespace syncline {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kTrailerBytes = 20;
constexpr size_t kFixedEntryBytes = 62;  // stat, blob and flags, before the name
constexpr uint16_t kAssumeValid = 0x8000;
constexpr uint16_t kExtended = 0x4000;
constexpr uint16_t kStageMask = 0x3000;
constexpr uint16_t kNameMask = 0x0fff;
constexpr uint16_t kSkipWorktree = 0x4000;  // in the extended flags
constexpr uint16_t kIntentToAdd = 0x2000;

uint32_t load_be32(const char* from) {
  return std::byteswap(load_le<uint32_t>(as_bytes({from, 4}).data()));
}
uint16_t load_be16(const char* from) {
  return std::byteswap(load_le<uint16_t>(as_bytes({from, 2}).data()));
}
void put_be32(std::string& out, uint32_t value) {
  const uint32_t swapped = std::byteswap(value);
  out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}
void put_be16(std::string& out, uint16_t value) {
  const uint16_t swapped = std::byteswap(value);
  out.append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}

Error damaged(std::string_view what) {
  return make_error(Code::kCorrupt, fmt::format("the git index is damaged: {}", what),
                    "git can rebuild it: rm .git/index && git reset");
}

// The variable-length integer of version 4 names and of pack offsets: each further byte adds one,
// so that every number has a single spelling.
void put_varint(std::string& out, size_t value) {
  char digits[16];
  size_t at = sizeof digits - 1;
  digits[at] = static_cast<char>(value & 127);
  while (value >>= 7) digits[--at] = static_cast<char>(128 | (--value & 127));
  out.append(digits + at, sizeof digits - at);
}

std::string sha1(std::string_view bytes) {
  std::string digest(SHA_DIGEST_LENGTH, '\0');
  SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
       reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

}  // namespace

IndexStat IndexStat::from(const FileInfo& info) {
  const auto cut = [](auto value) { return static_cast<uint32_t>(value); };
  return {.ctime_s = cut(info.ctime_s),
          .ctime_ns = info.ctime_ns,
          .mtime_s = cut(info.mtime_s),
          .mtime_ns = info.mtime_ns,
          .device = cut(info.device),
          .inode = cut(info.inode),
          .uid = info.uid,
          .gid = info.gid,
          .size_bytes = cut(info.size_bytes)};
}

// Walks the entries in file order; knows where each begins and ends.
class IndexFile::Cursor {
 public:
  Cursor(std::string_view bytes, uint32_t version, uint32_t count)
      : bytes_(bytes), version_(version), left_(count), end_(kHeaderBytes) {}

  // False at the end, and on damage: then fault() is not empty.
  bool next() {
    if (left_ == 0) return false;
    --left_;
    begin_ = end_;
    const size_t limit = bytes_.size() - kTrailerBytes;
    if (limit < begin_ || limit - begin_ < kFixedEntryBytes + 1) return fail("an entry is cut off");
    const char* fixed = bytes_.data() + begin_;
    flags_ = load_be16(fixed + 60);
    extended_flags_ = 0;
    size_t name_at = begin_ + kFixedEntryBytes;
    if ((flags_ & kExtended) != 0) {
      if (version_ < 3) return fail("an extended entry in a version 2 file");
      extended_flags_ = load_be16(fixed + kFixedEntryBytes);
      name_at += 2;
    }
    return version_ == 4 ? read_compressed_name(name_at, limit) : read_name(name_at, limit);
  }

  std::string_view fault() const { return fault_; }
  size_t begin() const { return begin_; }
  size_t end() const { return end_; }
  std::string_view path() const { return path_; }
  std::string_view previous_path() const { return previous_path_; }  // version 4 only
  uint8_t stage() const { return static_cast<uint8_t>((flags_ & kStageMask) >> 12); }
  uint16_t flags() const { return flags_; }
  uint16_t extended_flags() const { return extended_flags_; }

  TreeValue value() const {
    TreeValue value{.blob = {}, .mode = word(6)};
    std::memcpy(value.blob.bytes.data(), bytes_.data() + begin_ + 40, 20);
    return value;
  }
  IndexStat stat() const {
    return {.ctime_s = word(0),
            .ctime_ns = word(1),
            .mtime_s = word(2),
            .mtime_ns = word(3),
            .device = word(4),
            .inode = word(5),
            .uid = word(7),
            .gid = word(8),
            .size_bytes = word(9)};
  }

 private:
  uint32_t word(size_t number) const { return load_be32(bytes_.data() + begin_ + 4 * number); }
  bool fail(std::string_view fault) {
    fault_ = fault;
    left_ = 0;
    return false;
  }

  bool read_name(size_t name_at, size_t limit) {
    const size_t nul = bytes_.find('\0', name_at);
    if (nul == std::string_view::npos || nul >= limit) return fail("a name has no end");
    path_ = bytes_.substr(name_at, nul - name_at);
    if (!name_length_agrees()) return false;
    end_ = begin_ + ((nul - begin_ + 8) & ~size_t{7});  // 1 to 8 NULs, to a multiple of 8
    return end_ <= limit || fail("an entry is cut off");
  }

  bool read_compressed_name(size_t at, size_t limit) {
    size_t strip = 0;
    for (bool first = true;; first = false) {
      if (at >= limit || strip > (SIZE_MAX >> 8)) return fail("a name's prefix is cut off");
      const auto byte = static_cast<unsigned char>(bytes_[at++]);
      strip = first ? byte & 127u : ((strip + 1) << 7) + (byte & 127u);
      if ((byte & 128) == 0) break;
    }
    const size_t nul = bytes_.find('\0', at);
    if (nul == std::string_view::npos || nul >= limit) return fail("a name has no end");
    if (strip > joined_.size()) return fail("a name drops more than there is");
    previous_path_ = joined_;
    joined_.resize(joined_.size() - strip);
    joined_.append(bytes_.substr(at, nul - at));
    path_ = joined_;
    end_ = nul + 1;
    return name_length_agrees();
  }

  bool name_length_agrees() {
    if ((flags_ & kNameMask) != std::min<size_t>(path_.size(), kNameMask)) {
      return fail("a name's length is not what its flags say");
    }
    return true;
  }

  std::string_view bytes_;
  uint32_t version_;
  uint32_t left_;
  size_t begin_ = 0;
  size_t end_;
  uint16_t flags_ = 0;
  uint16_t extended_flags_ = 0;
  std::string_view path_;
  std::string joined_;         // version 4: the name this entry's is built on
  std::string previous_path_;  // version 4
  std::string_view fault_;
};

// Copies ranges of the old file and puts entries between them.
class IndexFile::Writer {
 public:
  Writer(std::string_view old, uint32_t version, size_t expected_bytes)
      : old_(old), version_(version) {
    out_.reserve(expected_bytes);
    out_.append(old.substr(0, kHeaderBytes));
  }

  // Copies the old entries before `upto`; `last_path` is the name of the last of them, if any.
  void copy_until(size_t upto, std::string_view last_path) {
    if (upto == copied_) return;
    out_.append(old_.substr(copied_, upto - copied_));
    copied_ = upto;
    if (version_ == 4) last_path_ = last_path;
  }
  void skip_until(size_t upto) { copied_ = upto; }

  void put(std::string_view path, const TreeValue& value, const IndexStat& stat, uint16_t flags,
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
    put_name(path, begin);
  }
  // An old entry again, its name compressed against another one (version 4).
  void put_again(const Cursor& entry) {
    const size_t fixed = kFixedEntryBytes + ((entry.flags() & kExtended) != 0 ? 2 : 0);
    const size_t begin = out_.size();
    out_.append(old_.substr(entry.begin(), fixed));
    put_name(entry.path(), begin);
    copied_ = entry.end();
  }

  std::string& bytes() { return out_; }

 private:
  void put_name(std::string_view path, size_t entry_begin) {
    if (version_ == 4) {
      const auto [left, right] = std::ranges::mismatch(last_path_, path);
      const auto common = static_cast<size_t>(left - last_path_.begin());
      put_varint(out_, last_path_.size() - common);
      out_.append(path.substr(common));
      out_.push_back('\0');
      last_path_ = path;
      return;
    }
    out_.append(path);
    const size_t length = out_.size() - entry_begin;
    out_.append(((length + 8) & ~size_t{7}) - length, '\0');
  }

  std::string_view old_;
  uint32_t version_;
  std::string out_;
  size_t copied_ = kHeaderBytes;
  std::string last_path_;  // version 4: of the entry written last
};

IndexFile::IndexFile() {
  bytes_ = "DIRC";
  put_be32(bytes_, version_);
  put_be32(bytes_, 0);
  entries_end_ = bytes_.size();
  bytes_.append(sha1(bytes_));
}

std::string_view IndexFile::trailer() const {
  return std::string_view(bytes_).substr(bytes_.size() - kTrailerBytes);
}

Result<IndexFile> IndexFile::parse(std::string bytes) {
  IndexFile index;
  index.bytes_ = std::move(bytes);
  const std::string_view all = index.bytes_;
  if (all.size() < kHeaderBytes + kTrailerBytes) return damaged("it is too short");
  if (!all.starts_with("DIRC")) return damaged("it does not begin with DIRC");
  index.version_ = load_be32(all.data() + 4);
  if (index.version_ < 2 || index.version_ > 4) {
    return make_error(Code::kUnsupported,
                      fmt::format("the git index has version {}, known are 2 to 4", index.version_),
                      "git update-index --index-version 2");
  }
  index.hashed_ = index.trailer() != std::string(kTrailerBytes, '\0');
  if (index.hashed_ && sha1(all.substr(0, all.size() - kTrailerBytes)) != index.trailer()) {
    return damaged("its checksum does not hold");
  }
  index.entry_count_ = load_be32(all.data() + 8);

  Cursor cursor(all, index.version_, index.entry_count_);
  std::string last_path;
  uint8_t last_stage = 0;
  // A split index has entries without names, in an order of their own; its extension says so first.
  bool in_order = true;
  while (cursor.next()) {
    const int order = cursor.path().compare(last_path);
    if (order < 0 || (order == 0 && cursor.stage() <= last_stage)) in_order = false;
    last_path = cursor.path();
    last_stage = cursor.stage();
    if (last_stage != 0) index.has_conflicts_ = true;
  }
  if (!cursor.fault().empty()) return damaged(cursor.fault());
  index.entries_end_ = cursor.end();

  for (std::string_view rest = all.substr(cursor.end(), all.size() - kTrailerBytes - cursor.end());
       !rest.empty();) {
    if (rest.size() < 8 || rest.size() - 8 < load_be32(rest.data() + 4)) {
      return damaged("an extension is cut off");
    }
    const std::string_view name = rest.substr(0, 4);
    if (name[0] < 'A' || name[0] > 'Z') {
      const std::string_view what = name == "link"   ? "a split index"
                                    : name == "sdir" ? "a sparse index"
                                                     : name;
      return make_error(
          Code::kUnsupported,
          fmt::format("the git index needs an extension that is not handled: {}", what),
          name == "link"   ? "git update-index --no-split-index"
          : name == "sdir" ? "git sparse-checkout reapply --no-sparse-index"
                           : "");
    }
    rest.remove_prefix(8 + load_be32(rest.data() + 4));
  }
  if (!in_order) return damaged("its entries are not in order");
  return index;
}

Status IndexFile::for_each(const std::function<Status(const IndexEntry&)>& visit) const {
  Cursor cursor(bytes_, version_, entry_count_);
  while (cursor.next()) {
    TRY(visit({.path = cursor.path(),
               .value = cursor.value(),
               .stat = cursor.stat(),
               .stage = cursor.stage(),
               .assume_valid = (cursor.flags() & kAssumeValid) != 0,
               .skip_worktree = (cursor.extended_flags() & kSkipWorktree) != 0,
               .intent_to_add = (cursor.extended_flags() & kIntentToAdd) != 0}));
  }
  return {};
}

// A change cannot go in where the index has a file in the place of one of its folders, or files
// below its own path: git would refuse such an index. One merge walk over sorted probes.
std::vector<bool> IndexFile::blocked_changes(std::span<const IndexChange> changes) const {
  struct Probe {
    std::string path;  // a folder of the change, or the change's path with a slash
    size_t change = 0;
    bool folder = false;
    bool operator<(const Probe& other) const { return path < other.path; }
  };
  std::vector<Probe> probes;
  for (size_t i = 0; i < changes.size(); ++i) {
    const std::string& path = changes[i].path;
    probes.push_back({path + "/", i, false});
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      probes.push_back({path.substr(0, slash), i, true});
    }
  }
  std::ranges::sort(probes, {}, &Probe::path);

  std::vector<bool> blocked(changes.size(), false);
  Cursor cursor(bytes_, version_, entry_count_);
  size_t next = 0;
  while (next < probes.size() && cursor.next()) {
    while (next < probes.size() && probes[next].path <= cursor.path()) {
      const Probe& probe = probes[next++];
      if (probe.folder ? probe.path == cursor.path() : cursor.path().starts_with(probe.path)) {
        blocked[probe.change] = true;
      }
    }
  }
  return blocked;
}

Result<IndexMerge> IndexFile::merge(std::span<const IndexChange> changes) const {
  if (has_conflicts_) return make_error(Code::kBusy, "the git index holds unresolved conflicts");
  for (size_t i = 1; i < changes.size(); ++i) {
    SYNCLINE_ASSERT(changes[i - 1].path < changes[i].path);
  }
  const std::vector<bool> blocked = blocked_changes(changes);
  IndexMerge merge;
  size_t added_bytes = 0;
  for (const IndexChange& change : changes) added_bytes += 80 + change.path.size();
  Writer writer(bytes_, version_, bytes_.size() + added_bytes);
  uint32_t inserted = 0;
  std::set<std::string, std::less<>> touched;  // paths whose folders' cached trees no longer hold
  size_t next = 0;

  const auto insert = [&](const IndexChange& change, size_t at, std::string_view last_path) {
    if (change.in_tip || blocked[static_cast<size_t>(&change - changes.data())]) {
      merge.kept.push_back(change.path);  // staged for deletion, or something else in its place
      return false;
    }
    writer.copy_until(at, last_path);
    writer.put(change.path, change.value, change.stat.value_or(IndexStat{}), 0, 0);
    touched.insert(change.path);
    ++inserted;
    return true;
  };

  Cursor cursor(bytes_, version_, entry_count_);
  while (cursor.next()) {
    bool name_stale = false;  // version 4: the entry before this one is not the old one any more
    while (next < changes.size() && changes[next].path < cursor.path()) {
      name_stale |= insert(changes[next++], cursor.begin(), cursor.previous_path());
    }
    const bool ours = next < changes.size() && changes[next].path == cursor.path();
    if (!ours) {
      if (name_stale && version_ == 4) writer.put_again(cursor);
      if (next == changes.size() && !name_stale) break;  // the rest is copied as it is
      continue;
    }
    const IndexChange& change = changes[next++];
    const bool is_new = cursor.value() == change.value;
    const bool intent_to_add = (cursor.extended_flags() & kIntentToAdd) != 0;
    const bool is_old = (change.in_tip ? cursor.value() == *change.in_tip : intent_to_add) ||
                        cursor.value() == change.also_ours;
    if (!is_new && !is_old) merge.kept.push_back(change.path);
    const bool restat = is_new && change.stat && *change.stat != cursor.stat();
    if ((is_old && !is_new) || restat || (is_new && intent_to_add)) {
      writer.copy_until(cursor.begin(), cursor.previous_path());
      writer.put(change.path, change.value, change.stat.value_or(IndexStat{}), cursor.flags(),
                 cursor.extended_flags() & static_cast<uint16_t>(~kIntentToAdd));
      writer.skip_until(cursor.end());
      merge.changed = true;
      if (!is_new || intent_to_add) touched.insert(change.path);
    } else if (name_stale && version_ == 4) {
      writer.put_again(cursor);
    }
  }
  std::string last_path;
  if (version_ == 4 && next < changes.size()) last_path = cursor.path();
  while (next < changes.size()) insert(changes[next++], entries_end_, last_path);
  writer.copy_until(entries_end_, last_path);
  merge.changed |= inserted != 0;
  if (!merge.changed) {
    merge.bytes = bytes_;
    return merge;
  }

  std::string& out = writer.bytes();
  const uint32_t count = std::byteswap(entry_count_ + inserted);
  out.replace(8, 4, reinterpret_cast<const char*>(&count), 4);
  std::string_view rest = std::string_view(bytes_).substr(entries_end_);
  while (rest.size() > kTrailerBytes) {
    const std::string_view name = rest.substr(0, 4);
    const std::string_view body = rest.substr(8, load_be32(rest.data() + 4));
    rest.remove_prefix(8 + body.size());
    std::optional<std::string> kept;
    if (name == "REUC") kept = std::string(body);
    if (name == "TREE") kept = invalidate_cache_tree(body, touched);
    if (!kept) continue;
    out.append(name);
    put_be32(out, static_cast<uint32_t>(kept->size()));
    out.append(*kept);
  }
  out.append(hashed_ ? sha1(out) : std::string(kTrailerBytes, '\0'));
  merge.bytes = std::move(out);
  return merge;
}

}  // namespace syncline
