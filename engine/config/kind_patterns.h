// A kind's patterns, parsed and checked once, so that making an intent only fills them in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/pattern.h"
#include "syncline/result.h"

namespace syncline {

struct ColumnPattern {
  std::string name;
  Pattern pattern;
  // Stores the field with its own type: a number stays a number, and an absent field is NULL.
  std::optional<uint32_t> typed_field;
  // The whole column is this field's text: NULL when it is absent.
  std::optional<uint32_t> null_when_absent;
};

struct KindPatterns {
  std::vector<ColumnPattern> columns;
  Pattern path;
  Pattern header;
  Pattern text;
  Pattern subject;
  std::vector<uint32_t> fields_by_name;  // the kind's fields in the order of their names
};

// A fault names the setting ("file.path", "columns.title", "subject") and what is wrong with it.
struct PatternFault {
  std::string setting;
  Error error;
};

// Parses and checks the patterns of a kind. Of a path it demands: every field in it goes through
// slug (added where it is not written) and is required or has a default; the path of a created file
// contains {id}, where it cannot run into other parts; neither a component nor the whole path can
// grow past the limits of path_rules.h; and every path that it renders is safe.
std::optional<PatternFault> parse_kind_patterns(const KindSpec& kind, KindPatterns& patterns);

inline constexpr size_t kSubjectLengthMax = 200;

}  // namespace syncline
