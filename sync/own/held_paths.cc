#include "sync/own/held_paths.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "journal/base/bytes.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/frame.h"
#include "journal/os/whole_file.h"

namespace syncline {
namespace {

// The version is part of it: a list of another version is not understood, and is not guessed at.
constexpr std::string_view kHeldPathsMagic{"SYNCLIG1", 8};

ByteVector encode(const HeldPaths& held, const StoreId& store) {
  ByteVector bytes;
  ByteWriter writer(bytes);
  writer.raw(as_bytes(kHeldPathsMagic));
  writer.raw(store.bytes);
  writer.u64(held.size());
  for (const auto& [path, entry] : held) {
    writer.string(path);
    writer.u64(entry.removed_up_to);
    writer.u8(entry.is_retracted ? 1 : 0);
  }
  writer.u64(hash_payload(bytes));
  return bytes;
}

std::optional<HeldPaths> decode(ByteSpan bytes, const StoreId& store) {
  if (bytes.size() < sizeof(uint64_t)) return std::nullopt;
  const ByteSpan content = bytes.first(bytes.size() - sizeof(uint64_t));
  if (load_le<uint64_t>(bytes.data() + content.size()) != hash_payload(content)) {
    return std::nullopt;
  }
  ByteReader reader(content);
  if (as_text(reader.raw(kHeldPathsMagic.size())) != kHeldPathsMagic) return std::nullopt;
  if (!std::ranges::equal(reader.raw(store.bytes.size()), store.bytes)) return std::nullopt;
  HeldPaths held;
  const uint64_t count = reader.u64();
  for (uint64_t i = 0; i < count && !reader.finished(); ++i) {
    std::string path(reader.string());
    HeldPath entry;
    entry.removed_up_to = reader.u64();
    entry.is_retracted = reader.u8() != 0;
    held.emplace_hint(held.end(), std::move(path), entry);
  }
  if (!reader.finished() || held.size() != count) return std::nullopt;
  return held;
}

}  // namespace

Result<HeldPaths> load_held_paths(Directory& store_directory, const StoreId& store) {
  const Result<std::string> text = read_file(store_directory, kHeldPathsFile);
  if (!text && text.error().code == Code::kNotFound) return HeldPaths();
  if (!text) return text.error();
  std::optional<HeldPaths> held = decode(as_bytes(*text), store);
  if (held) return std::move(*held);
  return make_error(Code::kCorrupt,
                    ".git/syncline/ignored, the list of records left out of the branch because "
                    "the repository ignores their paths, is damaged",
                    "put it back from a backup, or remove it: what the repository ignores then "
                    "counts as removed from the branch by a person");
}

Status save_held_paths(Directory& store_directory, const StoreId& store, const HeldPaths& held) {
  TRY(remove_temporaries(store_directory, kHeldPathsFile));
  return replace_file(store_directory, kHeldPathsFile, encode(held, store));
}

bool is_held(const HeldPaths& held, uint64_t seq, std::string_view path) {
  const auto found = held.find(path);
  return found != held.end() && seq > found->second.removed_up_to;
}

uint64_t count_held(const HeldPaths& held) {
  return static_cast<uint64_t>(
      std::ranges::count_if(held, [](const auto& each) { return !each.second.is_retracted; }));
}

}  // namespace syncline
