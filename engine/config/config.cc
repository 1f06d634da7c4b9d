// syncline.toml: what a configuration must be, as a whole.
//
// The file is TOML 1.0. Every setting has a default except those marked *; a setting that is not
// listed here is refused by name and line.
//
//   schema = 1 *                   the version of this file's form
//   profile = "notes"              the profile it was made from, for people
//   database = "syncline.db"       the SQLite file, relative to the store
//
//   [author]                       of our commits
//   name = "Syncline"              email = "syncline@localhost"
//
//   [sync]                         journal → git
//   batch_records_max = 1000       records in one commit           1…100000
//   batch_bytes_max = 16777216     journal payload in one commit   1024…1073741824
//   batch_age_ms_max = 1000        what has waited is folded       0…3600000
//   publish_interval_ms = 2000     pace of commits on the branch   0…86400000
//   consolidate_packs = 20         own packs that make one of them 2…1000
//   remote = "origin"              for `sync --push`; a name, never an address
//
//   [publish]                      journal → branch
//   ignored = false                paths that the repository ignores too, as `git add -f` does
//
//   [limits]                       beyond them `record` answers "retry later"
//   backlog_records_max = 1000000  1…1000000000
//   backlog_bytes_max = 1073741824 4096…2^40
//
//   [journal]
//   segment_bytes_max = 67108864   65536…2^30, a multiple of 4096
//   retain_bytes_max = 0           0: nothing is ever trimmed; else at least one segment
//   retain_days_max = 0            0: nothing is ever trimmed
//
//   [alert]                        beyond them `status` ends with 4; none is watched by default
//   retries_per_minute_max = 600   0…1000000000, as all of them but the last
//   backlog_records_max = 10000    records that are not committed
//   uncommitted_age_s_max = 60     of the oldest of them
//   unpublished_age_s_max = 600    of the oldest that is not on the branch
//   set_aside_max = 0              records that could not be applied
//   disk_free_bytes_min = 1073741824   of the journal's disk; 1…2^50
//
//   [kind.NAME] *                  one table for each kind; NAME is [a-z][a-z0-9_-]*
//   table = "notes" *              the row's table
//   id_column = "id"               its INTEGER PRIMARY KEY
//   create_table = "CREATE TABLE IF NOT EXISTS …" *   one statement, for this table alone (see
//                                  engine/sqlite/table_ddl.h); may be left out where another kind
//                                  with the same table has it
//   indexes = ["domain, created_at desc"]   of the table: names of columns, each with "desc" or not
//   subject = "note: {title}" *    pattern: the commit subject of a record alone; made one line of
//                                  at most 200 characters
//
//   [[kind.NAME.field]]            in the order they are shown
//   name = "title" *               [a-z][a-z0-9_]*, not a slot's name nor an option of `record`
//   type = "text"                  "text", "integer" or "real"
//   required = false               required text must not be blank
//   single_line = false            text: line breaks and control characters are refused
//   length_max = 1000000           text: characters (code points), 1…10000000
//   default = …                    a text or a number, used where the record has none
//   minimum = 1, maximum = 5       numbers
//   words = { low = 2, high = 4 }  numbers: words that stand for them, in lower case
//
//   [kind.NAME.columns] *          column = "pattern". A pattern that is exactly one number field
//                                  stores the number; one that is exactly one field stores NULL
//                                  where the record has none
//   [kind.NAME.file]
//   mode = "create"                "create": a file of its own; "append": a section of a file
//   path = "notes/{shard}/{title|slug:100}-{id}.md" *   pattern, '/'-separated
//   header = "# Notes"             pattern, append only: what a new file begins with
//   text = "…" *                   pattern: the whole file, or the section
//
// engine/config/pattern.h describes patterns, and engine/config/kind_patterns.h what a path may be.
#include "engine/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/config/config_parser.h"
#include "engine/config/kind_patterns.h"
#include "engine/config/near_name.h"
#include "engine/config/own_paths.h"
#include "engine/config/path_overlap.h"
#include "engine/config/path_rules.h"
#include "engine/config/utf8.h"
#include "engine/sqlite/table_ddl.h"
#include "engine/sqlite/table_indexes.h"
#include "journal/base/ascii.h"
#include "journal/base/block.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr size_t kFieldsMax = 100;
constexpr size_t kColumnsMax = 500;
constexpr size_t kAuthorBytesMax = 200;

// The options of `syncline record`: a field of the same name could not be given on the command
// line.
constexpr std::string_view kOptionNames[] = {"key",   "wait", "json",    "timeout",
                                             "store", "help", "replaces"};

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_kind_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && is_lower(name[0]) &&
         std::ranges::all_of(
             name, [](char c) { return is_lower(c) || is_ascii_digit(c) || c == '_' || c == '-'; });
}

