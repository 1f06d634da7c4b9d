#include "sync/git/index_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "journal/base/try.h"
#include "sync/git/index_cursor.h"
#include "sync/git/index_format.h"

namespace syncline {
namespace {

using namespace index_format;

constexpr uint64_t kIndexBytesMax = 4ull << 30;

std::string empty_index() {
  std::string bytes = "DIRC";
  put_be32(bytes, 2);
  put_be32(bytes, 0);
  Sha1 hash;
  hash.update(bytes);
  bytes.append(as_text(hash.finish().bytes));
  return bytes;
}

// What waits for it tells the message alone, so the way out stands there.
Error not_handled(const std::string& what, std::string_view way_out) {
  std::string message = fmt::format("the git index {}, which is not handled", what);
  if (!way_out.empty()) message += fmt::format(": `{}` makes it one that is", way_out);
  return make_error(Code::kUnsupported, std::move(message));
}

// That a required extension is there; nothing where `name` is optional.
Status check_extension(std::string_view name) {
  if (name[0] >= 'A' && name[0] <= 'Z') return {};
  if (name == "link") {
    return not_handled("is a split index", "git update-index --no-split-index");
  }
  if (name == "sdir") {
    return not_handled("is a sparse index", "git sparse-checkout reapply --no-sparse-index");
  }
  return not_handled(fmt::format("needs the extension {}", name), "");
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

IndexFile::IndexFile() : bytes_(IndexBytes::of(empty_index())) {
  entries_end_ = kHeaderBytes;
  trailer_ = empty_index().substr(kHeaderBytes);
}

Result<IndexFile> IndexFile::open(Directory& git_dir) {
  TRY_ASSIGN(std::unique_ptr<File> opened, git_dir.open_file(kIndexName, {}));
  const std::shared_ptr<File> file = std::move(opened);
  TRY_ASSIGN(const FileInfo info, file->info());
  if (info.size_bytes > kIndexBytesMax) {
    return make_error(Code::kInvalid,
                      fmt::format("{}/{} is {} bytes long, more than the {} allowed",
                                  git_dir.path(), kIndexName, info.size_bytes, kIndexBytesMax));
  }
  IndexBytes bytes{.read_at = [file](uint64_t offset,
                                     MutableByteSpan into) { return file->read_at(offset, into); },
                   .size = info.size_bytes};
  if (bytes.size > bytes.piece_bytes) return read(std::move(bytes));
  std::string whole;
  TRY(bytes.append_to(whole, 0, static_cast<size_t>(bytes.size)));
  return parse(std::move(whole));
}

Result<IndexFile> IndexFile::read(IndexBytes bytes) {
  IndexFile index;
  index.bytes_ = std::move(bytes);
  const uint64_t size = index.bytes_.size;
  if (size < kHeaderBytes + kTrailerBytes) return damaged("it is too short");
  index.trailer_.clear();
  TRY(index.bytes_.append_to(index.trailer_, size - kTrailerBytes, kTrailerBytes));
  index.hashed_ = index.trailer_ != std::string(kTrailerBytes, '\0');

  Sha1 hash;
  IndexWindow window(index.bytes_, 0, size - kTrailerBytes, &hash);
  TRY_ASSIGN(const std::string_view head, window.from(0, kHeaderBytes));
  if (!head.starts_with("DIRC")) return damaged("it does not begin with DIRC");
  index.version_ = load_be32(head.data() + 4);
  index.entry_count_ = load_be32(head.data() + 8);
  if (index.version_ < 2 || index.version_ > 4) {
    return not_handled(fmt::format("has version {}", index.version_),
                       "git update-index --index-version 2");
  }
  const Status structure = index.take_structure(window);
  const bool was_read = structure || structure.error().code == Code::kCorrupt ||
                        structure.error().code == Code::kUnsupported;
  if (index.hashed_ && was_read) {
    // What the bytes say, they say only under a checksum that holds.
    TRY(window.from(size - kTrailerBytes, 0));
    if (as_text(hash.finish().bytes) != index.trailer_) {
      return damaged("its checksum does not hold");
    }
  }
  TRY(structure);
  return index;
}

// Walks all that stands between header and trailer: entries, then extensions.
Status IndexFile::take_structure(IndexWindow& window) {
  IndexCursor cursor(window, version_, entry_count_);
  std::string last_path;
  uint8_t last_stage = 0;
  // A split index has entries without names, in an order of their own; its extension says so first.
  bool in_order = true;
  while (cursor.next()) {
    const int order = cursor.path().compare(last_path);
    if (order < 0 || (order == 0 && cursor.stage() <= last_stage)) in_order = false;
    last_path = cursor.path();
    last_stage = cursor.stage();
    if (last_stage != 0) has_conflicts_ = true;
  }
  TRY(cursor.status());
  entries_end_ = cursor.end();

  const uint64_t end = bytes_.size - kTrailerBytes;
  for (uint64_t at = entries_end_; at < end;) {
    TRY_ASSIGN(const std::string_view head, window.from(at, kExtensionHeaderBytes));
    if (head.size() < kExtensionHeaderBytes) return damaged("an extension is cut off");
    const uint64_t next = at + kExtensionHeaderBytes + load_be32(head.data() + 4);
    if (next > end) return damaged("an extension is cut off");
    TRY(check_extension(head.substr(0, 4)));
    at = next;
  }
  if (!in_order) return damaged("its entries are not in order");
  return {};
}

Status IndexFile::for_each(const std::function<Status(const IndexEntry&)>& visit) const {
  IndexWindow window(bytes_, kHeaderBytes, entries_end_);
  IndexCursor cursor(window, version_, entry_count_);
  while (cursor.next()) {
    TRY(visit({.path = cursor.path(),
               .value = cursor.value(),
               .stat = cursor.stat(),
               .stage = cursor.stage(),
               .assume_valid = (cursor.flags() & kAssumeValid) != 0,
               .skip_worktree = (cursor.extended_flags() & kSkipWorktree) != 0,
               .intent_to_add = (cursor.extended_flags() & kIntentToAdd) != 0}));
  }
  return cursor.status();
}

Status IndexFile::copy(const IndexSink& sink) const {
  std::string piece;
  for (uint64_t at = 0; at < bytes_.size; at += piece.size()) {
    piece.clear();
    TRY(bytes_.append_to(
        piece, at, static_cast<size_t>(std::min<uint64_t>(bytes_.piece_bytes, bytes_.size - at))));
    TRY(sink(piece));
  }
  return {};
}

Result<WholeIndexMerge> IndexFile::merge_whole(std::span<const IndexChange> changes) const {
  WholeIndexMerge whole;
  const IndexSink sink = [&whole](std::string_view piece) -> Status {
    whole.bytes += piece;
    return {};
  };
  TRY_ASSIGN(static_cast<IndexMerge&>(whole), merge(changes, sink));
  if (!whole.changed) TRY(copy(sink));
  return whole;
}

}  // namespace syncline
