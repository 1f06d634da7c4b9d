#include "engine/adopt/adoption.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "engine/adopt/named_paths.h"
#include "engine/config/kind_patterns.h"
#include "engine/config/path_match.h"
#include "engine/config/path_rules.h"
#include "engine/config/told_fields.h"
#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/log/format.h"
#include "journal/os/whole_file.h"
#include "journal/record/row_id.h"
#include "sync/git/sha256.h"

namespace syncline {
namespace {

constexpr size_t kNameInKeyBytesMax = 300;
// A section's number above this is no id that any program has counted up to.
constexpr uint64_t kNumberMax = 1'000'000'000;

// Midnight of 2026-01-31; empty for what is no date.
std::optional<int64_t> day_ms(std::string_view date) {
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return std::nullopt;
  const auto number = [&](size_t at, size_t count) {
    int value = -1;
    std::from_chars(date.data() + at, date.data() + at + count, value);
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2))));
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day).time_since_epoch() / std::chrono::milliseconds(1);
}

// What stands in the heading of the kind's text tells a row and its section from others.
std::string heading_text(const KindSpec& kind, std::string_view line) {
  const ToldFields told = told_fields(kind, line);
  return told.fields.empty() ? std::string() : told.fields.begin()->second;
}
std::string heading_text(const KindSpec& kind, const Fields& fields) {
  const auto field = heading_field(kind);
  for (const auto& [name, value] : fields) {
    const auto* const text = std::get_if<std::string>(&value);
    if (field && kind.fields[*field].name == name && text != nullptr) return *text;
  }
  return {};
}

}  // namespace

Adoption::Adoption(const Config& config, AdoptionPlace place, Directory& root, Database& database,
                   Orphans orphans)
    : config_(config),
      place_(std::move(place)),
      root_(root),
      database_(database),
      orphans_(std::move(orphans)),
      intents_(config, place_.store_tag),
      taken_paths_(orphans_.recorded_paths) {
  for (const OrphanSection& section : orphans_.sections) {
    numbered_sections_.emplace(section.path, section.number);
  }
}

Status Adoption::visit(const Visit& visit) {
  visit_ = &visit;
  TRY(take_rows());
  TRY(take_sections());
  TRY(take_rows_without_section());
  return take_files();
}

void Adoption::leave(AdoptedThing thing, std::string reason) {
  thing.reason = std::move(reason);
  left_.push_back(std::move(thing));
}

Status Adoption::hand_over(Result<Intent> intent, AdoptedThing thing, std::optional<uint64_t> id) {
  if (!intent) {
    leave(std::move(thing), intent.error().message);
    return {};
  }
  return (*visit_)({std::move(thing), std::move(*intent), id});
}

std::string Adoption::key_of(std::string_view what, std::string_view name) const {
  std::string told(name);
  if (told.size() > kNameInKeyBytesMax) {
    told = to_hex(sha256(as_bytes(name)));
  }
  return fmt::format("adopt:{}:{}:{}", place_.store_id, what, told);
}

const KindSpec& Adoption::kind_named(const std::string& name) const {
  const KindSpec* const kind = config_.find_kind(name);
  SYNCLINE_ASSERT(kind != nullptr);
  return *kind;
}

// ---- rows, with the files that they name ----

Status Adoption::take_rows() {
  for (const auto& [table, ids] : orphans_.rows) {
    for (const uint64_t id : ids) {
      TRY_ASSIGN(const KindSpec* const kind, kind_of_row(database_, config_, table, id));
      if (kind == nullptr) {
        ++of_no_kind_;
        continue;
      }
      TRY(take_row(*kind, id));
    }
  }
  return {};
}