bool is_field_name(std::string_view name) {
  return is_kind_name(name) && name.find('-') == std::string_view::npos;
}

bool is_identifier(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         (is_ascii_letter(name[0]) || name[0] == '_') && std::ranges::all_of(name, [](char c) {
           return is_ascii_letter(c) || is_ascii_digit(c) || c == '_';
         });
}

// Turns each run of white space into one space, and drops the one at the front.
std::string collapse_spaces(std::string_view text) {
  std::string result;
  bool space_due = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space && space_due && !result.empty()) result += ' ';
    space_due = space;
    if (!space) result += c;
  }
  return result;
}

// Whether git can hold the text in an author line: a newline there would make a malformed commit.
std::string author_fault(std::string_view text) {
  if (text.empty()) return "must not be empty";
  if (text.size() > kAuthorBytesMax) return fmt::format("is longer than {} bytes", kAuthorBytesMax);
  if (text.find_first_of("<>") != std::string_view::npos) return "must not have '<' or '>'";
  if (to_one_line(text) != text) {
    return "must be one line without control characters or spaces at its ends";
  }
  // Git trims these characters from the ends, so a name made of nothing else would be empty.
  if (text.find_first_not_of(" .,:;\"\\'") == std::string_view::npos) return "has no letters";
  return {};
}

// Only the name of a remote is taken: an address in a file that comes with a clone could make git
// run a program.
bool is_remote_name(std::string_view name) {
  return !name.empty() && name.size() <= kAuthorBytesMax &&
         (is_ascii_letter(name[0]) || is_ascii_digit(name[0])) &&
         std::ranges::all_of(name, [](char c) {
           return is_ascii_letter(c) || is_ascii_digit(c) || c == '.' || c == '_' || c == '-';
         });
}

class ConfigChecker {
 public:
  explicit ConfigChecker(ParsedConfig& parsed) : config_(parsed.config), lines_(parsed.lines) {}

  Status check() {
    TRY(check_settings());
    if (config_.kinds.empty()) {
      return config_error(0, "there is no kind", "add a [kind.NAME], or start from a profile");
    }
    for (KindSpec& kind : config_.kinds) TRY(check_kind(kind));
    return share_tables();
  }

 private:
  unsigned line(const std::string& setting) const {
    const auto found = lines_.find(setting);
    return found == lines_.end() ? 0 : found->second;
  }

  Error fault(const std::string& setting, std::string_view what, std::string hint = {}) const {
    return config_error(line(setting), fmt::format("{} {}", setting, what), std::move(hint));
  }

  Status check_settings() {
    if (!config_.profile.empty() && !is_kind_name(config_.profile)) {
      return fault("profile", "must be a plain name, as in \"notes\"");
    }
    if (auto status = check_path(config_.database); !status) {
      return config_error(line("database"), fmt::format("database: {}", status.error().message),
                          status.error().hint);
    }
    if (ascii_lowered(config_.database) == "syncline.toml") {
      return fault("database", "must not be syncline.toml itself");
    }
    const SyncOptions& sync = config_.sync;
    if (const auto what = author_fault(sync.author_name); !what.empty()) {
      return fault("author.name", what);
    }
    if (const auto what = author_fault(sync.author_email); !what.empty()) {
      return fault("author.email", what);
    }
    if (!is_remote_name(sync.remote)) {
      return fault("sync.remote", "must be the name of a remote, not an address",
                   "add the remote with git remote add, and write its name");
    }
    if (config_.segment_bytes_max % kBlockBytes != 0) {
      return fault("journal.segment_bytes_max",
                   fmt::format("must be a multiple of {}", kBlockBytes));
    }
    if (config_.retain_bytes_max != 0 && config_.retain_bytes_max < config_.segment_bytes_max) {
      return fault("journal.retain_bytes_max", "must be 0, or at least segment_bytes_max");
    }
    return {};
  }

