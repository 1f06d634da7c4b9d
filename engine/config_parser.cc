#include "engine/config_parser.h"

#define TOML_EXCEPTIONS 0
// The library asserts what malformed text can violate: "[" and a line end would abort the program.
// Without the assertion its next lines refuse that text, with the place. (Never by NDEBUG, which
// makes the compiler take these conditions for granted.)
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "engine/near_name.h"
#include "engine/path_rules.h"
#include "engine/pattern.h"

namespace syncline {
namespace {

constexpr size_t kConfigBytesMax = 1u << 20;
constexpr uint64_t kIntegerMax = std::numeric_limits<int64_t>::max();

std::string describe(toml::node_type type) {
  switch (type) {
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::none:
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      break;
  }
  return "a date or time";
}

unsigned line_of(const toml::node& node) {
  return node.source().begin.line;
}

// Takes the keys of one table. Every key that was not asked for is refused at the end, by name.
class TableReader {
 public:
  using Lines = std::map<std::string, unsigned, std::less<>>;

  TableReader(const toml::table& table, std::string where, Lines& lines)
      : table_(table), where_(std::move(where)), lines_(lines) {}

  Status text(std::string_view key, std::string& out) {
    TRY_ASSIGN(const toml::node* node, find(key, toml::node_type::string));
    if (node != nullptr) out = **node->as_string();
    return {};
  }

  Status flag(std::string_view key, bool& out) {
    TRY_ASSIGN(const toml::node* node, find(key, toml::node_type::boolean));
    if (node != nullptr) out = **node->as_boolean();
    return {};
  }

  template <typename Integer>
  Status count(std::string_view key, uint64_t low, uint64_t high, Integer& out) {
    TRY_ASSIGN(const toml::node* node, find(key, toml::node_type::integer));
    if (node == nullptr) return {};
    const int64_t value = **node->as_integer();
    if (value < 0 || static_cast<uint64_t>(value) < low || static_cast<uint64_t>(value) > high) {
      return config_error(line_of(*node), fmt::format("{} must be from {} to {}, not {}",
                                                      path_of(key), low, high, value));
    }
    out = static_cast<Integer>(value);
    return {};
  }

  // A whole number or a real.
  Status number(std::string_view key, double& out, bool& given) {
    asked_.emplace_back(key);
    const toml::node* node = table_.get(key);
    given = node != nullptr;
    if (node == nullptr) return {};
    TRY_ASSIGN(out, number_of(*node, path_of(key)));
    return {};
  }

  static Result<double> number_of(const toml::node& node, const std::string& path) {
    if (const auto* real = node.as_floating_point(); real != nullptr) {
      if (std::isfinite(**real)) return **real;
      return config_error(line_of(node), fmt::format("{} must be finite", path));
    }
    if (const auto* integer = node.as_integer()) return static_cast<double>(**integer);
    return config_error(line_of(node),
                        fmt::format("{} must be a number, not {}", path, describe(node.type())));
  }

  Result<const toml::table*> table(std::string_view key) {
    TRY_ASSIGN(const toml::node* node, find(key, toml::node_type::table));
    return node == nullptr ? nullptr : node->as_table();
  }

  Result<const toml::array*> list(std::string_view key) {
    TRY_ASSIGN(const toml::node* node, find(key, toml::node_type::array));
    return node == nullptr ? nullptr : node->as_array();
  }

  const toml::node* any(std::string_view key) {
    asked_.emplace_back(key);
    return table_.get(key);
  }

  Status finish() const {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(asked_, key.str()) != asked_.end()) continue;
      return config_error(key.source().begin.line,
                          fmt::format("unknown setting {}{}", quote_for_message(key.str()),
                                      where_.empty() ? "" : fmt::format(" in [{}]", where_)),
                          near_name_hint(key.str(), asked_));
    }
    return {};
  }

  std::string path_of(std::string_view key) const {
    return where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key);
  }

 private:
  Result<const toml::node*> find(std::string_view key, toml::node_type type) {
    asked_.emplace_back(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) return nullptr;
    lines_[path_of(key)] = line_of(*node);
    if (node->type() != type) {
      return config_error(line_of(*node), fmt::format("{} must be {}, not {}", path_of(key),
                                                      describe(type), describe(node->type())));
    }
    return node;
  }

  const toml::table& table_;
  std::string where_;
  Lines& lines_;
  std::vector<std::string> asked_;
};

// A table's keys in the order they are written (the library sorts them by name).
std::vector<std::pair<std::string, const toml::node*>> in_written_order(const toml::table& table) {
  std::vector<std::pair<toml::source_position, std::pair<std::string, const toml::node*>>> found;
  for (const auto& [key, node] : table) {
    found.push_back({key.source().begin, {std::string(key.str()), &node}});
  }
  std::ranges::sort(
      found, {}, [](const auto& entry) { return std::pair(entry.first.line, entry.first.column); });
  std::vector<std::pair<std::string, const toml::node*>> result;
  for (auto& entry : found) result.push_back(std::move(entry.second));
  return result;
}

