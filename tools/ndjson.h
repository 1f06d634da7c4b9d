// One line of NDJSON ↔ a record: {"kind":…,"key":…,"fields":{…}}.
//
// Strict, since a line comes from anywhere: unknown and repeated names, values of another type,
// anything nested, invalid UTF-8 and NUL are refused with a reason that names them. `key` may be
// left out or null; a field that is null is a field that is not there. Nothing nests, so a line of
// brackets costs no more than its first few bytes.
//
// make_intent decides whether the store has such a kind and such fields.
#pragma once

#include <string>
#include <string_view>

#include "syncline/result.h"
#include "syncline/store.h"

namespace syncline {

// kInvalid with the reason, one line of valid UTF-8.
Result<Record> parse_ndjson_record(std::string_view line);

// The line that is parsed to the same record, with its line end.
std::string ndjson_line(const Record& record);

}  // namespace syncline
