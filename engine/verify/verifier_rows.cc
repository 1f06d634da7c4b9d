// The Verifier's look at the row of a record.
#include <fmt/format.h>

#include <algorithm>

#include "engine/projection/row_applier.h"
#include "engine/verify/verifier.h"
#include "journal/base/try.h"

namespace syncline {

Statement* Verifier::row_statement(const Effects& effects) {
  assign_row_shape(shape_, effects);
  const auto found = statements_.find(shape_);
  if (found != statements_.end()) return &found->second;
  std::string sql = "SELECT ";
  for (const auto& [column, value] : effects.columns) sql += quote_identifier(column) + ", ";
  sql += fmt::format("1 FROM {} WHERE {} = ?1", quote_identifier(effects.table),
                     quote_identifier(effects.id_column));
  auto statement = database_.prepare(sql);
  if (!statement) return nullptr;  // the table or a column is gone, so each of its rows is missing
  return &statements_.emplace(shape_, std::move(*statement)).first->second;
}

bool Verifier::is_kinds_column(const std::string& table, const std::string& column) const {
  return std::ranges::any_of(config_.kinds, [&](const KindSpec& kind) {
    return kind.table == table &&
           std::ranges::any_of(kind.columns, [&](const auto& one) { return one.first == column; });
  });
}

Status Verifier::check_row(const Effects& effects) {
  Statement* row = row_statement(effects);
  bool there = false;
  if (row != nullptr) {
    row->bind(1, effects.id);
    TRY_ASSIGN(there, row->step());
  }
  if (!there) {
    const bool file = !effects.path.empty() && root_->info(effects.path);
    find(file ? FindingClass::kFileWithoutRow : FindingClass::kRecordMissing, effects,
         file ? "the file is there, the row is not" : "neither row nor file is there");
  } else {
    note_edited_row(effects, *row);
  }
  if (row != nullptr) row->reset();
  return {};
}

// A row is written in one transaction with the watermark, so one that is there was written whole;
// what is not as it was written somebody else has changed.
void Verifier::note_edited_row(const Effects& effects, const Statement& row) {
  std::string columns;
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    const Value& recorded = effects.columns[i].second;
    const Value held = row.value(static_cast<int>(i));
    if (same_value(held, recorded)) continue;
    // What hooks had kept in an adopted row, they go on keeping there.
    if (effects.found.row && !is_kinds_column(effects.table, effects.columns[i].first)) continue;
    // An adopted row of an older table has the kind's word for the number.
    const bool is_word = effects.found.row && std::holds_alternative<std::string>(held) &&
                         !std::holds_alternative<std::string>(recorded) &&
                         !std::holds_alternative<std::monostate>(recorded);
    if (is_word) continue;
    columns += (columns.empty() ? "" : ", ") + effects.columns[i].first;
  }
  if (columns.empty()) return;
  report_.notes.push_back({FindingClass::kRowDiffers,
                           effects.seq,
                           effects.path,
                           effects.table,
                           effects.id,
                           {},
                           fmt::format("changed by hand: {}", columns)});
}

}  // namespace syncline
