#include "tools/text_output.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <ranges>
#include <set>
#include <string_view>
#include <variant>

#include "engine/config/pattern.h"
#include "engine/verify/finding_class.h"
#include "journal/record/template.h"
#include "tools/console.h"

namespace syncline {
namespace {

std::string plural(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string place_text(const Receipt& receipt) {
  return fmt::format("{} id {}{}", printable(receipt.table), receipt.id,
                     receipt.path.empty() ? "" : ", " + printable(receipt.path));
}

std::string default_text(const FieldSpec& field) {
  if (const auto* integer = std::get_if<int64_t>(&field.default_value)) {
    return fmt::format("{}", *integer);
  }
  if (const auto* real = std::get_if<double>(&field.default_value)) {
    return fmt::format("{}", *real);
  }
  if (const auto* text = std::get_if<std::string>(&field.default_value)) return printable(*text);
  return {};
}

std::string field_text(const FieldSpec& field) {
  std::string text;
  switch (field.type) {
    case FieldSpec::Type::kText:
      text = fmt::format("text of up to {} characters", field.length_max);
      break;
    case FieldSpec::Type::kInteger:
      text = "integer";
      break;
    case FieldSpec::Type::kReal:
      text = "number";
      break;
  }
  if (field.single_line) text += ", one line";
  if (field.type != FieldSpec::Type::kText && field.minimum < field.maximum) {
    text += fmt::format(", {} to {}", field.minimum, field.maximum);
  }
  for (const auto& [word, number] : field.words) {
    text += fmt::format(", {}={}", printable(word), number);
  }
  if (field.required) text += ", required";
  if (const std::string value = default_text(field); !value.empty()) {
    text += fmt::format(", default {}", value);
  }
  return text;
}

std::string behind_text(uint64_t reached, uint64_t journaled) {
  if (reached >= journaled) return {};
  return fmt::format("  ({} behind)", journaled - reached);
}

}  // namespace

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double scaled = static_cast<double>(bytes) / 1024.0;
  size_t unit = 0;
  while (scaled >= 1024.0 && unit + 1 < kUnits.size()) {
    scaled /= 1024.0;
    ++unit;
  }
  return fmt::format("{:.1f} {}", scaled, kUnits[unit]);
}

std::string init_text(const InitReport& report) {
  std::string text =
      report.existed
          ? fmt::format("{} is a store already (profile {}, id {}): nothing was changed\n",
                        printable(report.root), printable(report.profile), report.store_id)
          : fmt::format("made a store in {} (profile {}, id {}){}\n", printable(report.root),
                        printable(report.profile), report.store_id,
                        report.created_repository ? ", and a git repository for it" : "");
  for (const std::string& note : report.notes) text += fmt::format("note: {}\n", printable(note));
  return text;
}

std::string recorded_text(const Receipt& receipt) {
  std::string text =
      fmt::format("{} seq {}: {} ({})", receipt.duplicate ? "already recorded as" : "recorded",
                  receipt.seq, place_text(receipt), stage_name(receipt.stage));
  if (receipt.rebound) text += ", its first id was taken by a row that is not ours";
  if (receipt.ignored) text += ", not on the branch: the repository ignores the path";
  if (!receipt.set_aside.empty()) {
    text +=
        fmt::format(", but set aside: {}; once that is mended, `syncline repair` records it anew",
                    printable(receipt.set_aside));
  }
  if (receipt.retracted_by != 0) {
    text += fmt::format(", but retracted by {}: to record it again, give another key, or none",
                        receipt.retracted_by);
  }
  return text + "\n";
}

std::string retracted_text(const RetractReport& report) {
  const Receipt& receipt = report.receipt;
  std::string text = fmt::format(
      "{} {} by seq {}: {} ({})\n", receipt.duplicate ? "already retracted seq" : "retracted seq",
      receipt.retracts, receipt.seq, place_text(receipt), stage_name(receipt.stage));
  if (!report.kept.empty()) text += fmt::format("note: {}\n", printable(report.kept));
  return text;
}

std::string replaced_text(const ReplaceReport& report) {
  std::string text = recorded_text(report.receipt);
  if (report.retracted) text += retracted_text(*report.retracted);
  return text;
}

namespace {

std::string number_text(const FieldValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return fmt::format("{}", *integer);
  return fmt::format("{}", std::get<double>(value));
}

// As git shortens them, with room to spare.
std::string short_commit(const std::string& commit) {
  return commit.substr(0, 10);
}

// What a person has done with it, in the order in which it was done.
std::vector<std::string> change_lines(const PersonsChange& change) {
  using Kind = PersonsChange::Kind;
  std::vector<std::string> lines;
  const auto add = [&](std::string what, const std::string& commit) {
    lines.push_back(commit.empty() ? std::move(what)
                                   : fmt::format("{} by {}", what, short_commit(commit)));
  };
  if (!change.moved_to.empty()) {
    add(fmt::format("moved to {}", printable(change.moved_to)), change.moved_by);
  }
  if (change.on_branch == Kind::kEdited) add("edited", change.edited_by);
  if (change.on_branch == Kind::kRemoved) add("removed", change.removed_by);
  if (change.in_work_tree == Kind::kEdited) add("edited in the work tree", {});
  if (change.in_work_tree == Kind::kRemoved) add("removed from the work tree", {});
  if (!change.unknown.empty()) add(fmt::format("not known: {}", printable(change.unknown)), {});
  return lines;
}

}  // namespace

std::string receipt_text(const Receipt& receipt) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<14} {}\n", name, value);
  };
  line("seq", std::to_string(receipt.seq));
  line("kind", printable(receipt.kind));
  line("key", receipt.key.empty() ? "none" : printable(receipt.key));
  line("time", format_time(receipt.time_ms));
  line("row", fmt::format("{} id {}{}", printable(receipt.table), receipt.id,
                          receipt.rebound ? " (its first id was taken)" : ""));
  line("path", receipt.path.empty() ? "none" : printable(receipt.path));
  line("stage", std::string(stage_name(receipt.stage)));
  line("commit", receipt.commit.empty() ? "not yet" : receipt.commit);
  line("branch commit", receipt.ignored                 ? "none: the repository ignores the path"
                        : receipt.branch_commit.empty() ? "not yet"
                                                        : receipt.branch_commit);
  if (!receipt.set_aside.empty()) line("set aside", printable(receipt.set_aside));
  if (receipt.again_as != 0) line("recorded anew", fmt::format("as seq {}", receipt.again_as));
  if (receipt.retracts != 0) line("retracts", fmt::format("seq {}", receipt.retracts));
  if (receipt.retracted_by != 0) line("retracted by", fmt::format("seq {}", receipt.retracted_by));
  for (const std::string& done : change_lines(receipt.change)) line("by a person", done);
  if (!receipt.fields) return text;
  for (const auto& [name, value] : *receipt.fields) {
    const auto* const field_text = std::get_if<std::string>(&value);
    if (field_text == nullptr) {
      text += fmt::format("\n{}: {}\n", printable(name), number_text(value));
      continue;
    }
    text += fmt::format("\n{}:\n", printable(name));
    for (const auto& one : std::views::split(std::string_view(*field_text), '\n')) {
      const std::string_view row(one.begin(), one.end());
      text += row.empty() ? "\n" : fmt::format("  {}\n", printable(row));
    }
  }
  return text;
}

