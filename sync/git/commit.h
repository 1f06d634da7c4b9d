// Commit objects: makes their bytes and messages, and reads both back.
//
// The bytes are a pure function of the journal, and so is the commit's name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/log/format.h"
#include "journal/record/object_id.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr std::string_view kStoreTrailer = "Syncline-Store";
inline constexpr std::string_view kRangeTrailer = "Syncline-Range";
inline constexpr size_t kListedSubjectsMax = 20;

struct Signature {
  std::string name;
  std::string email;
  int64_t time_ms = 0;  // shown in whole seconds, UTC
};

// "Name <email> seconds +0000". Characters that git does not allow in names (line ends, NUL, <, >)
// are dropped, an empty name becomes "Syncline", and a time before 1970 becomes 0: a malformed
// commit could not be taken back.
std::string format_signature(const Signature& signature);

// Control characters become spaces, the ends are trimmed.
std::string one_line(std::string_view text);

// The object's content (author and committer alike), not yet hashed.
std::string encode_commit(const ObjectId& tree, std::span<const ObjectId> parents,
                          const Signature& author, std::string_view message);

// The message of a batch: the record's subject where there is only one, otherwise
// "syncline: N records" and up to kListedSubjectsMax subjects; then the trailers.
std::string compose_message(std::span<const std::string> subjects, const StoreId& store,
                            uint64_t first_seq, uint64_t last_seq);
// The same for `records` records, of which `subjects` holds the first: all, or as many as are
// listed.
std::string compose_message(uint64_t records, std::span<const std::string> subjects,
                            const StoreId& store, uint64_t first_seq, uint64_t last_seq);

struct CommitTrailers {
  std::string store;  // hex
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
};

struct ParsedCommit {
  ObjectId tree;
  std::vector<ObjectId> parents;
  int64_t committer_time_s = 0;
  std::string message;
};

Result<ParsedCommit> parse_commit(std::string_view content);

// Our trailers, if the message's last paragraph has both. A subject that looks like one elsewhere
// does not count.
std::optional<CommitTrailers> parse_trailers(std::string_view message);
// Every commit of a store names the store, also a commit without a range of records: init's own,
// and one that puts files back.
bool names_store(std::string_view message, std::string_view store);

}  // namespace syncline
