// Commit objects: makes their bytes, and reads them back. What their messages say:
// commit_message.h.
//
// The bytes are a pure function of the journal, and so is the commit's name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/record/object_id.h"
#include "syncline/result.h"

namespace syncline {

struct Signature {
  std::string name;
  std::string email;
  int64_t time_ms = 0;  // shown in whole seconds, UTC
};

// "Name <email> seconds +0000". Characters that git does not allow in names (line ends, NUL, <, >)
// are dropped, an empty name becomes "Syncline", and a time before 1970 becomes 0: a malformed
// commit could not be taken back.
std::string format_signature(const Signature& signature);

// The object's content (author and committer alike), not yet hashed.
std::string encode_commit(const ObjectId& tree, std::span<const ObjectId> parents,
                          const Signature& author, std::string_view message);

struct ParsedCommit {
  ObjectId tree;
  std::vector<ObjectId> parents;
  int64_t committer_time_s = 0;
  std::string message;
};

Result<ParsedCommit> parse_commit(std::string_view content);

class ObjectStore;
// Empty where there is no such object, or it is no commit: for ids that may be anything.
Result<std::optional<ParsedCommit>> commit_if_there(ObjectStore& objects, const ObjectId& id);
// The tree of the commit; zero for no commit.
Result<ObjectId> tree_of(ObjectStore& objects, const ObjectId& commit_id);

}  // namespace syncline