std::string listed_text(const Receipt& receipt) {
  std::string text = fmt::format("{} {} {} {}", receipt.seq, format_time(receipt.time_ms),
                                 printable(receipt.kind), place_text(receipt));
  if (!receipt.set_aside.empty()) {
    text += fmt::format(", set aside: {}", printable(receipt.set_aside));
  }
  if (receipt.again_as != 0) text += fmt::format(", recorded anew as {}", receipt.again_as);
  text += '\n';
  if (!receipt.fields) return text;
  for (const auto& [name, value] : *receipt.fields) {
    const auto* const field = std::get_if<std::string>(&value);
    const std::string shown =
        field == nullptr ? number_text(value) : limit_length(to_one_line(*field), 200);
    text += fmt::format("    {}: {}\n", printable(name), printable(shown));
  }
  return text;
}

std::string log_text(const LogEntry& entry) {
  const Receipt& receipt = entry.receipt;
  std::string text = fmt::format("{} {} {} {} {}", receipt.seq, format_time(receipt.time_ms),
                                 entry.operation, printable(receipt.kind), place_text(receipt));
  if (!receipt.key.empty()) text += fmt::format(", key {}", printable(receipt.key));
  if (receipt.rebound) text += ", its first id was taken";
  if (!receipt.set_aside.empty()) {
    text += fmt::format(", set aside: {}", printable(receipt.set_aside));
  }
  if (receipt.again_as != 0) text += fmt::format(", recorded anew as {}", receipt.again_as);
  if (receipt.retracts != 0) text += fmt::format(", of record {}", receipt.retracts);
  if (receipt.retracted_by != 0) text += fmt::format(", retracted by {}", receipt.retracted_by);
  return text + "\n";
}

