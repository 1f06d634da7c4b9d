#include "tools/json_output.h"

#include "engine/config/utf8.h"
#include "engine/store/default_hint.h"
#include "journal/base/bytes.h"
#include "journal/record/template.h"
#include "tools/fields_json.h"
#include "tools/json_parts.h"

namespace syncline {

namespace {

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

void add_whole_receipt(Json& json, const Receipt& receipt) {
  add_receipt(json, receipt);
  json["commit"] = text_or_null(receipt.commit);
  json["branch_commit"] = text_or_null(receipt.branch_commit);
  json["stage"] = stage_name(receipt.stage);
  json["ignored"] = receipt.ignored;
  json["rebound"] = receipt.rebound;
  json["set_aside"] = text_or_null(receipt.set_aside);
  json["again_as"] = number_or_null(receipt.again_as);
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
  Json json = answer_object();
  Json error = Json::object();
  error["code"] = code_name(failure.error.code);
  error["message"] = failure.error.message;
  error["hint"] = failure.error.hint.empty() ? std::string(default_hint(failure.error.code))
                                             : failure.error.hint;
  json["error"] = std::move(error);
  json["seq"] = number_or_null(failure.error.seq);
  json["stage"] = text_or_null(failure.stage);
  return json_line(json);
}

std::string version_json() {
  Json json = answer_object();
  json["version"] = SYNCLINE_VERSION;
  return json_line(json);
}

std::string init_json(const InitReport& report) {
  Json json = answer_object();
  json["root"] = report.root;
  json["store"] = report.store_id;
  json["profile"] = report.profile;
  json["created_repository"] = report.created_repository;
  json["existed"] = report.existed;
  json["notes"] = report.notes;
  return json_line(json);
}

namespace {

Json recorded_object(const Receipt& receipt) {
  Json json = answer_object();
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
  json["retracted_by"] = number_or_null(receipt.retracted_by);
  return json;
}

Json retracted_object(const RetractReport& report) {
  Json json = answer_object();
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
  return json_line(recorded_object(receipt));
}

std::string retracted_json(const RetractReport& report) {
  return json_line(retracted_object(report));
}

std::string replaced_json(const ReplaceReport& report) {
  Json json = recorded_object(report.receipt);
  json["replaced"] = report.retracted ? retracted_object(*report.retracted) : Json(nullptr);
  return json_line(json);
}

std::string receipt_json(const Receipt& receipt) {
  Json json = answer_object();
  add_whole_receipt(json, receipt);
  add_change(json, receipt.change);
  return json_line(json);
}

std::string file_json(const std::string& path, const std::vector<Receipt>& receipts) {
  Json json = answer_object();
  json["path"] = path;
  json["records"] = whole_receipts(receipts, /*with_changes=*/true);
  return json_line(json);
}

std::string list_json(const std::vector<Receipt>& receipts) {
  Json json = answer_object();
  json["records"] = whole_receipts(receipts, /*with_changes=*/false);
  return json_line(json);
}

std::string log_json(const LogEntry& entry) {
  Json json = answer_object();
  add_receipt(json, entry.receipt);
  json["operation"] = entry.operation;
  json["rebound"] = entry.receipt.rebound;
  json["set_aside"] = text_or_null(entry.receipt.set_aside);
  json["again_as"] = number_or_null(entry.receipt.again_as);
  json["retracts"] = number_or_null(entry.receipt.retracts);
  json["retracted_by"] = number_or_null(entry.receipt.retracted_by);
  json["fields"] = entry.receipt.fields ? fields_json(*entry.receipt.fields) : Json(nullptr);
  return json_line(json);
}

std::string ingest_json(const IngestReport& report) {
  Json json = answer_object();
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
  return json_line(json);
}

std::string sync_json(const SyncReport& report) {
  Json json = answer_object();
  json["committed"] = report.committed;
  json["published"] = report.published;
  json["pushed"] = optional_or_null(report.pushed);
  json["batches"] = report.batches;
  json["records"] = report.records;
  json["waiting"] = text_or_null(report.waiting);
  json["left"] = report.left;
  json["republished"] = report.republished;
  json["ignored"] = report.ignored;
  return json_line(json);
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
  Json json = answer_object();
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
  return json_line(status_object(status));
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
  return json_line(json);
}

std::string verify_json(const VerifyReport& report, double seconds) {
  Json json = answer_object();
  json["ok"] = report.ok();
  json["checked"] = report.checked;
  json["findings"] = finding_list(report.findings);
  json["notes"] = finding_list(report.notes);
  json["behind"] = report.behind;
  json["seconds"] = seconds;
  return json_line(json);
}

std::string repair_json(const RepairReport& report, bool dry_run) {
  Json json = answer_object();
  json["ok"] = report.left.empty();
  json["dry_run"] = dry_run;
  json["healed"] = finding_list(report.healed);
  json["left"] = finding_list(report.left);
  json["kept_in"] = text_or_null(report.kept_in);
  return json_line(json);
}

std::string adopt_json(const AdoptReport& report) {
  const auto list = [](const std::vector<AdoptedThing>& things) {
    Json all = Json::array();
    for (const AdoptedThing& thing : things) {
      Json json = answer_object();
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
  Json json = answer_object();
  json["dry_run"] = report.dry_run;
  json["taken"] = list(report.taken);
  json["left"] = list(report.left);
  json["already"] = report.already;
  json["of_no_kind"] = report.of_no_kind;
  return json_line(json);
}

std::string restore_json(const RestoreReport& report) {
  Json json = answer_object();
  json["rows"] = report.rows;
  json["restored"] = report.restored;
  json["left"] = report.left;
  json["waiting"] = text_or_null(report.waiting);
  return json_line(json);
}

std::string loss_json(const LossReport& report) {
  Json json = answer_object();
  json["ok"] = true;
  json["dry_run"] = report.dry_run;
  json["lost"] = text_or_null(report.lost);
  json["lost_store"] = report.lost_store;
  json["store"] = text_or_null(report.store_id);
  json["kept_in"] = report.kept_in;
  json["next_seq"] = report.first_seq;
  json["id_floor"] = report.id_floor;
  return json_line(json);
}

std::string copy_json(const std::string& into, const CopyReport& report, double seconds) {
  Json json = answer_object();
  json["into"] = into;
  json["journaled"] = report.journaled;
  json["applied"] = report.applied;
  json["committed"] = report.committed;
  json["published"] = report.published;
  json["seconds"] = seconds;
  return json_line(json);
}

std::string replay_json(const std::string& into, std::optional<uint64_t> to_seq, double seconds) {
  Json json = answer_object();
  json["into"] = into;
  json["to"] = optional_or_null(to_seq);
  json["seconds"] = seconds;
  return json_line(json);
}

std::string reject_json(uint64_t line_number, const std::string& reason, std::string_view raw) {
  Json json = Json::object();
  json["line"] = line_number;
  json["reason"] = reason;
  json["raw"] = raw;
  if (!is_valid_utf8(raw)) json["raw_hex"] = to_hex(std::as_bytes(std::span(raw)));
  return json_line(json);
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
