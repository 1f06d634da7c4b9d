#include "tools/json_output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace syncline {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys(const Json& json) {
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items()) names.push_back(name);
  return names;
}

// One object on one line, and our schema.
Json parse_line(const std::string& text) {
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_EQ(text.back(), '\n');
  Json json = Json::parse(text);
  EXPECT_TRUE(json.is_object());
  EXPECT_EQ(json["schema"], 1);
  return json;
}

Receipt make_receipt() {
  return {.seq = 12,
          .kind = "note",
          .key = "k",
          .table = "notes",
          .id = 7,
          .path = "notes/0000/hello-7.md",
          .time_ms = 1'700'000'000'123,
          .stage = Stage::kApplied};
}

TEST(JsonOutput, RecordAnswersSeqIdKindPathStageDuplicateFirst) {
  const Json json = parse_line(recorded_json(make_receipt()));
  EXPECT_EQ(keys(json),
            (std::vector<std::string>{"schema", "seq", "id", "kind", "path", "stage", "duplicate",
                                      "table", "ignored", "rebound", "set_aside", "retracted_by"}));
  EXPECT_EQ(json["ignored"], false);
  EXPECT_EQ(json["seq"], 12);
  EXPECT_EQ(json["id"], 7);
  EXPECT_EQ(json["stage"], "applied");
  EXPECT_EQ(json["duplicate"], false);
  EXPECT_TRUE(json["set_aside"].is_null());
}

TEST(JsonOutput, ShowAnswersTheWholeReceipt) {
  const Json json = parse_line(receipt_json(make_receipt()));
  for (const char* key :
       {"seq", "kind", "key", "time", "table", "id", "path", "commit", "branch_commit", "stage"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["time"], "2023-11-14T22:13:20.123Z");
  EXPECT_TRUE(json["commit"].is_null());
  EXPECT_TRUE(json["fields"].is_null()) << "where they cannot be told";
  Receipt receipt = make_receipt();
  receipt.fields = {{"title", std::string("t")}, {"severity", int64_t{4}}, {"confidence", 0.5}};
  EXPECT_EQ(parse_line(receipt_json(receipt))["fields"].dump(),
            R"({"title":"t","severity":4,"confidence":0.5})");
}

TEST(JsonOutput, ShowAnswersWhatAPersonDidAndAListDoesNot) {
  Receipt receipt = make_receipt();
  for (const char* key : {"on_branch", "moved_to", "moved_by", "edited_by", "removed_by",
                          "in_work_tree", "change_unknown"}) {
    EXPECT_TRUE(parse_line(receipt_json(receipt))[key].is_null()) << key;
    EXPECT_FALSE(parse_line(list_json({receipt}))["records"][0].contains(key)) << key;
  }
  receipt.change = {.on_branch = PersonsChange::Kind::kRemoved, .removed_by = "12ab"};
  const Json json = parse_line(file_json("notes/0000/hello-7.md", {receipt}))["records"][0];
  EXPECT_EQ(json["on_branch"], "removed");
  EXPECT_EQ(json["removed_by"], "12ab");
}

TEST(JsonOutput, ErrorsAnswerCodeMessageHintSeqStage) {
  Error error = make_error(Code::kKeyConflict, "the key is taken", "use another");
  Json json = parse_line(failure_json({.error = error, .kept = {}, .stage = {}}));
  EXPECT_EQ(keys(json), (std::vector<std::string>{"schema", "error", "seq", "stage"}));
  EXPECT_EQ(json["error"]["code"], "key-conflict");
  EXPECT_EQ(json["error"]["message"], "the key is taken");
  EXPECT_EQ(json["error"]["hint"], "use another");
  EXPECT_TRUE(json["seq"].is_null());
  EXPECT_TRUE(json["stage"].is_null());

  error.seq = 9;
  json = parse_line(failure_json({.error = error, .kept = {}, .stage = "journaled"}));
  EXPECT_EQ(json["seq"], 9);
  EXPECT_EQ(json["stage"], "journaled");
}

TEST(JsonOutput, IngestAnswersItsCounts) {
  const Json json = parse_line(ingest_json({.read = 5,
                                            .accepted = 3,
                                            .duplicates = 1,
                                            .rejected = 1,
                                            .first_seq = 10,
                                            .last_seq = 12,
                                            .seconds = 0.5}));
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{{"read", 5},
                                                                            {"accepted", 3},
                                                                            {"duplicates", 1},
                                                                            {"rejected", 1},
                                                                            {"first_seq", 10},
                                                                            {"last_seq", 12},
                                                                            {"seconds", 0.5}}) {
    EXPECT_EQ(json[key], value) << key;
  }
  EXPECT_TRUE(parse_line(ingest_json({}))["first_seq"].is_null());
}

