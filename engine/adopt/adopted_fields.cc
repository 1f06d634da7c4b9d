#include "engine/adopt/adopted_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/config/kind_patterns.h"
#include "engine/config/path_match.h"
#include "engine/config/told_fields.h"
#include "engine/config/utf8.h"
#include "engine/sqlite/table_ddl.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

bool is_path_column(const ColumnPattern& column) {
  const auto& parts = column.pattern.parts();
  return parts.size() == 1 && parts[0].kind == Pattern::Part::Kind::kSlot &&
         parts[0].slot == Slot::kPath;
}

}  // namespace

Result<FoundRow> read_row(Database& database, const KindSpec& kind, uint64_t id) {
  std::string columns;
  for (const ColumnPattern& column : kind.patterns->columns) {
    columns += fmt::format("{0}, typeof({0}) = 'blob', ", quote_identifier(column.name));
  }
  TRY_ASSIGN(Statement query, database.prepare(fmt::format("SELECT {}1 FROM main.{} WHERE {} = ?1",
                                                           columns, quote_identifier(kind.table),
                                                           quote_identifier(kind.id_column))));
  query.bind(1, id);
  TRY_ASSIGN(const bool there, query.step());
  if (!there) return make_error(Code::kNotFound, "the row is gone");
  FoundRow row{.id = id};
  for (size_t i = 0; i < kind.patterns->columns.size(); ++i) {
    row.values.push_back(query.value(static_cast<int>(2 * i)));
    row.has_blob |= query.integer(static_cast<int>(2 * i + 1)) != 0;
  }
  return row;
}

Result<std::vector<std::string>> other_columns(Database& database, const KindSpec& kind) {
  std::vector<std::string> own = {kind.id_column};
  for (const ColumnPattern& column : kind.patterns->columns) own.push_back(column.name);
  return shared_columns(database, kind.table, kind.create_table, own);
}

Status read_others(Database& database, const KindSpec& kind, const std::vector<std::string>& names,
                   FoundRow& row) {
  if (names.empty()) return {};
  std::string columns;
  for (const std::string& name : names) {
    columns += fmt::format("iif(typeof({0}) = 'blob', NULL, {0}), ", quote_identifier(name));
  }
  TRY_ASSIGN(Statement query, database.prepare(fmt::format("SELECT {}1 FROM main.{} WHERE {} = ?1",
                                                           columns, quote_identifier(kind.table),
                                                           quote_identifier(kind.id_column))));
  query.bind(1, row.id);
  TRY_ASSIGN(const bool there, query.step());
  for (size_t i = 0; there && i < names.size(); ++i) {
    Value value = query.value(static_cast<int>(i));
    const auto* const text = std::get_if<std::string>(&value);
    if (std::holds_alternative<std::monostate>(value)) continue;
    if (text != nullptr && !is_valid_utf8(*text)) continue;
    row.others.emplace_back(names[i], std::move(value));
  }
  return {};
}

Fields fields_of_row(const KindSpec& kind, const FoundRow& row) {
  return fields_of_columns(kind, row.values, {});
}

std::string path_of_row(const KindSpec& kind, const FoundRow& row) {
  for (size_t i = 0; i < row.values.size(); ++i) {
    if (!is_path_column(kind.patterns->columns[i])) continue;
    const auto* const text = std::get_if<std::string>(&row.values[i]);
    if (text != nullptr) return *text;
  }
  return {};
}

FoundFields fields_of_text(const KindSpec& kind, std::string_view path, std::string_view text) {
  ToldFields told = told_fields(kind, text);
  FoundFields found;
  if (auto match = match_path(kind.patterns->path, path)) {
    told.fields.merge(match->fields);
    found.date = match->date;
  }
  if (found.date.empty()) found.date = told.date.substr(0, 10);
  for (auto& [field, value] : told.fields) {
    found.fields.emplace_back(kind.fields[field].name, FieldValue(std::move(value)));
  }
  return found;
}

}  // namespace syncline