  Status check_kind(KindSpec& kind) {
    const std::string where = "kind." + kind.name;
    if (!is_kind_name(kind.name)) {
      return config_error(line(where),
                          fmt::format("{} is no name for a kind", quote_for_message(kind.name)),
                          "use [a-z][a-z0-9_-]*, at most 64 characters");
    }
    TRY(check_table(kind, where));
    if (kind.fields.empty()) return fault(where, "has no fields", "add [[" + where + ".field]]");
    if (kind.fields.size() > kFieldsMax) {
      return fault(where, fmt::format("has more than {} fields", kFieldsMax));
    }
    for (size_t i = 0; i < kind.fields.size(); ++i) {
      TRY(check_field(kind.fields[i], where));
      for (size_t j = 0; j < i; ++j) {
        if (kind.fields[j].name == kind.fields[i].name) {
          return field_fault(kind.fields[i], where, "is declared twice");
        }
      }
    }
    if (kind.path_pattern.empty()) return fault(where + ".file", "has no path");
    if (kind.text_pattern.empty()) return fault(where + ".file", "has no text");
    if (kind.subject_pattern.empty()) return fault(where, "has no subject");
    auto patterns = std::make_shared<KindPatterns>();
    if (const auto wrong = parse_kind_patterns(kind, *patterns)) {
      const std::string setting = where + "." + wrong->setting;
      Error error = fault(setting, wrong->error.message, wrong->error.hint);
      error.code = wrong->error.code;
      return error;
    }
    kind.patterns = std::move(patterns);
    return {};
  }

  Status check_table(const KindSpec& kind, const std::string& where) const {
    if (kind.table.empty()) return fault(where, "has no table");
    const std::string table = ascii_lowered(kind.table);
    if (!is_identifier(kind.table) || table.starts_with("sqlite_") ||
        table.starts_with("syncline_")) {
      return fault(where + ".table", "is no name for a table",
                   "use [A-Za-z_][A-Za-z0-9_]*, not beginning with sqlite_ or syncline_");
    }
    if (!is_identifier(kind.id_column)) return fault(where + ".id_column", "is no column name");
    if (kind.columns.empty()) return fault(where, "has no columns", "add [" + where + ".columns]");
    if (kind.columns.size() > kColumnsMax) {
      return fault(where, fmt::format("has more than {} columns", kColumnsMax));
    }
    if (kind.indexes.size() > kIndexesMax) {
      return fault(where + ".indexes", fmt::format("has more than {} indexes", kIndexesMax));
    }
    for (const std::string& index : kind.indexes) {
      if (parse_index(index)) continue;
      return fault(where + ".indexes", fmt::format("has {}", quote_for_message(index)),
                   "name columns of the table, as in \"domain, created_at desc\"");
    }
    for (size_t i = 0; i < kind.columns.size(); ++i) {
      const std::string& column = kind.columns[i].first;
      const std::string setting = where + ".columns." + column;
      if (!is_identifier(column)) return fault(setting, "is no column name");
      if (ascii_lowered(column) == ascii_lowered(kind.id_column)) {
        return fault(setting, "is the id column, which is filled in by itself");
      }
      for (size_t j = 0; j < i; ++j) {
        if (ascii_lowered(kind.columns[j].first) == ascii_lowered(column)) {
          return fault(setting, "is the same column as " + kind.columns[j].first);
        }
      }
    }
    return {};
  }

  Error field_fault(const FieldSpec& field, const std::string& where, std::string_view what,
                    std::string hint = {}) const {
    return config_error(line(where + ".field." + field.name),
                        fmt::format("{}: field {} {}", where, quote_for_message(field.name), what),
                        std::move(hint));
  }

  Status check_field(FieldSpec& field, const std::string& where) const {
    if (!is_field_name(field.name)) {
      return field_fault(field, where, "is no name for a field",
                         "use [a-z][a-z0-9_]*, at most 64 characters");
    }
    if (is_slot_name(field.name)) return field_fault(field, where, "has the name of a slot");
    if (std::ranges::find(kOptionNames, field.name) != std::end(kOptionNames)) {
      return field_fault(field, where, "has the name of an option of `syncline record`");
    }
    const bool number = field.type != FieldSpec::Type::kText;
    const bool has_range = field.minimum < field.maximum;
    if (!number && (has_range || !field.words.empty())) {
      return field_fault(field, where, "is text: minimum, maximum and words are for numbers");
    }
    if (number && field.single_line) {
      return field_fault(field, where, "is a number: single_line is for text");
    }
    for (const auto& [word, value] : field.words) {
      if (!is_kind_name(word)) {
        return field_fault(field, where, fmt::format("has the word {}", quote_for_message(word)),
                           "words are [a-z][a-z0-9_-]*; capitals are taken as small letters");
      }
      TRY(check_value(field, where, value, "the word '" + word + "'"));
    }
    return check_default(field, where);
  }

  Status check_value(const FieldSpec& field, const std::string& where, double value,
                     const std::string& what) const {
    if (field.type == FieldSpec::Type::kInteger && std::trunc(value) != value) {
      return field_fault(field, where, what + " is not a whole number");
    }
    if (field.minimum < field.maximum && !(value >= field.minimum && value <= field.maximum)) {
      return field_fault(field, where, what + " is outside minimum and maximum");
    }
    return {};
  }

