#include "sync/git/pack_writer.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <limits>
#include <new>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "sync/git/git_paths.h"

namespace syncline {
namespace {

constexpr int kDeflateLevel = 1;
constexpr size_t kPackHeaderBytes = 12;
// Offsets above need the index's 8-byte table, which a batch never comes near.
constexpr size_t kPackBytesMax = 0x7fffffff;

void append_be32(ByteVector& out, uint32_t value) {
  const uint32_t swapped = std::byteswap(value);
  const auto bytes = std::bit_cast<std::array<std::byte, 4>>(swapped);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append(ByteVector& out, ByteSpan bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Type and size: 4 bits of the size in the first byte, 7 in each that follows.
void append_object_header(ByteVector& out, ObjectType type, uint64_t size_bytes) {
  uint8_t byte = static_cast<uint8_t>((static_cast<uint8_t>(type) << 4) | (size_bytes & 15));
  size_bytes >>= 4;
  while (size_bytes != 0) {
    out.push_back(std::byte(byte | 0x80));
    byte = size_bytes & 0x7f;
    size_bytes >>= 7;
  }
  out.push_back(std::byte(byte));
}

std::string in_pack_directory(std::string_view name) {
  return fmt::format("{}/{}", kPackDirectory, name);
}

std::string keep_text(std::string_view owner) {
  return fmt::format("syncline {}\n", owner);
}

Status write_synced(Directory& directory, const std::string& name, ByteSpan content) {
  TRY_ASSIGN(const std::unique_ptr<File> file,
             directory.open_file(name, {.write = true, .create = true}));
  // A process that died here may have left a longer one.
  TRY(file->truncate(0));
  TRY(file->write_at(0, content));
  TRY(file->sync_data());
  return file->close();
}

Result<bool> is_there(Directory& directory, const std::string& name) {
  const Result<FileInfo> info = directory.info(name);
  if (info) return true;
  if (info.error().code == Code::kNotFound) return false;
  return info.error();
}

// Whether the .keep is there and says it is of this owner.
Result<bool> is_kept_by(Directory& directory, const std::string& keep, std::string_view owner) {
  const Result<std::string> text = read_file(directory, keep, 4096);
  if (text) return *text == keep_text(owner);
  if (text.error().code == Code::kNotFound) return false;
  return text.error();
}

}  // namespace

PackWriter::PackWriter() : compressor_(libdeflate_alloc_compressor(kDeflateLevel)) {
  if (compressor_ == nullptr) throw std::bad_alloc();
  reset();
}

PackWriter::~PackWriter() {
  libdeflate_free_compressor(compressor_);
}

void PackWriter::reset() {
  pack_.assign(kPackHeaderBytes, std::byte{0});
  index_.clear();
  entries_.clear();
  offsets_.clear();
  name_.clear();
}

Result<ObjectId> PackWriter::add(ObjectType type, std::string_view content) {
  SYNCLINE_ASSERT(name_.empty());
  const ObjectId id = hash_object(type, content);
  const size_t start = pack_.size();
  const size_t bound = libdeflate_zlib_compress_bound(compressor_, content.size());
  if (content.size() > kPackBytesMax || start + bound + 64 > kPackBytesMax) {
    return make_error(Code::kUnsupported, "a batch of more than 2 GiB of objects",
                      "lower the batch limits");
  }
  if (!offsets_.emplace(id, static_cast<uint32_t>(start)).second) return id;
  append_object_header(pack_, type, content.size());
  const size_t data = pack_.size();
  pack_.resize(data + bound);
  const size_t deflated = libdeflate_zlib_compress(compressor_, content.data(), content.size(),
                                                   pack_.data() + data, bound);
  SYNCLINE_ASSERT(deflated != 0);
  pack_.resize(data + deflated);
  const uint32_t crc = libdeflate_crc32(0, pack_.data() + start, pack_.size() - start);
  entries_.push_back({id, crc, static_cast<uint32_t>(start)});
  return id;
}

PackWriter::Image PackWriter::finish() {
  if (!name_.empty()) return {name_, pack_, index_};
  ByteVector header;
  append(header, as_bytes("PACK"));
  append_be32(header, 2);
  append_be32(header, static_cast<uint32_t>(entries_.size()));
  std::ranges::copy(header, pack_.begin());
  Sha1 pack_sha1;
  pack_sha1.update(pack_);
  const ObjectId pack_checksum = pack_sha1.finish();
  append(pack_, pack_checksum.bytes);

  std::ranges::sort(entries_, {}, &Entry::id);
  index_.reserve(8 + 256 * 4 + entries_.size() * 28 + 40);
  append(index_, as_bytes("\377tOc"));
  append_be32(index_, 2);
  size_t counted = 0;
  for (unsigned first_byte = 0; first_byte < 256; ++first_byte) {
    while (counted < entries_.size() &&
           std::to_integer<unsigned>(entries_[counted].id.bytes[0]) <= first_byte) {
      ++counted;
    }
    append_be32(index_, static_cast<uint32_t>(counted));
  }
  for (const Entry& entry : entries_) append(index_, entry.id.bytes);
  for (const Entry& entry : entries_) append_be32(index_, entry.crc);
  for (const Entry& entry : entries_) append_be32(index_, entry.offset);
  append(index_, pack_checksum.bytes);
  Sha1 index_sha1;
  index_sha1.update(index_);
  append(index_, index_sha1.finish().bytes);

  name_ = "pack-" + pack_checksum.hex();
  return {name_, pack_, index_};
}

Result<std::string> PackWriter::install(Directory& common_dir, std::string_view owner) {
  const Image image = finish();
  std::string name = image.name;
  while (true) {
    const std::string base = in_pack_directory(name);
    TRY_ASSIGN(const bool pack_there, is_there(common_dir, base + ".pack"));
    if (!pack_there) break;
    TRY_ASSIGN(const bool kept, is_kept_by(common_dir, base + ".keep", owner));
    if (kept) {
      TRY_ASSIGN(const bool index_there, is_there(common_dir, base + ".idx"));
      if (!index_there) break;
      // Its files were synced before they got these names; the names may not have been.
      TRY(common_dir.sync_directory(kPackDirectory));
      return name;
    }
    Sha1 other;
    other.update(name);
    name = "pack-" + other.finish().hex();
  }
  const std::string base = in_pack_directory(name);
  const std::string hidden = in_pack_directory(fmt::format(".syncline-{}", owner));
  const std::string keep = keep_text(owner);
  TRY(write_synced(common_dir, hidden + ".new-keep", as_bytes(keep)));
  TRY(write_synced(common_dir, hidden + ".new-pack", image.pack));
  TRY(write_synced(common_dir, hidden + ".new-index", image.index));
  TRY(common_dir.rename(hidden + ".new-keep", base + ".keep"));
  TRY(common_dir.rename(hidden + ".new-pack", base + ".pack"));
  TRY(common_dir.rename(hidden + ".new-index", base + ".idx"));
  TRY(common_dir.sync_directory(kPackDirectory));
  return name;
}

Status drop_keep(Directory& common_dir, std::string_view pack_name) {
  return remove_if_there(common_dir, in_pack_directory(fmt::format("{}.keep", pack_name)));
}

Status drop_stale_keeps(Directory& common_dir, std::string_view owner) {
  TRY_ASSIGN(const std::vector<std::string> names, common_dir.list(kPackDirectory));
  for (const std::string& name : names) {
    if (!name.ends_with(".keep")) continue;
    TRY_ASSIGN(const bool ours, is_kept_by(common_dir, in_pack_directory(name), owner));
    if (!ours) continue;
    TRY(drop_keep(common_dir, std::string_view(name).substr(0, name.size() - 5)));
  }
  return {};
}

}  // namespace syncline
