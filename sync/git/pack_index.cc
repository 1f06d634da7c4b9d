#include "sync/git/pack_index.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kPackIndexHeaderBytes = 8;
constexpr size_t kNamesAt = kPackIndexHeaderBytes + size_t{256} * 4;
constexpr size_t kChecksumBytes = 20;
// A name, a checksum and an offset for each object; then the checksums of the pack and of itself.
constexpr uint64_t kEntryBytes = 20 + 4 + 4;
constexpr uint64_t kPackIndexTrailerBytes = 2 * kChecksumBytes;

uint32_t be32(const std::byte* from) {
  return std::byteswap(load_le<uint32_t>(from));
}

Error not_a_pack(const std::string& base) {
  return make_error(Code::kUnsupported, base + " is not a pack and its index of version 2");
}

Status read_exactly(File& file, uint64_t offset, MutableByteSpan into, const std::string& base) {
  TRY_ASSIGN(const size_t count, file.read_at(offset, into));
  if (count != into.size()) return not_a_pack(base);
  return {};
}

Result<std::vector<ObjectId>> read_names(File& file, uint32_t first, uint32_t count,
                                         const std::string& base) {
  static_assert(sizeof(ObjectId) == kChecksumBytes);
  std::vector<ObjectId> names(count);
  TRY(read_exactly(file, kNamesAt + uint64_t{first} * sizeof(ObjectId),
                   std::as_writable_bytes(std::span(names)), base));
  return names;
}

}  // namespace

Result<PackIndex> PackIndex::open(Directory& common_dir, std::string base) {
  PackIndex index(common_dir, std::move(base));
  TRY_ASSIGN(const std::unique_ptr<File> file, common_dir.open_file(index.base_ + ".idx", {}));
  std::array<std::byte, kNamesAt> head;
  TRY(read_exactly(*file, 0, head, index.base_));
  if (as_text(ByteSpan(head).first(4)) != "\377tOc" || be32(&head[4]) != 2) {
    return not_a_pack(index.base_);
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    index.upto_[byte] = be32(&head[kPackIndexHeaderBytes + byte * 4]);
  }
  TRY_ASSIGN(const FileInfo info, file->info());
  if (!std::ranges::is_sorted(index.upto_) ||
      info.size_bytes < kNamesAt + index.count() * kEntryBytes + kPackIndexTrailerBytes) {
    return not_a_pack(index.base_);
  }
  std::array<std::byte, kChecksumBytes> of_pack;
  TRY(read_exactly(*file, info.size_bytes - kPackIndexTrailerBytes, of_pack, index.base_));

  TRY_ASSIGN(const std::unique_ptr<File> pack, common_dir.open_file(index.base_ + ".pack", {}));
  std::array<std::byte, 12> pack_head;
  TRY(read_exactly(*pack, 0, pack_head, index.base_));
  TRY_ASSIGN(const FileInfo pack_info, pack->info());
  std::array<std::byte, kChecksumBytes> trailer;
  if (pack_info.size_bytes < sizeof(pack_head) + sizeof(trailer)) return not_a_pack(index.base_);
  TRY(read_exactly(*pack, pack_info.size_bytes - sizeof(trailer), trailer, index.base_));
  if (as_text(ByteSpan(pack_head).first(4)) != "PACK" || be32(&pack_head[8]) != index.count() ||
      trailer != of_pack) {
    return not_a_pack(index.base_);
  }
  return index;
}

Result<std::vector<ObjectId>> PackIndex::names(uint32_t first, uint32_t count_max) const {
  if (first >= count()) return std::vector<ObjectId>{};
  TRY_ASSIGN(const std::unique_ptr<File> file, common_dir_->open_file(base_ + ".idx", {}));
  return read_names(*file, first, std::min(count_max, count() - first), base_);
}

Result<bool> PackIndex::strike_out(std::vector<ObjectId>& sorted) const {
  TRY_ASSIGN(const std::unique_ptr<File> file, common_dir_->open_file(base_ + ".idx", {}));
  std::vector<ObjectId> left;
  for (size_t at = 0; at < sorted.size();) {
    const auto byte = std::to_integer<uint8_t>(sorted[at].bytes[0]);
    const uint32_t first = byte == 0 ? 0 : upto_[byte - 1u];
    TRY_ASSIGN(const std::vector<ObjectId> here,
               read_names(*file, first, upto_[byte] - first, base_));
    for (; at < sorted.size() && std::to_integer<uint8_t>(sorted[at].bytes[0]) == byte; ++at) {
      if (!std::ranges::binary_search(here, sorted[at])) left.push_back(sorted[at]);
    }
  }
  const bool any = left.size() < sorted.size();
  sorted = std::move(left);
  return any;
}

Status PackIndex::make_durable() const {
  for (const char* const part : {".pack", ".idx"}) {
    TRY_ASSIGN(const std::unique_ptr<File> file, common_dir_->open_file(base_ + part, {}));
    TRY(file->sync_data());
  }
  return {};
}

}  // namespace syncline
