// The longer of the shapes in json_output.h: of stress, bench and the configuration.
#include <type_traits>
#include <variant>

#include "journal/record/template.h"
#include "tools/json_output.h"
#include "tools/json_parts.h"

namespace syncline {

namespace {

Json field_object(const FieldSpec& field) {
  Json json = Json::object();
  json["name"] = field.name;
  json["type"] = field.type == FieldSpec::Type::kText      ? "text"
                 : field.type == FieldSpec::Type::kInteger ? "integer"
                                                           : "real";
  json["required"] = field.required;
  json["single_line"] = field.single_line;
  json["length_max"] =
      field.type == FieldSpec::Type::kText ? Json(field.length_max) : Json(nullptr);
  json["default"] = std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          return nullptr;
        } else {
          return value;
        }
      },
      field.default_value);
  const bool bounded = field.minimum < field.maximum;
  json["minimum"] = bounded ? Json(field.minimum) : Json(nullptr);
  json["maximum"] = bounded ? Json(field.maximum) : Json(nullptr);
  Json words = Json::object();
  for (const auto& [word, number] : field.words) words[word] = number;
  json["words"] = std::move(words);
  return json;
}

Json level_object(const StressLevel& level) {
  Json json = Json::object();
  json["processes"] = number_or_null(level.processes);
  json["calls"] = level.calls;
  json["exit_zero"] = level.exit_zero;
  json["rows"] = level.rows;
  json["files"] = level.files;
  json["duplicate_ids"] = level.duplicate_ids;
  json["id_zero"] = level.id_zero;
  json["lost"] = level.lost;
  json["seconds"] = level.seconds;
  json["calls_per_second"] =
      level.seconds > 0 ? static_cast<double>(level.calls) / level.seconds : 0.0;
  json["flushes"] = level.flushes;
  json["commits"] = level.commits;
  json["retries"] = level.retries;
  json["git_lock_waits"] = level.git_lock_waits;
  json["reads"] = level.reads;
  json["reads_failed"] = level.reads_failed;
  json["failures"] = level.failures;
  return json;
}

Json level_list(const std::vector<StressLevel>& levels) {
  Json list = Json::array();
  for (const StressLevel& level : levels) list.push_back(level_object(level));
  return list;
}

// Without what is not known of a script.
Json old_way_object(const StressLevel& level) {
  Json json = level_object(level);
  for (const char* name : {"duplicate_ids", "id_zero", "flushes", "retries", "git_lock_waits",
                           "reads", "reads_failed"}) {
    json.erase(name);
  }
  return json;
}

}  // namespace

std::string stress_json(const StressReport& report) {
  Json json = answer_object();
  json["ok"] = report.nothing_lost();
  json["store"] = text_or_null(report.store);
  json["profile"] = report.profile;
  json["rounds"] = report.rounds;
  json["sequential"] = level_object(report.sequential);
  json["levels"] = level_list(report.levels);
  json["total"] = level_object(sum_levels(report.levels));
  json["against"] = nullptr;
  if (report.against) {
    json["against"] = Json{{"script", report.against->script},
                           {"sequential", old_way_object(report.against->sequential)},
                           {"levels", Json::array()},
                           {"total", old_way_object(sum_levels(report.against->levels))},
                           {"orphans", report.against->orphans}};
    for (const StressLevel& level : report.against->levels) {
      json["against"]["levels"].push_back(old_way_object(level));
    }
  }
  json["findings"] = report.findings;
  json["orphans"] = report.orphans;
  json["finding_lines"] = report.finding_lines;
  json["stopped"] = text_or_null(report.stopped);
  return json_line(json);
}

std::string bench_json(const BenchReport& report) {
  Json json = answer_object();
  json["directory"] = report.directory;
  json["record_bytes"] = report.record_bytes;
  json["rounds"] = report.rounds;
  json["seconds"] = report.seconds;
  Json figures = Json::object();
  for (const BenchFigure& figure : report.figures) {
    figures[figure.name] = {{"unit", figure.unit + "/s"},
                            {"median", figure.median()},
                            {"least", figure.least()},
                            {"most", figure.most()}};
  }
  json["figures"] = std::move(figures);
  return json_line(json);
}

std::string config_check_json(const std::string& path, const Config& config,
                              const std::vector<std::string>& differences,
                              const std::vector<std::string>& ignored) {
  Json json = answer_object();
  json["ok"] = true;
  json["path"] = path;
  json["profile"] = config.profile;
  Json kinds = Json::array();
  for (const KindSpec& kind : config.kinds) kinds.push_back(kind.name);
  json["kinds"] = std::move(kinds);
  json["differences"] = differences;
  json["ignored"] = ignored;
  return json_line(json);
}

std::string config_json(const Config& config) {
  Json json = answer_object();
  json["profile"] = config.profile;
  json["database"] = config.database;
  Json sync = Json::object();
  sync["author_name"] = config.sync.author_name;
  sync["author_email"] = config.sync.author_email;
  sync["branch"] = text_or_null(config.sync.branch);
  sync["remote"] = config.sync.remote;
  sync["batch_records_max"] = config.sync.batch_records_max;
  sync["batch_bytes_max"] = config.sync.batch_bytes_max;
  sync["batch_age_ms_max"] = config.sync.batch_age_ms_max;
  sync["publish_interval_ms"] = config.sync.publish_interval_ms;
  sync["consolidate_packs"] = config.sync.consolidate_packs;
  json["sync"] = std::move(sync);
  Json publish = Json::object();
  publish["ignored"] = config.sync.publish_ignored;
  json["publish"] = std::move(publish);
  json["backlog_records_max"] = config.backlog_records_max;
  json["backlog_bytes_max"] = config.backlog_bytes_max;
  json["segment_bytes_max"] = config.segment_bytes_max;
  json["retain_bytes_max"] = number_or_null(config.retain_bytes_max);
  json["retain_days_max"] = number_or_null(config.retain_days_max);
  Json alert = Json::object();
  for (const AlertSetting& setting : kAlertSettings) {
    alert[setting.name] = optional_or_null(config.alert.*setting.limit);
  }
  json["alert"] = std::move(alert);
  Json kinds = Json::array();
  for (const KindSpec& kind : config.kinds) {
    Json entry = Json::object();
    entry["name"] = kind.name;
    entry["table"] = kind.table;
    entry["id_column"] = kind.id_column;
    entry["indexes"] = kind.indexes;
    entry["file"] = kind.operation == Operation::kAppend ? "append" : "create";
    entry["path"] = kind.path_pattern;
    Json fields = Json::array();
    for (const FieldSpec& field : kind.fields) fields.push_back(field_object(field));
    entry["fields"] = std::move(fields);
    kinds.push_back(std::move(entry));
  }
  json["kinds"] = std::move(kinds);
  return json_line(json);
}

}  // namespace syncline
