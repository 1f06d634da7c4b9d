// What is kept of a trimmed segment: its records' idempotency keys, with what their receipts say,
// and the highest ids that they were given.
//
//   <id>.keys    one file for each trimmed segment, written once, before the segment goes
//
// A store that goes on above one that was lost has one such file from the start: it keeps what is
// still known of the lost store's keys.
//
// A retry is still answered with the first record's receipt, and no id is given a second time, even
// where the database that knew both is lost. A trim writes the keys of what it takes away and
// nothing that it kept before, so that its cost does not grow with the store's age.
//
// Byte table: journal/FORMAT.md, "Kept keys".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "journal/record/content_hash.h"
#include "journal/record/intent.h"
#include "journal/record/outcome.h"
#include "syncline/result.h"

namespace syncline {

// A record that had a key, as its receipt tells it.
struct KeptRecord {
  uint64_t seq = 0;
  uint64_t id = 0;  // the row's, after whatever rebind; 0 where nothing tells (of a lost store)
  int64_t time_ms = 0;
  std::string key;
  ContentHash content_hash;
  std::string kind, table, path;
  bool rebound = false;
  std::string set_aside;  // why; empty where it was applied
  bool operator==(const KeptRecord&) const = default;
};

// What is kept of a record with a key; `outcome` is null in the plain case.
KeptRecord make_kept_record(Intent intent, uint64_t seq, uint64_t id, int64_t time_ms,
                            const Outcome* outcome);

struct KeptKeys {
  uint64_t segment = 0;
  uint64_t first_seq = 0;                    // of the segment
  uint64_t last_seq = 0;                     // first_seq - 1 where it holds no record
  std::vector<KeptRecord> records;           // by seq
  std::map<std::string, uint64_t> last_ids;  // table -> highest id given in the segment
  bool operator==(const KeptKeys&) const = default;
};

ByteVector encode_kept_keys(const StoreId& store, const KeptKeys& kept);
// kDisagree for a file that is damaged or another store's: kCorrupt would be taken for damage to
// the database, which is being rebuilt from it.
Result<KeptKeys> decode_kept_keys(const StoreId& store, uint64_t segment, ByteSpan bytes);

std::string kept_keys_name(uint64_t segment);  // 0000000000000001.keys

// The segments that have such a file, oldest first.
Result<std::vector<uint64_t>> list_kept_keys(Directory& journal_directory);
Result<KeptKeys> read_kept_keys(Directory& journal_directory, const StoreId& store,
                                uint64_t segment);
// Durable once it returns.
Status write_kept_keys(Directory& journal_directory, const StoreId& store, const KeptKeys& kept);
// For Journal::create: a function that writes `below`, which must outlive it; empty where there is
// none.
std::function<Status(Directory& journal_directory)> keep_below(
    const StoreId& store, const std::optional<KeptKeys>& below);

// `store_directory` is .git/syncline. Visits what was kept of records after `after_seq` up to
// `last_seq`, oldest first, a segment at a time.
Status visit_kept_keys(Directory& store_directory, const StoreId& store, uint64_t after_seq,
                       uint64_t last_seq, const std::function<Status(const KeptKeys&)>& visit);
// What was kept of one record; nothing where it had no key, or was trimmed by a program that kept
// none.
Result<std::optional<KeptRecord>> find_kept_record(Directory& store_directory, const StoreId& store,
                                                   uint64_t seq);

}  // namespace syncline
