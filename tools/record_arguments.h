// The arguments of `syncline record`: its flags are the fields of a kind, so no fixed table of
// options fits. Pure: reads no configuration and no files.
//
// A name that is an option of the program (store, json, timeout, help, version, key, wait,
// replaces, field, field-file) is always that option; a field so named is given as --field
// NAME=VALUE. A value that looks like an option (--name) must be joined by '='; any other value may
// begin with a dash.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/config/config.h"
#include "syncline/result.h"
#include "syncline/store.h"
#include "tools/arguments.h"

namespace syncline {

struct RecordArguments {
  struct Field {
    std::string name;
    std::string value;
    // How it was given: --NAME (may turn out to be "FIELD-file"), --field or --field-file.
    enum class Form { kFlag, kField, kFieldFile } form = Form::kFlag;
  };
  GlobalOptions globals;
  std::string kind;  // empty only with globals.help or .version
  std::string key;
  Stage wait = Stage::kApplied;
  std::optional<uint64_t> replaces;  // the record that this one comes for
  std::vector<Field> fields;         // in the order given
};

Result<RecordArguments> parse_record_arguments(const std::vector<std::string>& arguments,
                                               const GlobalOptions& before_verb);

// The content of a file named on the command line; "-" is standard input.
using ReadContent = std::function<Result<std::string>(const std::string& path)>;

// The fields by the kind's own names: "--body-file P" reads P into `body` unless the kind declares
// `body-file`; "--source-type" is `source_type` where the kind knows only that. One final newline
// of a file is dropped for a field of a single line, because `echo` adds one. A name that the kind
// does not know is passed on: the engine's error lists the fields. kInvalid for a field given
// twice, or standard input read twice.
Result<Fields> resolve_fields(const RecordArguments& arguments, const KindSpec* kind,
                              const ReadContent& read_content);

}  // namespace syncline
