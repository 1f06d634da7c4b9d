#include "tests/simulation/client.h"

#include <fmt/format.h>

#include <algorithm>

#include <array>

namespace syncline::simulation {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Step::kCount)> kStepNames = {
    "create",     "append", "same-key", "ingest",  "fold",
    "checkpoint", "rotate", "trim",     "retract", "replay"};

// Large enough that the smallest segment is full after it.
constexpr size_t kFillingBytes = 57 * 1024;

// One kind of each mode, with as little besides as the engine allows.
constexpr std::string_view kConfiguration = R"toml(schema = 1
profile = "simulation"
database = "syncline.db"

[sync]
batch_records_max = {batch_records_max}
publish_interval_ms = 0

[journal]
segment_bytes_max = 65536
retain_bytes_max = {retain_bytes_max}

[kind.note]
table = "notes"
create_table = "CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, created_at TEXT NOT NULL)"
subject = "note: {title}"

[[kind.note.field]]
name = "title"
required = true

[[kind.note.field]]
name = "body"

[kind.note.columns]
title = "{title}"
body = "{body}"
created_at = "{time}"

[kind.note.file]
mode = "create"
path = "notes/{shard}/{title|slug:20}-{id}.md"
text = "# {title}\n{?body}\n{body}\n{/body}"

[kind.rule]
table = "rules"
create_table = "CREATE TABLE IF NOT EXISTS rules(id INTEGER PRIMARY KEY, rule TEXT NOT NULL, created_at TEXT NOT NULL)"
subject = "rule: {rule}"

[[kind.rule.field]]
name = "rule"
required = true

[kind.rule.columns]
rule = "{rule}"
created_at = "{time}"

[kind.rule.file]
mode = "append"
path = "rules/all.md"
header = "# Rules"
text = "\n## H-{id}: {rule}\n"
)toml";

void replace_all(std::string& text, std::string_view slot, const std::string& value) {
  for (size_t at = text.find(slot); at != std::string::npos; at = text.find(slot, at)) {
    text.replace(at, slot.size(), value);
  }
}

}  // namespace

std::string_view step_name(Step step) {
  return kStepNames[static_cast<size_t>(step)];
}

std::string configuration(uint64_t retain_bytes_max, uint64_t batch_records_max) {
  std::string text(kConfiguration);
  replace_all(text, "{retain_bytes_max}", std::to_string(retain_bytes_max));
  replace_all(text, "{batch_records_max}", std::to_string(batch_records_max));
  return text;
}

size_t Ledger::add(std::string kind, size_t body_bytes) {
  const std::string marker = marker_of(entries.size() + 1);
  Entry entry;
  entry.told.marker = marker;
  entry.told.table = kind == "note" ? "notes" : "rules";
  entry.record.fields.emplace_back(kind == "note" ? "title" : "rule", marker);
  if (body_bytes > 0) entry.record.fields.emplace_back("body", std::string(body_bytes, 'x'));
  entry.record.kind = std::move(kind);
  entry.record.key = "key-" + marker;
  entries.push_back(std::move(entry));
  return entries.size() - 1;
}

std::vector<Told> Ledger::told() const {
  std::vector<Told> all;
  all.reserve(entries.size());
  for (const Entry& entry : entries) all.push_back(entry.told);
  return all;
}

std::optional<size_t> Ledger::retractable() const {
  for (size_t i = entries.size(); i-- > 0;) {
    if (entries[i].told.acknowledged && !entries[i].told.retraction_tried) return i;
  }
  return std::nullopt;
}

Status Client::open() {
  StoreOptions options;
  options.platform = &platform_;
  options.one_shot = lends_;
  Result<std::unique_ptr<Store>> opened = Store::open(root_, options);
  if (!opened) {
    failed("open", opened.error());
    return std::move(opened).error();
  }
  store_ = std::move(*opened);
  return {};
}

void Client::close() {
  if (lends_) lend_a_hand();
  store_.reset();
}

void Client::lend_a_hand() {
  if (store_ == nullptr || fate_.dead()) return;
  const Status lent = store_->lend_a_hand();
  if (!lent) failed("lend a hand", lent.error());
}

bool Client::failed(std::string_view what, const Error& error) {
  if (!fate_.dead() && !fate_.errors_allowed()) {
    ledger_.faults.push_back(fmt::format("{} answered: {}", what, error.message));
  }
  return true;
}

void Client::acknowledge(size_t entry, const Receipt& receipt) {
  if (fate_.dead()) return;
  Told& told = ledger_.entries[entry].told;
  if (!receipt.set_aside.empty()) {
    ledger_.faults.push_back(told.marker + " was set aside: " + receipt.set_aside);
  }
  if (told.acknowledged && (told.seq != receipt.seq || told.id != receipt.id)) {
    ledger_.faults.push_back(fmt::format("{} was acknowledged as record {} id {}, then as {} id {}",
                                         told.marker, told.seq, told.id, receipt.seq, receipt.id));
  }
  bool& told_new = ledger_.entries[entry].told_new;
  if (told_new && !receipt.duplicate) {
    ledger_.faults.push_back("DOUBLED: " + told.marker + " was acknowledged twice as new");
  }
  told_new = told_new || !receipt.duplicate;
  told.acknowledged = true;
  told.seq = receipt.seq;
  told.id = receipt.id;
}