TEST(JsonOutput, StatusAnswersSequencesGitAndCounters) {
  StoreStatus status;
  status.journaled = 4;
  status.git = "ok";
  status.retries = 2;
  status.notes = {"a torn tail was cut"};
  Json json = parse_line(status_json(status));
  for (const char* key : {"journaled",
                          "applied",
                          "committed",
                          "published",
                          "pushed",
                          "set_aside",
                          "files_waiting",
                          "publish_due_ms",
                          "git",
                          "attributes_off",
                          "counters",
                          "io",
                          "journal_bytes",
                          "disk_free_bytes",
                          "backlog_records",
                          "backlog_bytes",
                          "unapplied_age_ms",
                          "uncommitted_age_ms",
                          "unpublished_age_ms",
                          "alerts",
                          "store",
                          "notes"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(
      keys(json["counters"]),
      (std::vector<std::string>{"retries", "retries_by_cause", "retries_last_minute", "flushes",
                                "flush_failures", "batches", "publishes", "appends"}));
  EXPECT_EQ(json["counters"]["retries"], 2);
  EXPECT_TRUE(json["pushed"].is_null());
  EXPECT_TRUE(json["publish_due_ms"].is_null());
  status.publish_due_ms = 1500;
  EXPECT_EQ(parse_line(status_json(status))["publish_due_ms"], 1500);
  status.pushed = 0;
  EXPECT_EQ(parse_line(status_json(status))["pushed"], 0);
}

TEST(JsonOutput, OfTheThresholdsStatusAnswersThoseThatAreBreached) {
  StoreStatus status;
  status.thresholds = {
      {.name = "set_aside_max", .value = 1, .limit = 0, .breached = true, .detail = "one is"},
      {.name = "backlog_records_max", .value = 2, .limit = 5, .breached = false, .detail = "two"}};
  const Json json = parse_line(status_json(status));
  ASSERT_EQ(json["alerts"].size(), 1u);
  EXPECT_EQ(json["alerts"][0],
            (Json{{"name", "set_aside_max"}, {"value", 1}, {"limit", 0}, {"detail", "one is"}}));
}

TEST(JsonOutput, MetricsAnswerAllOfStatusAndTheLatencies) {
  StoreMetrics metrics;
  metrics.status.journaled = 9;
  metrics.records = 8;
  metrics.journaled.observe_ns(3'000'000);
  metrics.journaled.observe_ns(40'000'000);
  const Json json = parse_line(metrics_json(metrics));
  EXPECT_EQ(json["schema"], kJsonSchema);
  EXPECT_EQ(json["journaled"], 9);
  EXPECT_EQ(json["records"], 8);
  const Json& latency = json["latencies"]["journaled"];
  EXPECT_EQ(latency["count"], 2);
  EXPECT_EQ(latency["sum_s"], 0.043);
  ASSERT_EQ(latency["ranges"].size(), Histogram::kRanges);
  EXPECT_TRUE(latency["ranges"].back()["to_s"].is_null());
  EXPECT_EQ(latency["ranges"][Histogram::range_of(3'000'000)],
            (Json{{"to_s", 0.005}, {"count", 1}}));
}

TEST(JsonOutput, VerifyAnswersFindingsByClass) {
  VerifyReport report;
  report.checked = 3;
  EXPECT_EQ(parse_line(verify_json(report, 0.1))["ok"], true);
  report.findings.push_back(
      {.cls = FindingClass::kRowWithoutFile, .seq = 2, .path = "a.md", .table = "notes", .id = 2});
  report.notes.push_back({.cls = FindingClass::kFileDiffers, .detail = "edited by hand"});
  const Json json = parse_line(verify_json(report, 0.1));
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["checked"], 3);
  ASSERT_EQ(json["findings"].size(), 1u);
  EXPECT_EQ(keys(json["findings"][0]),
            (std::vector<std::string>{"class", "seq", "path", "table", "id", "commit", "detail"}));
  EXPECT_EQ(json["findings"][0]["class"], "row-without-file");
  EXPECT_TRUE(json["findings"][0]["commit"].is_null());
  EXPECT_EQ(json["notes"].size(), 1u);
}

TEST(JsonOutput, SyncSaysWhyItWaits) {
  SyncReport report;
  report.committed = 5;
  report.waiting = "a rebase is under way";
  report.left = {"a.md"};
  const Json json = parse_line(sync_json(report));
  EXPECT_EQ(json["committed"], 5);
  EXPECT_EQ(json["waiting"], "a rebase is under way");
  EXPECT_EQ(json["left"], Json::array({"a.md"}));
  EXPECT_TRUE(json["pushed"].is_null());
}

TEST(JsonOutput, BrokenUtf8NeverFails) {
  Receipt receipt = make_receipt();
  receipt.key = "\xff\xfe broken \xc3";
  const Json json = parse_line(receipt_json(receipt));
  EXPECT_NE(json["key"].get<std::string>().find("broken"), std::string::npos);
  EXPECT_FALSE(reject_json(3, "not UTF-8", "\xff{").empty());
}

TEST(JsonOutput, RejectsCarryLineReasonAndRaw) {
  const Json json = Json::parse(reject_json(17, "no kind", R"({"fields":{}})"));
  EXPECT_EQ(json["line"], 17);
  EXPECT_EQ(json["reason"], "no kind");
  EXPECT_EQ(json["raw"], R"({"fields":{}})");
}

TEST(JsonOutput, StressAnswersLevelsAndTotal) {
  StressReport report;
  report.levels = {{.processes = 5, .calls = 15, .exit_zero = 15, .seconds = 3},
                   {.processes = 10, .calls = 30, .exit_zero = 29, .seconds = 2}};
  const Json json = parse_line(stress_json(report));
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(json["levels"][0]["processes"], 5);
  EXPECT_EQ(json["levels"][0]["calls_per_second"], 5.0);
  EXPECT_EQ(json["total"]["calls"], 45);
  EXPECT_EQ(json["total"]["exit_zero"], 44);
  EXPECT_TRUE(json["against"].is_null());
  report.against = {
      .script = "old_way", .sequential = {}, .levels = {{.calls = 3, .lost = 2}}, .orphans = 4};
  const Json beside = parse_line(stress_json(report))["against"];
  EXPECT_EQ(beside["total"]["lost"], 2);
  EXPECT_EQ(beside["orphans"], 4);
  EXPECT_FALSE(beside["levels"][0].contains("retries"));
}

TEST(JsonOutput, ConfigShowsKindsFieldsAndLimits) {
  Config config;
  config.profile = "notes";
  KindSpec kind;
  kind.name = "note";
  FieldSpec severity{.name = "severity", .type = FieldSpec::Type::kInteger};
  severity.minimum = 1;
  severity.maximum = 5;
  severity.words["high"] = 4;
  severity.default_value = int64_t{3};
  kind.fields = {{.name = "title", .required = true, .length_max = 500}, severity};
  config.kinds = {kind};
  const Json json = parse_line(config_json(config));
  const Json& fields = json["kinds"][0]["fields"];
  EXPECT_EQ(fields[0]["length_max"], 500);
  EXPECT_EQ(fields[0]["required"], true);
  EXPECT_EQ(fields[1]["default"], 3);
  EXPECT_EQ(fields[1]["maximum"], 5.0);
  EXPECT_EQ(fields[1]["words"]["high"], 4.0);
}

TEST(ChildAnswer, ReadsBackReceiptsAndErrors) {
  const auto receipt = parse_child_answer(recorded_json(make_receipt()));
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->seq, 12u);
  EXPECT_EQ(receipt->id, 7u);
  EXPECT_EQ(receipt->table, "notes");
  EXPECT_EQ(receipt->path, "notes/0000/hello-7.md");
  EXPECT_TRUE(receipt->error.empty());

  const auto error = parse_child_answer(
      failure_json({.error = make_error(Code::kRetryLater, "full"), .kept = {}, .stage = {}}));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->error, "full");
}

TEST(ChildAnswer, GarbageIsNoAnswer) {
  for (const char* text : {"", "recorded seq 1", "[]", "{}", R"({"schema":2})", "{\"schema\":1",
                           R"({"schema":1,"error":"x"})"}) {
    EXPECT_FALSE(parse_child_answer(text)) << text;
  }
}

}  // namespace
}  // namespace syncline
