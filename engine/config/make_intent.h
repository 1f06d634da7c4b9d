// Fields as a user gives them → a record with all its effects decided.
#pragma once

#include <string_view>

#include "engine/config/config.h"
#include "journal/record/intent.h"
#include "syncline/record.h"
#include "syncline/result.h"

namespace syncline {

// Validates the fields and decides every effect but id and time. `store_tag` is empty, or what
// marks this store's paths where another store has written to the repository. kInvalid: which field
// and why. `xxh3`, where given, gets what payloads of version 1 carried of a record with a key.
Result<Intent> make_intent(const Config& config, std::string_view kind, const Fields& fields,
                           std::string_view key, std::string_view store_tag = {},
                           Xxh3Hash* xxh3 = nullptr);

}  // namespace syncline
