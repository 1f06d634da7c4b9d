#include "tests/simulation/object_reader.h"

#include <fmt/format.h>
#include <libdeflate.h>

#include <charconv>
#include <cstring>

#include "journal/base/try.h"
#include "sync/git/sha1.h"

namespace syncline::simulation {

namespace {

constexpr size_t kIdBytes = 20;
constexpr size_t kFanoutAt = 8;
constexpr size_t kIdsAt = kFanoutAt + 256 * 4;
constexpr uint64_t kObjectBytesMax = 64u << 20;

Error damaged(std::string_view what) {
  return make_error(Code::kCorrupt, fmt::format("damaged object: {}", what));
}

uint32_t be32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return std::byteswap(value);
}

// Inflates a zlib stream that ends somewhere before `from` does.
Result<std::string> inflate(std::string_view from, size_t bytes) {
  thread_local const std::unique_ptr<libdeflate_decompressor,
                                     decltype(&libdeflate_free_decompressor)>
      decompressor(libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  std::string into(bytes, '\0');
  size_t used = 0;
  if (libdeflate_zlib_decompress_ex(decompressor.get(), from.data(), from.size(), into.data(),
                                    into.size(), &used, nullptr) != LIBDEFLATE_SUCCESS) {
    return damaged("it does not inflate to the size it names");
  }
  return into;
}

// Where `id` is in the pack, by its index.
Result<std::optional<uint32_t>> find_offset(const std::string& index, const ObjectId& id) {
  if (index.size() < kIdsAt + 40 || !index.starts_with("\377tOc") || be32(index, 4) != 2) {
    return damaged("a pack's index");
  }
  const size_t count = be32(index, kIdsAt - 4);
  if (index.size() != kIdsAt + count * (kIdBytes + 8) + 40) return damaged("a pack's index");
  const auto first_byte = std::to_integer<size_t>(id.bytes[0]);
  size_t low = first_byte == 0 ? 0 : be32(index, kFanoutAt + (first_byte - 1) * 4);
  size_t high = be32(index, kFanoutAt + first_byte * 4);
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const int order =
        std::memcmp(id.bytes.data(), index.data() + kIdsAt + middle * kIdBytes, kIdBytes);
    if (order == 0) return be32(index, kIdsAt + count * (kIdBytes + 4) + middle * 4);
    (order < 0 ? high : low) = order < 0 ? middle : middle + 1;
  }
  return std::optional<uint32_t>();
}

Result<Object> unpack(std::string_view pack, size_t at) {
  if (at >= pack.size()) return damaged("an offset past its pack's end");
  auto byte = static_cast<uint8_t>(pack[at++]);
  const int type = (byte >> 4) & 7;
  uint64_t size = byte & 15;
  for (int shift = 4; (byte & 0x80) != 0; shift += 7) {
    if (at >= pack.size() || shift > 32) return damaged("the header of a packed object");
    byte = static_cast<uint8_t>(pack[at++]);
    size |= uint64_t{byte & 0x7fu} << shift;
  }
  if (type < 1 || type > 4) return make_error(Code::kUnsupported, "a packed object is a delta");
  if (size > kObjectBytesMax) return damaged("the size of a packed object");
  TRY_ASSIGN(std::string content, inflate(pack.substr(at), size));
  return Object{static_cast<ObjectType>(type), std::move(content)};
}

// "blob 12\0…" of a loose object.
Result<Object> parse_loose(const std::string& file) {
  constexpr size_t kHeaderBytesMax = 32;
  // The size is inside: inflate into more and more room.
  Result<std::string> whole = damaged("empty");
  std::string inflated;
  for (size_t room = file.size() * 4 + kHeaderBytesMax; room <= kObjectBytesMax; room *= 4) {
    inflated.resize(room);
    libdeflate_decompressor* const decompressor = libdeflate_alloc_decompressor();
    size_t made = 0;
    const libdeflate_result result = libdeflate_zlib_decompress(
        decompressor, file.data(), file.size(), inflated.data(), room, &made);
    libdeflate_free_decompressor(decompressor);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) continue;
    if (result != LIBDEFLATE_SUCCESS) return damaged("a loose object does not inflate");
    inflated.resize(made);
    break;
  }
  const size_t space = inflated.find(' ');
  const size_t end = inflated.find('\0');
  if (space == std::string::npos || end == std::string::npos || space > end) {
    return damaged("the header of a loose object");
  }
  uint64_t size = 0;
  std::from_chars(inflated.data() + space + 1, inflated.data() + end, size);
  if (size != inflated.size() - end - 1) return damaged("the size of a loose object");
  const std::string_view name(inflated.data(), space);
  for (const ObjectType type :
       {ObjectType::kCommit, ObjectType::kTree, ObjectType::kBlob, ObjectType::kTag}) {
    if (object_type_name(type) == name) return Object{type, inflated.substr(end + 1)};
  }
  return damaged("the type of a loose object");
}

}  // namespace

Result<bool> DirectoryObjectReader::list_packs() {
  const Result<std::vector<std::string>> names = objects_->list("pack");
  if (!names) {
    if (names.error().code == Code::kNotFound) return false;
    return names.error();
  }
  bool grown = false;
  for (const std::string& name : *names) {
    if (!name.starts_with("pack-") || !name.ends_with(".idx")) continue;
    std::string base = name.substr(0, name.size() - 4);
    if (packs_.contains(base)) continue;
    // Git passes over an index whose pack is not there: a power cut may keep the one name alone.
    if (const auto pack = objects_->info("pack/" + base + ".pack"); !pack) {
      if (pack.error().code == Code::kNotFound) continue;
      return pack.error();
    }
    TRY_ASSIGN(std::string index, read_file(*objects_, "pack/" + name));
    packs_[std::move(base)].index = std::move(index);
    grown = true;
  }
  return grown;
}

Result<std::optional<Object>> DirectoryObjectReader::read_packed(const ObjectId& id) {
  for (auto& [name, pack] : packs_) {
    TRY_ASSIGN(const std::optional<uint32_t> offset, find_offset(pack.index, id));
    if (!offset) continue;
    if (pack.pack.empty()) {
      TRY_ASSIGN(pack.pack, read_file(*objects_, "pack/" + name + ".pack"));
    }
    TRY_ASSIGN(Object object, unpack(pack.pack, *offset));
    return std::optional<Object>(std::move(object));
  }
  return std::optional<Object>();
}

Result<std::optional<Object>> DirectoryObjectReader::read_loose(const ObjectId& id) {
  const std::string hex = id.hex();
  const Result<std::string> file = read_file(*objects_, hex.substr(0, 2) + "/" + hex.substr(2));
  if (!file) {
    if (file.error().code == Code::kNotFound) return std::optional<Object>();
    return file.error();
  }
  TRY_ASSIGN(Object object, parse_loose(*file));
  return std::optional<Object>(std::move(object));
}

Result<std::optional<Object>> DirectoryObjectReader::read(const ObjectId& id) {
  TRY_ASSIGN(std::optional<Object> found, read_packed(id));
  if (!found) {
    TRY_ASSIGN(found, read_loose(id));
  }
  if (!found) {
    TRY_ASSIGN(const bool grown, list_packs());
    if (!grown) return std::optional<Object>();
    TRY_ASSIGN(found, read_packed(id));
  }
  if (found && hash_object(found->type, found->bytes) != id) {
    return damaged(id.hex() + " holds other bytes");
  }
  return found;
}

}  // namespace syncline::simulation
