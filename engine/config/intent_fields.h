// A record with all its effects decided → the fields that a user gave.
//
// The journal holds effects, not fields. Most columns are a field and nothing else, so that they
// tell it; a field that stands in no column as it is, is told from the file's text. What is found
// is proved: it must make the same intent again, and the same content hash where there is a key.
// Nobody has given those of a record that was found in place, so there is nothing to prove: they
// are what its row and its text tell (told_fields.h).
//
// Fields that no effect depends on cannot be told. Where different fields have the same effects
// (one that equals its default, or is left out), a key's hash decides, else the shortest is taken.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/config/config.h"
#include "journal/record/intent.h"
#include "syncline/record.h"

namespace syncline {

// `config` is the one that the record was made by, `store_tags` are what its path may hold of the
// store's tag (make_intent.h). Empty where the fields cannot be told.
std::optional<Fields> intent_fields(const Config& config, const Intent& intent,
                                    std::span<const std::string_view> store_tags);

}  // namespace syncline