bool Client::record(size_t entry) {
  const Record record = ledger_.entries[entry].record;
  const Result<Receipt> receipt = store_->record(record, stage_);
  if (!receipt) return !failed("record", receipt.error());
  acknowledge(entry, *receipt);
  return true;
}

bool Client::ingest(const std::vector<size_t>& entries) {
  std::vector<std::pair<size_t, Ticket>> tickets;
  bool good = true;
  for (const size_t entry : entries) {
    const Record record = ledger_.entries[entry].record;
    Result<Ticket> ticket = store_->submit(record);
    if (!ticket) {
      good = !failed("submit", ticket.error());
      break;
    }
    tickets.emplace_back(entry, std::move(*ticket));
  }
  for (const auto& [entry, ticket] : tickets) {
    const Result<Receipt> receipt = store_->wait(ticket, stage_);
    if (!receipt) {
      good = !failed("wait", receipt.error());
      continue;
    }
    // Of a duplicate a ticket tells seq and stage only.
    if (receipt->duplicate) continue;
    acknowledge(entry, *receipt);
  }
  return good;
}

bool Client::same_key() {
  if (ledger_.entries.empty() && !record(ledger_.add("note", 0))) return false;
  return record(ledger_.entries.size() - 1);
}

bool Client::retract() {
  if (!ledger_.retractable() && !record(ledger_.add("rule", 0))) return false;
  const std::optional<size_t> entry = ledger_.retractable();
  if (!entry) return false;  // whoever recorded it is dead
  ledger_.entries[*entry].told.retraction_tried = true;
  const Result<RetractReport> report = store_->retract(ledger_.entries[*entry].told.seq, stage_);
  // A trimmed record can be taken away no more.
  if (!report && report.error().code == Code::kInvalid) return true;
  if (!report) return !failed("retract", report.error());
  if (!fate_.dead()) ledger_.entries[*entry].told.retracted_by = report->receipt.seq;
  return true;
}

bool Client::sync() {
  const Result<SyncReport> report =
      store_->sync(/*push=*/false, platform_.clock().after_ms(20'000));
  if (!report) return !failed("sync", report.error());
  if (!report->waiting.empty() && !fate_.dead() && !fate_.errors_allowed()) {
    ledger_.faults.push_back("publishing waits: " + report->waiting);
  }
  return report->waiting.empty();
}

bool Client::replay() {
  const std::string into = fmt::format("{}-replayed-{}", root_, platform_.random().next_u64());
  const Status replayed = store_->replay_into(into, std::nullopt, {});
  // Of a trimmed journal there is no replay.
  if (!replayed && replayed.error().code == Code::kUnsupported) return true;
  return replayed || !failed("replay", replayed.error());
}

bool Client::run(Step step) {
  switch (step) {
    case Step::kCreate:
      return record(ledger_.add("note", 0));
    case Step::kAppend:
      return record(ledger_.add("rule", 0));
    case Step::kSameKey:
      return same_key();
    case Step::kIngest:
      return ingest({ledger_.add("note", 0), ledger_.add("rule", 0), ledger_.add("note", 0)});
    case Step::kFold:
    case Step::kTrim:
      return sync();
    case Step::kCheckpoint: {
      const Status done = store_->checkpoint();
      return done || !failed("checkpoint", done.error());
    }
    case Step::kRotate:
      return record(ledger_.add("note", kFillingBytes)) && record(ledger_.add("note", 0));
    case Step::kRetract:
      return retract();
    case Step::kReplay:
      return replay();
    case Step::kCount:
      break;
  }
  return false;
}

void Client::retry_unacknowledged() {
  for (size_t entry = 0; entry < ledger_.entries.size(); ++entry) {
    if (!ledger_.entries[entry].told.acknowledged) record(entry);
  }
}

void Client::retry_all() {
  for (size_t entry = 0; entry < ledger_.entries.size(); ++entry) record(entry);
}

void Client::verify() {
  const Result<VerifyReport> report = store_->verify({});
  if (!report) {
    failed("verify", report.error());
    return;
  }
  // To the dead everything is missing.
  if (fate_.dead() || fate_.errors_allowed()) return;
  const auto fault = [this](const Finding& finding) {
    ledger_.faults.push_back(fmt::format("verify finds {}: seq {} path {} {}",
                                         finding_class_name(finding.cls), finding.seq, finding.path,
                                         finding.detail));
  };
  std::ranges::for_each(report->findings, fault);
  // No person makes rows here.
  for (const Finding& note : report->notes) {
    if (note.cls == FindingClass::kForeignRow) fault(note);
  }
}

}  // namespace syncline::simulation