class ConfigReader {
 public:
  explicit ConfigReader(ParsedConfig& parsed) : config_(parsed.config), lines_(parsed.lines) {}

  Status read(const toml::table& root) {
    TableReader reader(root, "", lines_);
    uint64_t schema = 0;
    TRY(reader.count("schema", 0, kIntegerMax, schema));
    if (schema == 0) {
      return config_error(1, "the setting 'schema' is missing", "begin with: schema = 1");
    }
    if (schema != 1) {
      return make_error(
          Code::kUnsupported,
          fmt::format("syncline.toml has schema {}, and this program knows schema 1", schema),
          "use a newer syncline");
    }
    TRY(reader.text("profile", config_.profile));
    TRY(reader.text("database", config_.database));
    TRY(read_author(reader));
    TRY(read_sync(reader));
    TRY(read_limits(reader));
    TRY(read_journal(reader));
    TRY(read_kinds(reader));
    return reader.finish();
  }

 private:
  Status read_author(TableReader& root) {
    TRY_ASSIGN(const toml::table* table, root.table("author"));
    if (table == nullptr) return {};
    TableReader reader(*table, "author", lines_);
    TRY(reader.text("name", config_.sync.author_name));
    TRY(reader.text("email", config_.sync.author_email));
    return reader.finish();
  }

