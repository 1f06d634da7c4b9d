// syncline.toml: the kinds of records a store takes, and its settings.
//
// A Config is a value: parsed once, never changed. Every text that records were made by is
// journalled (Operation::kConfig), so replay needs no file. Unknown keys are refused by name and
// line: a typo must not silently mean the default. The head of engine/config/config.cc describes
// the grammar, and the profiles in engine/config/profiles.cc are examples of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "journal/record/operation.h"
#include "sync/context/sync_options.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr size_t kConfigBytesMax = 1u << 20;  // of syncline.toml

struct FieldSpec {
  enum class Type : uint8_t { kText, kInteger, kReal };
  std::string name;
  Type type = Type::kText;
  bool required = false;
  bool single_line = false;         // newlines are refused (titles, names, rules)
  uint64_t length_max = 1'000'000;  // text: Unicode code points
  std::variant<std::monostate, int64_t, double, std::string> default_value;
  double minimum = 0, maximum = 0;                   // numbers: checked when minimum < maximum
  std::map<std::string, double, std::less<>> words;  // "high" -> 4
};

struct KindPatterns;  // engine/config/kind_patterns.h

struct KindSpec {
  std::string name;
  std::vector<FieldSpec> fields;
  std::string table;
  std::string id_column = "id";
  std::string create_table;          // DDL, run with IF NOT EXISTS when the table is missing
  std::vector<std::string> indexes;  // "domain, created_at desc" (engine/sqlite/table_indexes.h)
  std::vector<std::pair<std::string, std::string>> columns;  // column -> pattern
  Operation operation = Operation::kCreate;
  std::string path_pattern;
  std::string header_pattern;
  std::string text_pattern;
  std::string subject_pattern;
  // The patterns above, parsed and checked by parse_config; never changed, so copies share them.
  std::shared_ptr<const KindPatterns> patterns;
};

// Beyond these `status` ends with exit code 4. What is not set is not watched.
struct AlertLimits {
  std::optional<uint64_t> retries_per_minute_max;
  std::optional<uint64_t> backlog_records_max;  // durable, and not committed
  std::optional<uint64_t> uncommitted_age_s_max, unpublished_age_s_max;
  std::optional<uint64_t> set_aside_max;
  std::optional<uint64_t> disk_free_bytes_min;
};
// The settings of [alert], and which values they take.
struct AlertSetting {
  std::string_view name;
  std::optional<uint64_t> AlertLimits::* limit;
  uint64_t low = 0;
  uint64_t high = 1'000'000'000;
};
inline constexpr std::array<AlertSetting, 6> kAlertSettings{{
    {"retries_per_minute_max", &AlertLimits::retries_per_minute_max},
    {"backlog_records_max", &AlertLimits::backlog_records_max},
    {"uncommitted_age_s_max", &AlertLimits::uncommitted_age_s_max},
    {"unpublished_age_s_max", &AlertLimits::unpublished_age_s_max},
    {"set_aside_max", &AlertLimits::set_aside_max},
    {"disk_free_bytes_min", &AlertLimits::disk_free_bytes_min, 1, uint64_t{1} << 50},
}};

struct Config {
  std::string text;  // exactly as read
  std::string profile;
  std::string database = "syncline.db";  // relative to the store
  SyncOptions sync;
  uint64_t backlog_records_max = 1'000'000;
  uint64_t backlog_bytes_max = 1u << 30;
  uint64_t segment_bytes_max = 64u << 20;
  uint64_t retain_bytes_max = 0;  // 0: the journal is never trimmed
  uint64_t retain_days_max = 0;
  AlertLimits alert;
  std::vector<KindSpec> kinds;

  const KindSpec* find_kind(std::string_view name) const;
};

Result<Config> parse_config(std::string text);
// Checks what a configuration that comes from outside is held to besides: its create_table
// statements do nothing but make their tables, and no two kinds can give two records the same path.
// A journalled configuration is not asked: its records are there. Its statements are checked when
// they are run (engine/sqlite/table_ddl.h).
Status check_outside_config(const Config& config);

}  // namespace syncline
