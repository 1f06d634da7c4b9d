#include "journal/contents/kept_keys.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "journal/base/assert.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "journal/record/row_id.h"

namespace syncline {
namespace {

constexpr std::string_view kKeptKeysMagic{"SYNCLK1\n", 8};
constexpr std::string_view kSuffix = ".keys";
constexpr uint64_t kFileBytesMax = uint64_t{1} << 32;
constexpr size_t kChecksumBytes = 8;

enum class Fate : uint8_t { kPlain = 0, kRebound = 1, kSetAside = 2 };

void write_record(ByteWriter& writer, const KeptRecord& record) {
  writer.u64(record.seq);
  writer.u64(record.id);
  writer.i64(record.time_ms);
  writer.string(record.key);
  writer.string(as_text(content_hash_bytes(record.content_hash)));
  writer.string(record.kind);
  writer.string(record.table);
  writer.string(record.path);
  const Fate fate = !record.set_aside.empty() ? Fate::kSetAside
                    : record.rebound          ? Fate::kRebound
                                              : Fate::kPlain;
  writer.u8(static_cast<uint8_t>(fate));
  if (fate == Fate::kSetAside) writer.string(record.set_aside);
}

// False where it is none that was ever written.
bool read_record(ByteReader& reader, KeptRecord& record) {
  record.seq = reader.u64();
  record.id = reader.u64();
  record.time_ms = reader.i64();
  record.key = reader.string();
  const auto hash = content_hash_of(as_bytes(reader.string()));
  if (hash) record.content_hash = *hash;
  record.kind = reader.string();
  record.table = reader.string();
  record.path = reader.string();
  const auto fate = static_cast<Fate>(reader.u8());
  record.rebound = fate == Fate::kRebound;
  if (fate == Fate::kSetAside) record.set_aside = reader.string();
  return reader.ok() && hash && !record.key.empty() && fate <= Fate::kSetAside &&
         record.set_aside.empty() == (fate != Fate::kSetAside);
}

}  // namespace

std::string kept_keys_name(uint64_t segment) {
  return fmt::format("{:016x}{}", segment, kSuffix);
}

KeptRecord make_kept_record(Intent intent, uint64_t seq, uint64_t id, int64_t time_ms,
                            const Outcome* outcome) {
  const EffectIds ids(id, outcome);
  KeptRecord record{.seq = seq, .id = ids.row, .time_ms = time_ms};
  record.path = render(intent.path, {.id = ids.file, .time_ms = time_ms, .path = {}});
  record.key = std::move(intent.key);
  record.content_hash = intent.content_hash;
  record.kind = std::move(intent.kind);
  record.table = std::move(intent.table);
  record.rebound = outcome != nullptr && outcome->kind == Outcome::Kind::kRebind;
  if (outcome != nullptr && outcome->is_set_aside()) record.set_aside = outcome->reason;
  return record;
}

ByteVector encode_kept_keys(const StoreId& store, const KeptKeys& kept) {
  SYNCLINE_ASSERT(kept.first_seq >= 1 && kept.last_seq + 1 >= kept.first_seq);
  ByteVector bytes;
  ByteWriter writer(bytes);
  writer.raw(as_bytes(kKeptKeysMagic));
  writer.raw(store.bytes);
  writer.u64(kept.segment);
  writer.u64(kept.first_seq);
  writer.u64(kept.last_seq);
  writer.u32(static_cast<uint32_t>(kept.last_ids.size()));
  for (const auto& [table, id] : kept.last_ids) {
    writer.string(table);
    writer.u64(id);
  }
  writer.u32(static_cast<uint32_t>(kept.records.size()));
  for (const KeptRecord& record : kept.records) write_record(writer, record);
  writer.u64(XXH3_64bits(bytes.data(), bytes.size()));
  return bytes;
}

Result<KeptKeys> decode_kept_keys(const StoreId& store, uint64_t segment, ByteSpan bytes) {
  const Error damaged =
      make_error(Code::kDisagree,
                 fmt::format("journal/{}, which keeps the keys of trimmed records, is damaged",
                             kept_keys_name(segment)),
                 "restore it from a backup; nothing was changed");
  if (bytes.size() < kKeptKeysMagic.size() + kChecksumBytes) return damaged;
  const ByteSpan covered = bytes.first(bytes.size() - kChecksumBytes);
  if (!as_text(bytes).starts_with(kKeptKeysMagic) ||
      load_le<uint64_t>(covered.data() + covered.size()) !=
          XXH3_64bits(covered.data(), covered.size())) {
    return damaged;
  }
  ByteReader reader(covered.subspan(kKeptKeysMagic.size()));
  const ByteSpan owner = reader.raw(store.bytes.size());
  if (!std::ranges::equal(owner, store.bytes)) return damaged;
  KeptKeys kept;
  kept.segment = reader.u64();
  kept.first_seq = reader.u64();
  kept.last_seq = reader.u64();
  if (kept.segment != segment || kept.first_seq == 0 || kept.last_seq < kept.first_seq - 1) {
    return damaged;
  }
  const uint32_t tables = reader.u32();
  for (uint32_t i = 0; i < tables && reader.ok(); ++i) {
    std::string table(reader.string());
    const uint64_t id = reader.u64();
    if (!is_row_id(id) || !kept.last_ids.emplace(std::move(table), id).second) return damaged;
  }
  const uint32_t records = reader.u32();
  uint64_t last = kept.first_seq - 1;
  for (uint32_t i = 0; i < records && reader.ok(); ++i) {
    KeptRecord& record = kept.records.emplace_back();
    if (!read_record(reader, record) || record.seq <= last || record.seq > kept.last_seq) {
      return damaged;
    }
    last = record.seq;
  }
  if (!reader.finished()) return damaged;
  return kept;
}

Result<std::vector<uint64_t>> list_kept_keys(Directory& journal_directory) {
  TRY_ASSIGN(const auto names, journal_directory.list("."));
  std::vector<uint64_t> segments;
  for (const std::string& name : names) {
    if (const uint64_t segment = segment_of_name(name, kSuffix); segment != 0)
      segments.push_back(segment);
  }
  std::ranges::sort(segments);
  return segments;
}

Result<KeptKeys> read_kept_keys(Directory& journal_directory, const StoreId& store,
                                uint64_t segment) {
  TRY_ASSIGN(const std::string text,
             read_file(journal_directory, kept_keys_name(segment), kFileBytesMax));
  return decode_kept_keys(store, segment, as_bytes(text));
}

Status write_kept_keys(Directory& journal_directory, const StoreId& store, const KeptKeys& kept) {
  return replace_file(journal_directory, kept_keys_name(kept.segment),
                      encode_kept_keys(store, kept));
}

std::function<Status(Directory&)> keep_below(const StoreId& store,
                                             const std::optional<KeptKeys>& below) {
  if (!below) return {};
  return [store, &kept = *below](Directory& journal_directory) {
    return write_kept_keys(journal_directory, store, kept);
  };
}

Status visit_kept_keys(Directory& store_directory, const StoreId& store, uint64_t after_seq,
                       uint64_t last_seq, const std::function<Status(const KeptKeys&)>& visit) {
  TRY_ASSIGN(const auto journal_directory, store_directory.open_directory(kJournalDirectory));
  TRY_ASSIGN(const auto segments, list_kept_keys(*journal_directory));
  for (const uint64_t segment : segments) {
    TRY_ASSIGN(const KeptKeys kept, read_kept_keys(*journal_directory, store, segment));
    if (kept.first_seq > last_seq) break;  // its segment is still there: a trim was cut short
    if (kept.last_seq > after_seq) TRY(visit(kept));
  }
  return {};
}

Result<std::optional<KeptRecord>> find_kept_record(Directory& store_directory, const StoreId& store,
                                                   uint64_t seq) {
  TRY_ASSIGN(const auto journal_directory, store_directory.open_directory(kJournalDirectory));
  TRY_ASSIGN(const auto segments, list_kept_keys(*journal_directory));
  // Sequences rise with the segments.
  size_t low = 0;
  size_t high = segments.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    TRY_ASSIGN(const KeptKeys kept, read_kept_keys(*journal_directory, store, segments[middle]));
    if (kept.last_seq < seq) {
      low = middle + 1;
    } else if (kept.first_seq > seq) {
      high = middle;
    } else {
      const auto found = std::ranges::lower_bound(kept.records, seq, {}, &KeptRecord::seq);
      if (found == kept.records.end() || found->seq != seq) break;
      return std::optional(*found);
    }
  }
  return std::optional<KeptRecord>();
}

}  // namespace syncline