std::string ingest_text(const IngestReport& report) {
  std::string text =
      fmt::format("read {}: {} accepted, {}, {} rejected", plural(report.read, "record"),
                  report.accepted, plural(report.duplicates, "duplicate"), report.rejected);
  if (report.set_aside != 0) text += fmt::format(", {} set aside", report.set_aside);
  if (report.unknown != 0) text += fmt::format(", {} with unknown outcome", report.unknown);
  if (report.not_written != 0) text += fmt::format(", {} not written", report.not_written);
  if (report.first_seq != 0) {
    text += fmt::format("; seq {} to {}", report.first_seq, report.last_seq);
  }
  text += fmt::format("; {:.2f} s", report.seconds);
  if (report.seconds > 0) {
    text += fmt::format(", {:.0f} records/s", static_cast<double>(report.read) / report.seconds);
  }
  text += "\n";
  if (!report.stopped.empty()) {
    text += fmt::format("stopped before the end of the input: {}\n", printable(report.stopped));
  }
  return text;
}

std::string sync_text(const SyncReport& report) {
  std::string text = fmt::format("committed up to seq {} ({} in {}), published up to seq {}",
                                 report.committed, plural(report.records, "record"),
                                 plural(report.batches, "new commit"), report.published);
  if (report.pushed) text += fmt::format(", pushed up to seq {}", *report.pushed);
  text += "\n";
  for (const std::string& path : report.left) {
    text += fmt::format("left as it is on the branch, with other content: {}\n", printable(path));
  }
  for (const std::string& path : report.republished) {
    text += fmt::format("had gone, put back: {}\n", printable(path));
  }
  if (report.ignored != 0) {
    text += fmt::format("left out of the branch, as the repository ignores {}: {}\n",
                        report.ignored == 1 ? "it" : "them", plural(report.ignored, "path"));
  }
  if (!report.waiting.empty()) {
    text += fmt::format("publishing waits: {}\n", printable(report.waiting));
  }
  return text;
}

std::string status_text(const StoreStatus& status) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<14} {}\n", name, value);
  };
  const auto stage = [&](std::string_view name, uint64_t reached) {
    line(name, fmt::format("{}{}", reached, behind_text(reached, status.journaled)));
  };
  line("store", fmt::format("{} (profile {}, id {})", printable(status.root),
                            printable(status.profile), status.store_id));
  line("journaled", std::to_string(status.journaled));
  stage("applied", status.applied);
  stage("committed", status.committed);
  std::string due;
  if (status.publish_due_ms) {
    due = *status.publish_due_ms == 0
              ? ", due now"
              : fmt::format(", due in {:.1f} s", static_cast<double>(*status.publish_due_ms) / 1e3);
  }
  line("published", fmt::format("{}{}{}", status.published,
                                behind_text(status.published, status.journaled), due));
  if (status.pushed) {
    stage("pushed", *status.pushed);
  } else {
    line("pushed", "no remote");
  }
  line("set aside", std::to_string(status.set_aside));
  line("files waiting", std::to_string(status.files_waiting));
  if (status.ignored != 0) {
    line("ignored",
         fmt::format("{}, not on the branch: the repository ignores {}",
                     plural(status.ignored, "path"), status.ignored == 1 ? "it" : "them"));
  }
  if (!status.own_ref_waiting.empty()) line("own ref", printable(status.own_ref_waiting));
  line("git", printable(status.git));
  if (!status.attributes_off.empty()) {
    std::string paths;
    for (const std::string& pattern : status.attributes_off) paths += " " + printable(pattern);
    line("attributes", fmt::format("text, eol, filter, working-tree-encoding and ident are off for"
                                   "{} (.git/info/attributes)",
                                   paths));
  }
  line("journal", fmt::format("{}, written by {}", bytes_text(status.journal_bytes), status.io));
  line("counters",
       fmt::format("appends {}, flushes {} (failed {}), commits {}, publishes {}, retries {}",
                   status.appends, status.flushes, status.flush_failures, status.batches,
                   status.publishes, status.retries));
  if (status.retries != 0) {
    std::string causes;
    for (const auto& [cause, count] : status.retries_by_cause) {
      if (count != 0) causes += fmt::format("{} {}, ", cause, count);
    }
    line("retries", fmt::format("{}{} in the last minute", causes, status.retries_last_minute));
  }
  for (const Alert& alert : status.thresholds) {
    if (!alert.breached) continue;
    line("alert",
         fmt::format("{} = {} is breached: {}", alert.name, alert.limit, printable(alert.detail)));
  }
  for (const std::string& note : status.notes) line("note", printable(note));
  return text;
}