Status Adoption::take_row(const KindSpec& kind, uint64_t id) {
  AdoptedThing thing{.what = "row", .kind = kind.name, .table = kind.table, .id = id};
  Result<FoundRow> row = read_row(database_, kind, id);
  if (!row && row.error().code == Code::kNotFound) return {};
  if (!row) return row.error();
  const auto [others, is_new] = other_columns_.try_emplace(kind.name);
  if (is_new) {
    TRY_ASSIGN(others->second, other_columns(database_, kind));
  }
  TRY(read_others(database_, kind, others->second, *row));
  FoundFile file;
  TRY_ASSIGN(const Look look, look_at_file(kind, *row, file));
  if (look == Look::kLeft) return {};
  if (!is_row_id(id)) {
    leave(std::move(thing), fmt::format("its {} is {}: no record can have it", kind.id_column,
                                        static_cast<int64_t>(id)));
    if (look == Look::kTake) left_paths_.emplace(file.path, id);
    return {};
  }
  if (kind.operation == Operation::kAppend) {
    const Fields fields = fields_of_row(kind, *row);
    const Result<Intent> intent = intents_.of_row(kind, *row, nullptr, {});
    if (!intent) {
      leave(std::move(thing), intent.error().message);
      return {};
    }
    section_rows_[kind.name].emplace(id, Row{.found = *row,
                                             .heading = heading_text(kind, fields),
                                             .path = intents_.section_path(kind, fields)});
    return {};
  }
  const bool has_file = look == Look::kTake;
  if (has_file) {
    thing.what = "row and file";
    thing.path = file.path;
  }
  const auto intent = intents_.of_row(kind, *row, has_file ? &file : nullptr,
                                      key_of(kind.table, fmt::format("{}", id)));
  if (!intent && has_file) left_paths_.emplace(file.path, id);
  if (intent && has_file) taken_paths_.insert(file.path);
  return hand_over(intent, std::move(thing), id);
}

Result<Adoption::Look> Adoption::look_at_file(const KindSpec& kind, const FoundRow& row,
                                              FoundFile& file) {
  const std::string named = path_of_row(kind, row);
  if (named.empty() || kind.operation == Operation::kAppend) return Look::kNone;
  AdoptedThing thing{.what = "row", .kind = kind.name, .table = kind.table, .id = row.id};
  thing.path = named;
  file.path = path_in_tree(named, place_.root);
  if (file.path.empty()) {
    leave(std::move(thing), "its path leaves the store");
    return Look::kLeft;
  }
  const std::string folder = kind_folder(kind);
  if (!folder.empty() && !file.path.starts_with(folder + "/")) return Look::kNone;
  const auto leave_with = [&](std::string reason) {
    left_paths_.emplace(file.path, row.id);
    leave(std::move(thing), std::move(reason));
    return Look::kLeft;
  };
  const auto info = root_.info(file.path);
  if (!info && info.error().code == Code::kUnsafePath) return leave_with(info.error().message);
  if (!info && info.error().code == Code::kNotFound) return Look::kNone;
  if (!info) return info.error();
  if (taken_paths_.contains(file.path)) return Look::kNone;
  if (info->type != FileInfo::Type::kRegular) return leave_with("what it names is no file");
  if (const Status fit = check_path(file.path); !fit) return leave_with(fit.error().message);
  if (info->size_bytes > kPayloadBytesMax) return leave_with("its file is too large");
  Result<std::string> text = read_file(root_, file.path);
  if (!text && text.error().code == Code::kNotFound) return Look::kNone;
  if (!text) return text.error();
  file.text = std::move(*text);
  return Look::kTake;
}

// ---- sections, with their rows ----

Adoption::Row* Adoption::row_of_section(const KindSpec& kind, const OrphanSection& section) {
  auto& rows = section_rows_[kind.name];
  const std::string heading = heading_text(kind, section.heading);
  if (const auto numbered = rows.find(section.number);
      numbered != rows.end() && !numbered->second.is_taken) {
    Row& row = numbered->second;
    if (row.path == section.path || row.heading == heading) return &row;
  }
  // Another row's number, or none: the rule tells. A row that has a section of its own number is
  // that one's.
  for (auto& [id, row] : rows) {
    const bool has_its_own = numbered_sections_.contains({section.path, id});
    if (row.is_taken || has_its_own || row.path != section.path || row.heading != heading) continue;
    return &row;
  }
  return nullptr;
}

Status Adoption::take_sections() {
  for (const OrphanSection& section : orphans_.sections) {
    TRY(take_section(kind_named(section.kind), section));
  }
  return {};
}

