// The record of what stands there already: its effect is what it was made of, so applying it
// changes nothing.
//
//   row        the columns that the kind writes, with the values that the row has
//   file       the bytes that the file has, at the path where it is
//   section    the text that stands in the append file, with the heading that it has
//
// What is not there is made by the kind: the row of a file, with the date that the file tells.
// Limits of lengths and numbers hold as for any record; that a field is missing, or has several
// lines, is no reason to leave what people have had for long.
#pragma once

#include <optional>
#include <string>

#include "engine/adopt/adopted_fields.h"
#include "engine/config/config.h"
#include "journal/record/intent.h"
#include "syncline/result.h"

namespace syncline {

struct FoundFile {
  std::string path;
  std::string text;
  std::string header;  // of a section's file
};

class AdoptedIntents {
 public:
  AdoptedIntents(const Config& config, std::string store_tag);

  // A row, with its file if it has one. kInvalid says what the kind has against it.
  Result<Intent> of_row(const KindSpec& kind, const FoundRow& row, const FoundFile* file,
                        const std::string& key) const;
  // A file or section without a row. `time_ms` is that of its date.
  Result<Intent> of_file(const KindSpec& kind, const FoundFields& found, const FoundFile& file,
                         int64_t time_ms, const std::string& key) const;
  // Where the kind would put a record with these fields, if it does not depend on the id.
  std::string section_path(const KindSpec& kind, const Fields& fields) const;

 private:
  Result<Intent> make(const KindSpec& kind, const Fields& fields, const std::string& key) const;

  Config lenient_;  // asks for no field
  const std::string store_tag_;
};

}  // namespace syncline
