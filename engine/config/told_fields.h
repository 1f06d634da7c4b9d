// What a text that we did not make tells of a record's fields.
//
// The kind's own text says where each field is looked for: in the heading, behind a label
// ("**Domain**: …"), below a heading of its own ("## Summary"), or in what is left. So an older
// file of the same layout is understood, and of any other at least its first heading.
//
// Nothing is proved here: it is the best that can be told. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/config/config.h"
#include "journal/record/intent.h"
#include "syncline/record.h"

namespace syncline {

struct ToldFields {
  std::map<uint32_t, std::string> fields;  // by the kind's fields; none is empty
  std::string date;                        // what stands where the kind writes its date
};
// `text` is a file, or a section that begins with its heading.
ToldFields told_fields(const KindSpec& kind, std::string_view text);

// What a row's columns tell, in the order of the kind's, and for a field that no column has as it
// is, the text of its file.
Fields fields_of_columns(const KindSpec& kind, std::span<const Value> values,
                         std::string_view text);

// The field that stands in the heading of the kind's text.
std::optional<uint32_t> heading_field(const KindSpec& kind);

// "## H-" where the kind's sections begin with the line "## H-{id}: …"; empty where the first line
// has no number, so that nothing tells where a section begins.
std::string section_heading_prefix(const KindSpec& kind);

}  // namespace syncline