  Status check_default(FieldSpec& field, const std::string& where) const {
    if (std::holds_alternative<std::monostate>(field.default_value)) return {};
    if (field.required) {
      return field_fault(field, where, "is required, so its default would never be used");
    }
    const auto* text = std::get_if<std::string>(&field.default_value);
    if (field.type == FieldSpec::Type::kText) {
      if (text == nullptr) return field_fault(field, where, "is text, and its default is not");
      if (text->empty()) return field_fault(field, where, "has an empty default: leave it out");
      if (utf8_length(*text) > field.length_max) {
        return field_fault(field, where, "has a default longer than length_max");
      }
      if (text->find('\0') != std::string::npos ||
          (field.single_line && to_one_line(*text) != *text)) {
        return field_fault(field, where, "has a default that is not a single line");
      }
      return {};
    }
    if (text != nullptr) return field_fault(field, where, "is a number, and its default is not");
    const auto* integer = std::get_if<int64_t>(&field.default_value);
    const double value =
        integer != nullptr ? static_cast<double>(*integer) : std::get<double>(field.default_value);
    TRY(check_value(field, where, value, "the default"));
    if (field.type == FieldSpec::Type::kReal) {
      field.default_value = value;
    } else if (integer == nullptr) {
      return field_fault(field, where, "has a default with a decimal point: write a whole number");
    }
    return {};
  }

  // Kinds may share a table: one of them says how it is made, and all must agree on its id column.
  Status share_tables() {
    for (KindSpec& kind : config_.kinds) {
      const std::string where = "kind." + kind.name;
      for (const KindSpec& other : config_.kinds) {
        if (ascii_lowered(other.table) != ascii_lowered(kind.table)) continue;
        if (other.table != kind.table || other.id_column != kind.id_column) {
          return fault(where, fmt::format("and kind.{} share a table: table and id_column must be "
                                          "written alike",
                                          other.name));
        }
        if (kind.create_table.empty()) kind.create_table = other.create_table;
      }
      if (kind.create_table.empty()) return fault(where, "has no create_table");
      const std::string head = ascii_lowered(collapse_spaces(kind.create_table));
      if (!head.starts_with("create table if not exists ") ||
          kind.create_table.find('\0') != std::string::npos) {
        return fault(where + ".create_table", "must begin with CREATE TABLE IF NOT EXISTS",
                     "it is run whenever the store is opened");
      }
    }
    return {};
  }

  Config& config_;
  const std::map<std::string, unsigned, std::less<>>& lines_;
};

}  // namespace

const KindSpec* Config::find_kind(std::string_view name) const {
  const auto found = std::ranges::find(kinds, name, &KindSpec::name);
  return found == kinds.end() ? nullptr : &*found;
}

Result<Config> parse_config(std::string text) {
  TRY_ASSIGN(ParsedConfig parsed, parse_config_text(std::move(text)));
  TRY(ConfigChecker(parsed).check());
  parsed.config.sync.own_paths = own_path_patterns(parsed.config);
  parsed.config.sync.excluded = database_patterns(parsed.config);
  return std::move(parsed.config);
}

namespace {

Status check_tables(const Config& config) {
  for (const KindSpec& kind : config.kinds) {
    Status made = check_table_ddl(kind.table, kind.create_table);
    if (made) made = check_table_indexes(kind.table, kind.create_table, kind.indexes);
    if (!made) {
      // Anything else, such as memory that ran out, is not the configuration's fault.
      if (made.error().code != Code::kInvalid) return made;
      return config_error(0, fmt::format("kind.{}: {}", kind.name, made.error().message),
                          made.error().hint);
    }
  }
  return {};
}

// Two kinds may append to the same file. One that creates files shares none of their paths with
// another, but where both count the ids of one table by one pattern.
Status check_paths(const Config& config) {
  for (const KindSpec& kind : config.kinds) {
    if (kind.operation != Operation::kCreate) continue;
    for (const KindSpec& other : config.kinds) {
      if (other.name == kind.name) continue;
      const bool one_series = other.operation == Operation::kCreate && other.table == kind.table &&
                              other.path_pattern == kind.path_pattern;
      if (one_series || !paths_overlap(kind.patterns->path, other.patterns->path)) continue;
      return config_error(0,
                          fmt::format("kind.{} and kind.{} could give two records the same path",
                                      kind.name, other.name),
                          "set them apart, as in a directory of its own for each");
    }
  }
  return {};
}

}  // namespace

Status check_outside_config(const Config& config) {
  TRY(check_tables(config));
  return check_paths(config);
}

}  // namespace syncline
