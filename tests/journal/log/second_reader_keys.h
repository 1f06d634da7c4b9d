// What was kept of records that are gone, read by journal/FORMAT.md, "Kept keys", alone.
#pragma once

#include "journal/contents/kept_keys.h"
#include "tests/journal/log/second_reader.h"

namespace second_reader {

struct KeptRecord {
  uint64_t seq = 0, id = 0;
  int64_t time_ms = 0;
  std::string key, content_hash, kind, table, path;
  unsigned fate = 0;  // 0 plain, 1 rebound, 2 set aside
  std::string reason;
};

struct KeptKeys {
  uint64_t segment = 0, first_seq = 0, last_seq = 0;
  std::map<std::string, uint64_t> last_ids;  // by table
  std::vector<KeptRecord> records;
};

// `<id>.keys`; nothing where the page does not allow what it says.
inline std::optional<KeptKeys> kept_keys(const std::string& file, const std::string& store,
                                         uint64_t segment) {
  constexpr size_t kSmallest = 8 + 16 + 3 * 8 + 2 * 4 + 8;
  if (file.size() < kSmallest || file.compare(0, 8, "SYNCLK1\n") != 0) return std::nullopt;
  const size_t end = file.size() - 8;
  if (get(file, end, 8) != XXH3_64bits(file.data(), end)) return std::nullopt;
  if (file.compare(8, 16, store) != 0) return std::nullopt;
  size_t at = 24;
  bool short_of_bytes = false;
  const auto number = [&](int width) -> uint64_t {
    if (end - at < static_cast<size_t>(width)) short_of_bytes = true;
    if (short_of_bytes) return 0;
    at += static_cast<size_t>(width);
    return get(file, at - static_cast<size_t>(width), width);
  };
  const auto text = [&]() -> std::string {
    const uint64_t size = number(4);
    if (end - at < size) short_of_bytes = true;
    if (short_of_bytes) return {};
    at += size;
    return file.substr(at - size, size);
  };
  KeptKeys kept;
  kept.segment = number(8);
  kept.first_seq = number(8);
  kept.last_seq = number(8);
  if (kept.segment != segment || kept.first_seq < 1 || kept.last_seq < kept.first_seq - 1) {
    return std::nullopt;
  }
  for (uint64_t left = number(4); left > 0 && !short_of_bytes; --left) {
    const std::string table = text();
    const uint64_t id = number(8);
    if (id < 1 || id >> 63 != 0 || !kept.last_ids.emplace(table, id).second) return std::nullopt;
  }
  uint64_t last_seq = kept.first_seq - 1;
  for (uint64_t left = number(4); left > 0 && !short_of_bytes; --left) {
    KeptRecord record;
    record.seq = number(8);
    record.id = number(8);
    record.time_ms = static_cast<int64_t>(number(8));
    record.key = text();
    record.content_hash = text();
    record.kind = text();
    record.table = text();
    record.path = text();
    record.fate = static_cast<unsigned>(number(1));
    if (record.fate == 2) record.reason = text();
    const size_t hash_bytes = record.content_hash.size();
    if (record.seq <= last_seq || record.seq > kept.last_seq || record.key.empty() ||
        (hash_bytes != 16 && hash_bytes != 32) || record.fate > 2 ||
        (record.fate == 2 && record.reason.empty())) {
      return std::nullopt;
    }
    last_seq = record.seq;
    kept.records.push_back(record);
  }
  if (short_of_bytes || at != end) return std::nullopt;
  return kept;
}

}  // namespace second_reader
