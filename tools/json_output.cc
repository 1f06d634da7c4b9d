#include "tools/json_output.h"

#include <nlohmann/json.hpp>

#include "engine/config/utf8.h"
#include "journal/base/bytes.h"
#include "journal/record/template.h"
#include "tools/fields_json.h"

namespace syncline {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json object() {
  Json json = Json::object();
  json["schema"] = kJsonSchema;
  return json;
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
Json number_or_null(uint64_t number) {
  return number == 0 ? Json(nullptr) : Json(number);
}
Json optional_or_null(const std::optional<uint64_t>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json finding_object(const Finding& finding) {
  Json json = Json::object();
  json["class"] = finding_class_name(finding.cls);
  json["seq"] = number_or_null(finding.seq);
  json["path"] = text_or_null(finding.path);
  json["table"] = text_or_null(finding.table);
  // Id 0 is a fault worth showing, not an absent value, where there is a table.
  json["id"] = finding.table.empty() ? number_or_null(finding.id) : Json(finding.id);
  json["commit"] = text_or_null(finding.commit);
  json["detail"] = finding.detail;
  return json;
}

Json finding_list(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) list.push_back(finding_object(finding));
  return list;
}

void add_receipt(Json& json, const Receipt& receipt) {
  json["seq"] = receipt.seq;
  json["kind"] = receipt.kind;
  json["key"] = text_or_null(receipt.key);
  json["time"] = format_time(receipt.time_ms);
  json["table"] = receipt.table;
  json["id"] = number_or_null(receipt.id);
  json["path"] = text_or_null(receipt.path);
}

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

void add_whole_receipt(Json& json, const Receipt& receipt) {
  add_receipt(json, receipt);
  json["commit"] = text_or_null(receipt.commit);
  json["branch_commit"] = text_or_null(receipt.branch_commit);
  json["stage"] = stage_name(receipt.stage);
  json["ignored"] = receipt.ignored;
  json["rebound"] = receipt.rebound;
  json["set_aside"] = text_or_null(receipt.set_aside);
  json["retracts"] = number_or_null(receipt.retracts);
  json["retracted_by"] = number_or_null(receipt.retracted_by);
  json["fields"] = receipt.fields ? fields_json(*receipt.fields) : Json(nullptr);
}

// Where it was asked for.
void add_change(Json& json, const PersonsChange& change) {
  json["on_branch"] = text_or_null(std::string(change_name(change.on_branch)));
  json["moved_to"] = text_or_null(change.moved_to);
  json["moved_by"] = text_or_null(change.moved_by);
  json["edited_by"] = text_or_null(change.edited_by);
  json["removed_by"] = text_or_null(change.removed_by);
  json["in_work_tree"] = text_or_null(std::string(change_name(change.in_work_tree)));
  json["change_unknown"] = text_or_null(change.unknown);
}

Json whole_receipts(const std::vector<Receipt>& receipts, bool with_changes) {
  Json list = Json::array();
  for (const Receipt& receipt : receipts) {
    Json entry = Json::object();
    add_whole_receipt(entry, receipt);
    if (with_changes) add_change(entry, receipt.change);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

std::string failure_json(const Failure& failure) {
  Json json = object();
  Json error = Json::object();
  error["code"] = code_name(failure.error.code);
  error["message"] = failure.error.message;
  error["hint"] = failure.error.hint.empty() ? std::string(default_hint(failure.error.code))
                                             : failure.error.hint;
  json["error"] = std::move(error);
  json["seq"] = number_or_null(failure.error.seq);
  json["stage"] = text_or_null(failure.stage);
  return dump(json);
}

std::string version_json() {
  Json json = object();
  json["version"] = SYNCLINE_VERSION;
  return dump(json);
}

std::string init_json(const InitReport& report) {
  Json json = object();
  json["root"] = report.root;
  json["store"] = report.store_id;
  json["profile"] = report.profile;
  json["created_repository"] = report.created_repository;
  json["existed"] = report.existed;
  json["notes"] = report.notes;
  return dump(json);
}

namespace {

Json recorded_object(const Receipt& receipt) {
  Json json = object();
  json["seq"] = receipt.seq;
  json["id"] = number_or_null(receipt.id);
  json["kind"] = receipt.kind;
  json["path"] = text_or_null(receipt.path);
  json["stage"] = stage_name(receipt.stage);
  json["duplicate"] = receipt.duplicate;
  json["table"] = receipt.table;
  json["ignored"] = receipt.ignored;
  json["rebound"] = receipt.rebound;
  json["set_aside"] = text_or_null(receipt.set_aside);
  return json;
}

Json retracted_object(const RetractReport& report) {
  Json json = object();
  const Receipt& receipt = report.receipt;
  json["seq"] = receipt.seq;
  json["retracts"] = receipt.retracts;
  json["kind"] = receipt.kind;
  json["table"] = receipt.table;
  json["id"] = number_or_null(receipt.id);
  json["path"] = text_or_null(receipt.path);
  json["stage"] = stage_name(receipt.stage);
  json["duplicate"] = receipt.duplicate;
  json["kept"] = text_or_null(report.kept);
  return json;
}

}  // namespace

std::string recorded_json(const Receipt& receipt) {
  return dump(recorded_object(receipt));
}

std::string retracted_json(const RetractReport& report) {
  return dump(retracted_object(report));
}

std::string replaced_json(const ReplaceReport& report) {
  Json json = recorded_object(report.receipt);
  json["replaced"] = report.retracted ? retracted_object(*report.retracted) : Json(nullptr);
  return dump(json);
}

std::string receipt_json(const Receipt& receipt) {
  Json json = object();
  add_whole_receipt(json, receipt);
  add_change(json, receipt.change);
  return dump(json);
}

std::string file_json(const std::string& path, const std::vector<Receipt>& receipts) {
  Json json = object();
  json["path"] = path;
  json["records"] = whole_receipts(receipts, /*with_changes=*/true);
  return dump(json);
}

std::string list_json(const std::vector<Receipt>& receipts) {
  Json json = object();
  json["records"] = whole_receipts(receipts, /*with_changes=*/false);
  return dump(json);
}

std::string log_json(const LogEntry& entry) {
  Json json = object();
  add_receipt(json, entry.receipt);
  json["operation"] = entry.operation;
  json["rebound"] = entry.receipt.rebound;
  json["set_aside"] = text_or_null(entry.receipt.set_aside);
  json["retracts"] = number_or_null(entry.receipt.retracts);
  json["retracted_by"] = number_or_null(entry.receipt.retracted_by);
  return dump(json);
}

std::string ingest_json(const IngestReport& report) {
  Json json = object();
  json["read"] = report.read;
  json["accepted"] = report.accepted;
  json["duplicates"] = report.duplicates;
  json["rejected"] = report.rejected;
  json["first_seq"] = number_or_null(report.first_seq);
  json["last_seq"] = number_or_null(report.last_seq);
  json["seconds"] = report.seconds;
  json["set_aside"] = report.set_aside;
  json["unknown"] = report.unknown;
  json["not_written"] = report.not_written;
  json["stopped"] = text_or_null(report.stopped);
  return dump(json);
}

std::string sync_json(const SyncReport& report) {
  Json json = object();
  json["committed"] = report.committed;
  json["published"] = report.published;
  json["pushed"] = optional_or_null(report.pushed);
  json["batches"] = report.batches;
  json["records"] = report.records;
  json["waiting"] = text_or_null(report.waiting);
  json["left"] = report.left;
  json["republished"] = report.republished;
  json["ignored"] = report.ignored;
  return dump(json);
}

namespace {

Json alert_list(const std::vector<Alert>& thresholds) {
  Json list = Json::array();
  for (const Alert& alert : thresholds) {
    if (!alert.breached) continue;
    Json json = Json::object();
    json["name"] = alert.name;
    json["value"] = alert.value;
    json["limit"] = alert.limit;
    json["detail"] = alert.detail;
    list.push_back(std::move(json));
  }
  return list;
}

Json histogram_object(const Histogram& seen) {
  Json json = Json::object();
  json["count"] = seen.count();
  json["sum_s"] = static_cast<double>(seen.sum_ns()) / 1e9;
  Json ranges = Json::array();
  for (size_t i = 0; i < Histogram::kRanges; ++i) {
    const bool bounded = i < Histogram::kBoundsUs.size();
    Json range = Json::object();
    range["to_s"] =
        bounded ? Json(static_cast<double>(Histogram::kBoundsUs[i]) / 1e6) : Json(nullptr);
    range["count"] = seen.counts()[i];
    ranges.push_back(std::move(range));
  }
  json["ranges"] = std::move(ranges);
  return json;
}

Json status_object(const StoreStatus& status) {
  Json json = object();
  json["root"] = status.root;
  json["store"] = status.store_id;
  json["profile"] = status.profile;
  json["journaled"] = status.journaled;
  json["applied"] = status.applied;
  json["committed"] = status.committed;
  json["published"] = status.published;
  json["pushed"] = optional_or_null(status.pushed);
  json["set_aside"] = status.set_aside;
  json["files_waiting"] = status.files_waiting;
  json["ignored"] = status.ignored;
  json["own_ref_waiting"] = text_or_null(status.own_ref_waiting);
  json["publish_due_ms"] = optional_or_null(status.publish_due_ms);
  json["git"] = status.git;
  json["attributes_off"] = status.attributes_off;
  Json counters = Json::object();
  counters["retries"] = status.retries;
  Json causes = Json::object();
  for (const auto& [cause, count] : status.retries_by_cause) causes[cause] = count;
  counters["retries_by_cause"] = std::move(causes);
  counters["retries_last_minute"] = status.retries_last_minute;
  counters["flushes"] = status.flushes;
  counters["flush_failures"] = status.flush_failures;
  counters["batches"] = status.batches;
  counters["publishes"] = status.publishes;
  counters["appends"] = status.appends;
  json["counters"] = std::move(counters);
  json["io"] = status.io;
  json["journal_bytes"] = status.journal_bytes;
  json["disk_free_bytes"] = optional_or_null(status.disk_free_bytes);
  json["backlog_records"] = status.backlog_records;
  json["backlog_bytes"] = status.backlog_bytes;
  json["unapplied_age_ms"] = optional_or_null(status.unapplied_age_ms);
  json["uncommitted_age_ms"] = optional_or_null(status.uncommitted_age_ms);
  json["unpublished_age_ms"] = optional_or_null(status.unpublished_age_ms);
  json["alerts"] = alert_list(status.thresholds);
  json["notes"] = status.notes;
  return json;
}

}  // namespace

std::string status_json(const StoreStatus& status) {
  return dump(status_object(status));
}

std::string metrics_json(const StoreMetrics& metrics) {
  Json json = status_object(metrics.status);
  json["records"] = metrics.records;
  Json latencies = Json::object();
  latencies["journaled"] = histogram_object(metrics.journaled);
  latencies["applied"] = histogram_object(metrics.applied);
  latencies["committed"] = histogram_object(metrics.committed);
  latencies["flush"] = histogram_object(metrics.flush);
  json["latencies"] = std::move(latencies);
  return dump(json);
}

std::string verify_json(const VerifyReport& report, double seconds) {
  Json json = object();
  json["ok"] = report.ok();
  json["checked"] = report.checked;
  json["findings"] = finding_list(report.findings);
  json["notes"] = finding_list(report.notes);
  json["behind"] = report.behind;
  json["seconds"] = seconds;
  return dump(json);
}

std::string repair_json(const RepairReport& report, bool dry_run) {
  Json json = object();
  json["ok"] = report.left.empty();
  json["dry_run"] = dry_run;
  json["healed"] = finding_list(report.healed);
  json["left"] = finding_list(report.left);
  json["kept_in"] = text_or_null(report.kept_in);
  return dump(json);
}

std::string adopt_json(const AdoptReport& report) {
  const auto list = [](const std::vector<AdoptedThing>& things) {
    Json all = Json::array();
    for (const AdoptedThing& thing : things) {
      Json json = object();
      json["what"] = thing.what;
      json["seq"] = number_or_null(thing.seq);
      json["kind"] = thing.kind;
      json["table"] = thing.table;
      json["id"] = number_or_null(thing.id);
      json["path"] = text_or_null(thing.path);
      json["heading"] = text_or_null(thing.heading);
      json["reason"] = text_or_null(thing.reason);
      all.push_back(std::move(json));
    }
    return all;
  };
  Json json = object();
  json["dry_run"] = report.dry_run;
  json["taken"] = list(report.taken);
  json["left"] = list(report.left);
  json["already"] = report.already;
  json["of_no_kind"] = report.of_no_kind;
  return dump(json);
}

std::string restore_json(const RestoreReport& report) {
  Json json = object();
  json["rows"] = report.rows;
  json["restored"] = report.restored;
  json["left"] = report.left;
  json["waiting"] = text_or_null(report.waiting);
  return dump(json);
}

std::string loss_json(const LossReport& report) {
  Json json = object();
  json["ok"] = true;
  json["dry_run"] = report.dry_run;
  json["lost"] = text_or_null(report.lost);
  json["lost_store"] = report.lost_store;
  json["store"] = text_or_null(report.store_id);
  json["kept_in"] = report.kept_in;
  json["next_seq"] = report.first_seq;
  json["id_floor"] = report.id_floor;
  return dump(json);
}

std::string copy_json(const std::string& into, const CopyReport& report, double seconds) {
  Json json = object();
  json["into"] = into;
  json["journaled"] = report.journaled;
  json["applied"] = report.applied;
  json["committed"] = report.committed;
  json["published"] = report.published;
  json["seconds"] = seconds;
  return dump(json);
}

std::string replay_json(const std::string& into, std::optional<uint64_t> to_seq, double seconds) {
  Json json = object();
  json["into"] = into;
  json["to"] = optional_or_null(to_seq);
  json["seconds"] = seconds;
  return dump(json);
}

std::string stress_json(const StressReport& report) {
  Json json = object();
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
  return dump(json);
}

std::string bench_json(const BenchReport& report) {
  Json json = object();
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
  return dump(json);
}

std::string config_check_json(const std::string& path, const Config& config,
                              const std::vector<std::string>& differences,
                              const std::vector<std::string>& ignored) {
  Json json = object();
  json["ok"] = true;
  json["path"] = path;
  json["profile"] = config.profile;
  Json kinds = Json::array();
  for (const KindSpec& kind : config.kinds) kinds.push_back(kind.name);
  json["kinds"] = std::move(kinds);
  json["differences"] = differences;
  json["ignored"] = ignored;
  return dump(json);
}

std::string config_json(const Config& config) {
  Json json = object();
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
  return dump(json);
}

std::string reject_json(uint64_t line_number, const std::string& reason, std::string_view raw) {
  Json json = Json::object();
  json["line"] = line_number;
  json["reason"] = reason;
  json["raw"] = raw;
  if (!is_valid_utf8(raw)) json["raw_hex"] = to_hex(std::as_bytes(std::span(raw)));
  return dump(json);
}

std::string quoted_json(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<ChildAnswer> parse_child_answer(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("schema", 0) != kJsonSchema) return std::nullopt;
  ChildAnswer answer;
  if (const auto error = json.find("error"); error != json.end()) {
    if (!error->is_object()) return std::nullopt;
    answer.error = error->value("message", std::string("an error without a message"));
    if (const auto seq = json.find("seq"); seq != json.end() && seq->is_number_unsigned()) {
      answer.seq = seq->get<uint64_t>();
    }
    return answer;
  }
  const auto number = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
  };
  const auto string = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  answer.seq = number("seq");
  answer.id = number("id");
  answer.table = string("table");
  answer.path = string("path");
  return answer;
}

}  // namespace syncline
