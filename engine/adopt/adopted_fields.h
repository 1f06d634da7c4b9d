// The fields of a record that was never handed over, out of the row or the text that is there.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/config/config.h"
#include "engine/sqlite/database.h"
#include "journal/record/intent.h"
#include "syncline/record.h"

namespace syncline {

// The columns of a row that its kind writes, in the kind's order.
struct FoundRow {
  uint64_t id = 0;
  std::vector<Value> values;
  bool has_blob = false;  // which no record can hold
  // Of the columns beside them that hold something: what people's hooks keep there.
  std::vector<std::pair<std::string, Value>> others;
};
// kNotFound where the row is gone; other errors where the table lacks a column.
Result<FoundRow> read_row(Database& database, const KindSpec& kind, uint64_t id);
// The columns beside the kind's that a table made anew has too.
Result<std::vector<std::string>> other_columns(Database& database, const KindSpec& kind);
// Fills in `row.others`. NULL, bytes and text that is not UTF-8 are left out.
Status read_others(Database& database, const KindSpec& kind, const std::vector<std::string>& names,
                   FoundRow& row);

// What the columns tell of the fields. A column that is made of several fields tells none.
Fields fields_of_row(const KindSpec& kind, const FoundRow& row);
// The column that holds the path and nothing else; empty where there is none, or it holds no text.
std::string path_of_row(const KindSpec& kind, const FoundRow& row);

struct FoundFields {
  Fields fields;
  std::string date;  // 2026-01-31, if anything tells it
};
// What the text of a file, or of a section, tells, and where it does not, the file's path.
FoundFields fields_of_text(const KindSpec& kind, std::string_view path, std::string_view text);

}  // namespace syncline
