// What the messages of our commits say, and the trailers by which they are found again.
//
//   subject, or "37 failures, 4 heuristics" │ their subjects │ Syncline-Store: …
//                                                            │ Syncline-Range: a-b
//                                                            │ Syncline-Kinds: failure 37, …
//
// Messages of older batches count records alone ("syncline: 41 records"), without Syncline-Kinds.
//
// Pure. Threading: any thread. FORMAT-projections.md tells others of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/log/format.h"

namespace syncline {

inline constexpr std::string_view kStoreTrailer = "Syncline-Store";
inline constexpr std::string_view kRangeTrailer = "Syncline-Range";
inline constexpr std::string_view kKindsTrailer = "Syncline-Kinds";
inline constexpr size_t kListedSubjectsMax = 20;

// How many records there are of each kind.
using KindCounts = std::map<std::string, uint64_t, std::less<>>;
inline constexpr size_t kNamedKindsMax = 3;
inline constexpr std::string_view kRetractionKind = "retraction";  // retractions count as this

// "37 failures, 4 heuristics, 1 note and 2 more"; empty for none.
std::string told_by_kinds(const KindCounts& kinds);

// The message of a batch: the record's subject where there is only one, otherwise its records told
// by kinds and up to kListedSubjectsMax subjects; then the trailers. Without `kinds` they are only
// counted, as older batches are.
std::string compose_message(std::span<const std::string> subjects, const KindCounts& kinds,
                            const StoreId& store, uint64_t first_seq, uint64_t last_seq);
// The same for `records` records, of which `subjects` holds the first: all, or as many as are
// listed.
std::string compose_message(uint64_t records, std::span<const std::string> subjects,
                            const KindCounts& kinds, const StoreId& store, uint64_t first_seq,
                            uint64_t last_seq);

struct CommitTrailers {
  std::string store;  // hex
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
};

// Of a batch's message; empty where it does not tell them.
KindCounts parse_kinds(std::string_view message);

// The line that names the store, with its end. `store` in hex.
std::string store_trailer(std::string_view store);

// Our trailers, if the message's last paragraph has both. A subject that looks like one elsewhere
// does not count.
std::optional<CommitTrailers> parse_trailers(std::string_view message);
// Every commit of a store names the store, also a commit without a range of records: init's own,
// and one that puts files back.
bool names_store(std::string_view message, std::string_view store);
// The stores that it names, in hex.
std::vector<std::string> named_stores(std::string_view message);

}  // namespace syncline