Status Adoption::take_section(const KindSpec& kind, const OrphanSection& section) {
  AdoptedThing thing{
      .what = "section", .kind = kind.name, .table = kind.table, .path = section.path};
  thing.heading = section.heading;
  const auto info = root_.info(section.path);
  if (!info) return {};  // gone meanwhile
  std::string reason;
  if (const Status fit = check_path(section.path); !fit) reason = fit.error().message;
  if (info->links != 1) reason = "its file has several names (hard links)";
  if (!section.text.ends_with('\n')) {
    reason = "its last line does not end: add an empty line behind it";
  }
  if (!reason.empty()) {
    leave(std::move(thing), std::move(reason));
    return {};
  }
  const FoundFile file{.path = section.path, .text = section.text, .header = section.header};
  if (Row* const row = row_of_section(kind, section)) {
    row->is_taken = true;
    thing.what = "row and section";
    thing.id = row->found.id;
    const std::string key = key_of(kind.table, fmt::format("{}", thing.id));
    return hand_over(intents_.of_row(kind, row->found, &file, key), thing, thing.id);
  }
  const FoundFields fields = fields_of_text(kind, section.path, section.text);
  const int64_t time_ms = day_ms(fields.date).value_or(info->mtime_s * 1000);
  const std::string key = key_of("section", fmt::format("{}:{}:{}", section.path, section.offset,
                                                        to_hex(sha256(as_bytes(section.text)))));
  std::optional<uint64_t> id;
  TRY_ASSIGN(const bool free, is_free(kind, section.number));
  if (free) id = section.number;
  if (free) given_.emplace(kind.table, section.number);
  thing.id = id.value_or(0);
  return hand_over(intents_.of_file(kind, fields, file, time_ms, key), thing, id);
}

Result<bool> Adoption::is_free(const KindSpec& kind, uint64_t number) {
  if (number == 0 || number > kNumberMax || given_.contains({kind.table, number})) return false;
  const auto recorded = orphans_.recorded_ids.find(kind.table);
  if (recorded != orphans_.recorded_ids.end() &&
      std::ranges::binary_search(recorded->second, number)) {
    return false;
  }
  TRY_ASSIGN(Statement query, database_.prepare(fmt::format("SELECT 1 FROM main.{} WHERE {} = ?1",
                                                            quote_identifier(kind.table),
                                                            quote_identifier(kind.id_column))));
  query.bind(1, number);
  TRY_ASSIGN(const bool taken, query.step());
  return !taken;
}

Status Adoption::take_rows_without_section() {
  for (const auto& [name, rows] : section_rows_) {
    const KindSpec& kind = kind_named(name);
    for (const auto& [id, row] : rows) {
      if (row.is_taken) continue;
      AdoptedThing thing{.what = "row", .kind = name, .table = kind.table, .id = id};
      const std::string key = key_of(kind.table, fmt::format("{}", id));
      TRY(hand_over(intents_.of_row(kind, row.found, nullptr, key), std::move(thing), id));
    }
  }
  return {};
}

// ---- files without a row ----

Status Adoption::take_files() {
  for (const OrphanFile& file : orphans_.files) {
    if (taken_paths_.contains(file.path)) continue;
    TRY(take_file(kind_named(file.kind), file));
  }
  return {};
}

Status Adoption::take_file(const KindSpec& kind, const OrphanFile& orphan) {
  AdoptedThing thing{.what = "file", .kind = kind.name, .table = kind.table, .path = orphan.path};
  if (const auto row = left_paths_.find(orphan.path); row != left_paths_.end()) {
    leave(std::move(thing),
          fmt::format("row {} names it, which is left", static_cast<int64_t>(row->second)));
    return {};
  }
  const auto info = root_.info(orphan.path);
  if (!info && info.error().code == Code::kNotFound) return {};  // gone meanwhile
  if (!info) return info.error();
  std::string reason;
  if (info->size_bytes > kPayloadBytesMax) reason = "it is too large";
  if (info->type != FileInfo::Type::kRegular) reason = "it is no file";
  if (const Status fit = check_path(orphan.path); !fit) reason = fit.error().message;
  if (!reason.empty()) {
    leave(std::move(thing), std::move(reason));
    return {};
  }
  Result<std::string> text = read_file(root_, orphan.path);
  if (!text && text.error().code == Code::kNotFound) return {};
  if (!text) return text.error();
  const FoundFields fields = fields_of_text(kind, orphan.path, *text);
  const int64_t time_ms = day_ms(fields.date).value_or(info->mtime_s * 1000);
  const FoundFile file{.path = orphan.path, .text = std::move(*text)};
  return hand_over(intents_.of_file(kind, fields, file, time_ms, key_of("file", orphan.path)),
                   thing, std::nullopt);
}

}  // namespace syncline