  Status read_sync(TableReader& root) {
    TRY_ASSIGN(const toml::table* table, root.table("sync"));
    if (table == nullptr) return {};
    TableReader reader(*table, "sync", lines_);
    SyncOptions& sync = config_.sync;
    TRY(reader.count("batch_records_max", 1, 100'000, sync.batch_records_max));
    TRY(reader.count("batch_bytes_max", 1024, 1u << 30, sync.batch_bytes_max));
    TRY(reader.count("batch_age_ms_max", 0, 3'600'000, sync.batch_age_ms_max));
    TRY(reader.count("publish_interval_ms", 0, 86'400'000, sync.publish_interval_ms));
    TRY(reader.count("consolidate_packs", 2, 1000, sync.consolidate_packs));
    TRY(reader.text("remote", sync.remote));
    return reader.finish();
  }

  Status read_limits(TableReader& root) {
    TRY_ASSIGN(const toml::table* table, root.table("limits"));
    if (table == nullptr) return {};
    TableReader reader(*table, "limits", lines_);
    TRY(reader.count("backlog_records_max", 1, 1'000'000'000, config_.backlog_records_max));
    TRY(reader.count("backlog_bytes_max", 4096, uint64_t{1} << 40, config_.backlog_bytes_max));
    return reader.finish();
  }

  Status read_journal(TableReader& root) {
    TRY_ASSIGN(const toml::table* table, root.table("journal"));
    if (table == nullptr) return {};
    TableReader reader(*table, "journal", lines_);
    TRY(reader.count("segment_bytes_max", 64u << 10, 1u << 30, config_.segment_bytes_max));
    TRY(reader.count("retain_bytes_max", 0, uint64_t{1} << 50, config_.retain_bytes_max));
    TRY(reader.count("retain_days_max", 0, 36'500, config_.retain_days_max));
    return reader.finish();
  }

  Status read_kinds(TableReader& root) {
    TRY_ASSIGN(const toml::table* kinds, root.table("kind"));
    if (kinds == nullptr) return {};
    for (const auto& [name, node] : in_written_order(*kinds)) {
      const toml::table* table = node->as_table();
      if (table == nullptr) {
        return config_error(line_of(*node), fmt::format("kind.{} must be a table, not {}", name,
                                                        describe(node->type())));
      }
      lines_["kind." + name] = line_of(*node);
      TRY_ASSIGN(KindSpec kind, read_kind(name, *table));
      config_.kinds.push_back(std::move(kind));
    }
    return {};
  }

  Result<KindSpec> read_kind(const std::string& name, const toml::table& table) {
    KindSpec kind;
    kind.name = name;
    TableReader reader(table, "kind." + name, lines_);
    TRY(reader.text("table", kind.table));
    TRY(reader.text("id_column", kind.id_column));
    TRY(reader.text("create_table", kind.create_table));
    TRY(reader.text("subject", kind.subject_pattern));
    TRY_ASSIGN(const toml::array* fields, reader.list("field"));
    if (fields != nullptr) {
      for (const toml::node& node : *fields) {
        TRY_ASSIGN(FieldSpec field, read_field(name, node));
        kind.fields.push_back(std::move(field));
      }
    }
    TRY_ASSIGN(const toml::table* columns, reader.table("columns"));
    if (columns != nullptr) {
      const std::string where = "kind." + name + ".columns";
      TableReader columns_reader(*columns, where, lines_);
      for (const auto& [column, node] : in_written_order(*columns)) {
        std::string pattern;
        TRY(columns_reader.text(column, pattern));
        kind.columns.emplace_back(column, std::move(pattern));
      }
    }
    TRY_ASSIGN(const toml::table* file, reader.table("file"));
    if (file != nullptr) TRY(read_file(kind, *file));
    TRY(reader.finish());
    return kind;
  }

  Status read_file(KindSpec& kind, const toml::table& table) {
    TableReader reader(table, "kind." + kind.name + ".file", lines_);
    std::string mode = "create";
    TRY(reader.text("mode", mode));
    if (mode == "append") {
      kind.operation = Operation::kAppend;
    } else if (mode != "create") {
      return config_error(lines_[reader.path_of("mode")],
                          fmt::format("{} must be \"create\" or \"append\", not {}",
                                      reader.path_of("mode"), quote_for_message(mode)));
    }
    TRY(reader.text("path", kind.path_pattern));
    TRY(reader.text("header", kind.header_pattern));
    TRY(reader.text("text", kind.text_pattern));
    return reader.finish();
  }

  Result<FieldSpec> read_field(const std::string& kind, const toml::node& node) {
    const toml::table* table = node.as_table();
    const std::string where = "kind." + kind + ".field";
    if (table == nullptr) {
      return config_error(line_of(node), fmt::format("{} must be a list of tables", where),
                          fmt::format("write [[{}]]", where));
    }
    FieldSpec field;
    TableReader reader(*table, where, lines_);
    TRY(reader.text("name", field.name));
    if (field.name.empty()) {
      return config_error(line_of(node), fmt::format("a [[{}]] has no name", where));
    }
    lines_[where + "." + field.name] = line_of(node);
    std::string type = "text";
    TRY(reader.text("type", type));
    if (type == "integer") {
      field.type = FieldSpec::Type::kInteger;
    } else if (type == "real") {
      field.type = FieldSpec::Type::kReal;
    } else if (type != "text") {
      return config_error(line_of(node),
                          fmt::format("field '{}': type must be \"text\", \"integer\" or "
                                      "\"real\", not {}",
                                      field.name, quote_for_message(type)));
    }
    TRY(reader.flag("required", field.required));
    TRY(reader.flag("single_line", field.single_line));
    TRY(reader.count("length_max", 1, 10'000'000, field.length_max));
    bool has_minimum = false, has_maximum = false;
    TRY(reader.number("minimum", field.minimum, has_minimum));
    TRY(reader.number("maximum", field.maximum, has_maximum));
    if (has_minimum != has_maximum || (has_minimum && !(field.minimum < field.maximum))) {
      return config_error(line_of(node),
                          fmt::format("field '{}': minimum and maximum go together, the smaller "
                                      "one first",
                                      field.name));
    }
    TRY(read_words(reader, field));
    TRY(read_default(reader, field));
    TRY(reader.finish());
    return field;
  }

  Status read_words(TableReader& reader, FieldSpec& field) {
    TRY_ASSIGN(const toml::table* words, reader.table("words"));
    if (words == nullptr) return {};
    for (const auto& [word, node] : in_written_order(*words)) {
      TRY_ASSIGN(field.words[word], TableReader::number_of(*node, "words." + word));
    }
    return {};
  }

  // The value keeps the type it was written with; config.cc holds it against the field's.
  static Status read_default(TableReader& reader, FieldSpec& field) {
    const toml::node* node = reader.any("default");
    if (node == nullptr) return {};
    if (const auto* text = node->as_string()) {
      field.default_value = **text;
    } else if (const auto* integer = node->as_integer()) {
      field.default_value = **integer;
    } else if (const auto* real = node->as_floating_point()) {
      field.default_value = **real;
    } else {
      return config_error(line_of(*node),
                          fmt::format("field '{}': default must be a text or a number, not {}",
                                      field.name, describe(node->type())));
    }
    return {};
  }

  Config& config_;
  std::map<std::string, unsigned, std::less<>>& lines_;
};

}  // namespace

Error config_error(unsigned line, std::string_view message, std::string hint) {
  return make_error(Code::kInvalid,
                    line == 0 ? fmt::format("syncline.toml: {}", message)
                              : fmt::format("syncline.toml line {}: {}", line, message),
                    std::move(hint));
}

Result<ParsedConfig> parse_config_text(std::string text) {
  if (text.size() > kConfigBytesMax) {
    return config_error(0, fmt::format("longer than {} bytes", kConfigBytesMax));
  }
  if (!is_valid_utf8(text)) return config_error(0, "not valid UTF-8");
  const toml::parse_result result = toml::parse(std::string_view(text));
  if (!result) {
    // It quotes the text, line ends and all.
    return config_error(result.error().source().begin.line,
                        to_one_line(result.error().description()));
  }
  ParsedConfig parsed;
  TRY(ConfigReader(parsed).read(result.table()));
  parsed.config.text = std::move(text);
  return parsed;
}

}  // namespace syncline
