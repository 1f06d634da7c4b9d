// Fields as a user gives them → a record with all its effects decided.
#pragma once

#include <string_view>

#include "engine/config/config.h"
#include "journal/record/content_hash.h"
#include "journal/record/intent.h"
#include "syncline/record.h"
#include "syncline/result.h"

namespace syncline {

// Validates the fields and decides every effect but id and time. `store_tag` is empty, or the tag
// that tells this store's paths from those of another store in the repository. kInvalid names the
// field and the reason. `xxh3`, where given, receives the hash that payloads of version 1 carried
// for a record with a key.
Result<Intent> make_intent(const Config& config, std::string_view kind, const Fields& fields,
                           std::string_view key, std::string_view store_tag = {},
                           Xxh3Hash* xxh3 = nullptr);

// The hashes alone, of a record that `kind` once took: without the limits it sets now. Two calls
// with the same answer have the same content.
struct ContentHashes {
  ContentHash hash;
  Xxh3Hash xxh3{};
};
Result<ContentHashes> content_hashes(const KindSpec& kind, const Fields& fields);

}  // namespace syncline