std::string finding_text(const Finding& finding) {
  std::string text(finding_class_name(finding.cls));
  if (finding.seq != 0) text += fmt::format(" seq {}", finding.seq);
  if (!finding.table.empty())
    text += fmt::format(" {} id {}", printable(finding.table), finding.id);
  if (!finding.path.empty()) text += fmt::format(" {}", printable(finding.path));
  if (!finding.commit.empty()) text += fmt::format(" commit {}", finding.commit);
  if (!finding.detail.empty()) text += fmt::format(": {}", printable(finding.detail));
  return text;
}

// Once for each class among them: what it means, and what mends it.
std::string classes_text(const std::vector<Finding>& findings) {
  std::set<FindingClass> found;
  for (const Finding& finding : findings) found.insert(finding.cls);
  std::string text;
  for (const FindingClass cls : found) {
    const FindingClassInfo& info = info_of(cls);
    text += fmt::format("{} means: {}; {}\n", info.name, info.meaning, info.mend);
  }
  return text;
}

std::string verify_text(const VerifyReport& report, double seconds) {
  std::string text;
  for (const Finding& finding : report.findings) text += finding_text(finding) + "\n";
  text += classes_text(report.findings);
  for (const Finding& note : report.notes) text += "note: " + finding_text(note) + "\n";
  for (const std::string& behind : report.behind) {
    text += fmt::format("behind: {}\n", printable(behind));
  }
  if (report.ok()) {
    text += fmt::format("{} checked in {:.2f} s: journal, rows, files and git agree{}\n",
                        plural(report.checked, "record"), seconds,
                        report.behind.empty() ? "" : " as far as they have come");
  } else {
    text += fmt::format("{} checked in {:.2f} s: {}\n", plural(report.checked, "record"), seconds,
                        plural(report.disagreements(), "finding"));
  }
  return text;
}

std::string repair_text(const RepairReport& report, bool dry_run) {
  std::string text;
  for (const Finding& finding : report.healed) {
    text += fmt::format("{}: {}\n", dry_run ? "would heal" : "healed", finding_text(finding));
  }
  for (const Finding& finding : report.left) {
    text += fmt::format("left: {}\n", finding_text(finding));
  }
  text += classes_text(report.left);
  if (report.healed.empty() && report.left.empty()) return "nothing to repair\n";
  text += fmt::format("{} {}, {} left\n", report.healed.size(), dry_run ? "to heal" : "healed",
                      report.left.size());
  if (!dry_run && !report.kept_in.empty()) {
    text += fmt::format("what was replaced is kept in {}\n", printable(report.kept_in));
  }
  return text;
}

namespace {

std::string adopted_text(const AdoptedThing& thing) {
  std::string text = thing.what;
  if (thing.what != "file") {
    text += fmt::format(" {}{}", printable(thing.table),
                        thing.id == 0 ? "" : fmt::format(" {}", static_cast<int64_t>(thing.id)));
  }
  if (!thing.path.empty()) text += fmt::format(", {}", printable(thing.path));
  if (!thing.heading.empty()) text += fmt::format(", \"{}\"", printable(thing.heading));
  return text;
}

}  // namespace

std::string orphans_text(const RepairReport& report, bool dry_run) {
  std::string text;
  for (const Finding& moved : report.healed) {
    text += fmt::format("{}: {}\n", dry_run ? "would move" : "moved aside", printable(moved.path));
  }
  for (const Finding& left : report.left) text += fmt::format("left: {}\n", finding_text(left));
  if (report.healed.empty() && report.left.empty()) return "no orphans\n";
  if (!report.kept_in.empty()) {
    text += fmt::format("what was moved is kept in {}\n", printable(report.kept_in));
  }
  return text;
}

