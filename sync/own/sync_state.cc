#include "sync/own/sync_state.h"

#include <algorithm>

#include "journal/base/layout.h"
#include "journal/log/frame.h"

namespace syncline {
namespace {

// The version is part of the magic: a cache of another version is simply rebuilt.
constexpr std::string_view kMagic{"SYNCLST1", 8};

void write_mark(ByteWriter& writer, const Mark& mark) {
  writer.u64(mark.position.segment);
  writer.u64(mark.position.offset);
  writer.u64(mark.seq);
}

Mark read_mark(ByteReader& reader) {
  Mark mark;
  mark.position.segment = reader.u64();
  mark.position.offset = reader.u64();
  mark.seq = reader.u64();
  return mark;
}

ObjectId read_id(ByteReader& reader) {
  ObjectId id;
  const ByteSpan bytes = reader.raw(id.bytes.size());
  std::ranges::copy(bytes, id.bytes.begin());
  return id;
}

}  // namespace

ByteVector encode(const SyncState& state, const StoreId& store) {
  ByteVector bytes;
  ByteWriter writer(bytes);
  writer.raw(as_bytes(kMagic));
  writer.raw(store.bytes);
  writer.u64(state.committed);
  writer.raw(state.own_commit.bytes);
  write_mark(writer, state.records);
  write_mark(writer, state.scanned);
  writer.u64(state.published);
  writer.string(state.branch);
  writer.raw(state.branch_commit.bytes);
  writer.u64(hash_payload(bytes));
  return bytes;
}

std::optional<SyncState> decode_sync_state(ByteSpan bytes, const StoreId& store) {
  if (bytes.size() < sizeof(uint64_t)) return std::nullopt;
  const ByteSpan content = bytes.first(bytes.size() - sizeof(uint64_t));
  if (load_le<uint64_t>(bytes.data() + content.size()) != hash_payload(content))
    return std::nullopt;
  ByteReader reader(content);
  if (as_text(reader.raw(kMagic.size())) != kMagic) return std::nullopt;
  if (!std::ranges::equal(reader.raw(store.bytes.size()), store.bytes)) return std::nullopt;
  SyncState state;
  state.committed = reader.u64();
  state.own_commit = read_id(reader);
  state.records = read_mark(reader);
  state.scanned = read_mark(reader);
  state.published = reader.u64();
  state.branch = reader.string();
  state.branch_commit = read_id(reader);
  if (!reader.finished()) return std::nullopt;
  return state;
}

Result<std::optional<SyncState>> load_sync_state(Directory& store_directory, const StoreId& store) {
  const Result<std::string> text = read_file(store_directory, kSyncStateFile, 64u << 10);
  if (text) return decode_sync_state(as_bytes(*text), store);
  if (text.error().code == Code::kNotFound) return std::optional<SyncState>();
  return text.error();
}

Status save_sync_state(Directory& store_directory, const StoreId& store, const SyncState& state) {
  return replace_file(store_directory, kSyncStateFile, encode(state, store), /*durable=*/false);
}

}  // namespace syncline