std::string adopt_text(const AdoptReport& report) {
  std::string text;
  if (report.dry_run) {
    for (const AdoptedThing& thing : report.taken) {
      text += fmt::format("would take: {}\n", adopted_text(thing));
    }
  }
  for (const AdoptedThing& thing : report.left) {
    text += fmt::format("left: {}: {}\n", adopted_text(thing), printable(thing.reason));
  }
  if (report.of_no_kind > 0) {
    text += fmt::format("{} of no kind: as they are\n", plural(report.of_no_kind, "row"));
  }
  if (report.already > 0) {
    text += fmt::format("{} taken by another call meanwhile\n", report.already);
  }
  text += fmt::format("{} {}, {} left\n", plural(report.taken.size(), "record"),
                      report.dry_run ? "to make" : "made", report.left.size());
  return text;
}

std::string restore_text(const RestoreReport& report) {
  std::string text;
  for (const std::string& row : report.rows) {
    text += fmt::format("row put back: {}\n", printable(row));
  }
  if (!report.waiting.empty()) {
    return text +
           fmt::format("no file was put back: publishing waits: {}\n", printable(report.waiting));
  }
  for (const std::string& path : report.restored) {
    text += fmt::format("put back: {}\n", printable(path));
  }
  for (const std::string& path : report.left) {
    text += fmt::format(
        "left as it is, with other content: {}; move it away, commit that, and try "
        "again\n",
        printable(path));
  }
  return text.empty() ? "nothing is missing\n" : text;
}

std::string loss_text(const LossReport& report) {
  std::string text;
  if (!report.lost.empty()) text += fmt::format("lost: {}\n", printable(report.lost));
  text += fmt::format("{}: store {}; its rows, files and commits stay as they are\n",
                      report.dry_run ? "would be given up" : "given up", report.lost_store);
  if (!report.dry_run) {
    text += fmt::format("what is left of its journal is kept in {}\n", printable(report.kept_in));
    text += fmt::format("made a store in its place (id {})\n", report.store_id);
  }
  text += fmt::format("the next record {} seq {}, and an id above {}\n",
                      report.dry_run ? "would be" : "is", report.first_seq, report.id_floor);
  return text;
}

std::string kind_text(const KindSpec& kind) {
  std::string text;
  for (const FieldSpec& field : kind.fields) {
    text += fmt::format("  --{:<22} {}\n", printable(field.name), field_text(field));
  }
  return text;
}

std::string config_text(const Config& config) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<24} {}\n", name, value);
  };
  line("profile", printable(config.profile));
  line("database", printable(config.database));
  line("author", fmt::format("{} <{}>", printable(config.sync.author_name),
                             printable(config.sync.author_email)));
  line("branch",
       config.sync.branch.empty() ? "as checked out at init" : printable(config.sync.branch));
  line("remote", printable(config.sync.remote));
  line("batch limits",
       fmt::format("{}, {}, {} ms", plural(config.sync.batch_records_max, "record"),
                   bytes_text(config.sync.batch_bytes_max), config.sync.batch_age_ms_max));
  line("publish ignored", config.sync.publish_ignored ? "yes" : "no");
  line("publish interval", fmt::format("{} ms", config.sync.publish_interval_ms));
  line("pack consolidation", fmt::format("every {} packs", config.sync.consolidate_packs));
  line("backlog limits", fmt::format("{}, {}", plural(config.backlog_records_max, "record"),
                                     bytes_text(config.backlog_bytes_max)));
  line("segment size", bytes_text(config.segment_bytes_max));
  const bool trims = config.retain_bytes_max != 0 || config.retain_days_max != 0;
  line("retention",
       !trims
           ? "everything is kept"
           : fmt::format(
                 "{}, {}",
                 config.retain_bytes_max == 0 ? "any size" : bytes_text(config.retain_bytes_max),
                 config.retain_days_max == 0 ? "any age" : plural(config.retain_days_max, "day")));
  for (const AlertSetting& setting : kAlertSettings) {
    const std::optional<uint64_t>& limit = config.alert.*setting.limit;
    if (limit) line(fmt::format("alert {}", setting.name), std::to_string(*limit));
  }
  for (const KindSpec& kind : config.kinds) {
    text +=
        fmt::format("\nkind {} (table {}, {} files)\n", printable(kind.name), printable(kind.table),
                    kind.operation == Operation::kAppend ? "appended" : "created");
    text += kind_text(kind);
  }
  return text;
}

}  // namespace syncline
