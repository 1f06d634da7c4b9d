#include "engine/projection/row_applier.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <charconv>
#include <optional>
#include <variant>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kTablesMax = 64;

// The result codes by which a compiled INSERT blames the row that it was given.
bool is_refusal(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:  // an expression of the table cannot be computed for these values
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
      return true;
    default:
      return false;
  }
}

bool is_unique_violation(int code) {
  return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE ||
         code == SQLITE_CONSTRAINT_ROWID;
}

// The table is at fault, not the record: the record waits until the table is mended.
void tell_wrong_table(const Effects& effects, Error& error) {
  error.code = Code::kRetryLater;
  error.message =
      fmt::format("table {} does not take records: {}; they wait, in the journal, until it does",
                  effects.table, error.message);
  error.hint = "see `syncline config show` for the columns it needs, and add what it lacks";
}

}  // namespace

bool same_value(const Value& a, const Value& b) {
  if (a == b) return true;
  // Two texts are the same only by their bytes.
  if (std::holds_alternative<std::string>(a) && std::holds_alternative<std::string>(b)) {
    return false;
  }
  // A column's affinity may have stored the integer 3 as the real 3.0, or the number as text.
  const auto number = [](const Value& value) -> std::optional<double> {
    if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(&value)) return *real;
    const auto* text = std::get_if<std::string>(&value);
    double spelt = 0;
    if (text == nullptr) return std::nullopt;
    const char* const end = text->data() + text->size();
    const auto [at, fault] = std::from_chars(text->data(), end, spelt);
    return fault == std::errc{} && at == end ? std::optional(spelt) : std::nullopt;
  };
  const auto left = number(a);
  const auto right = number(b);
  return left && right && *left == *right;
}

void assign_row_shape(std::string& shape, const Effects& effects) {
  shape.assign(effects.table).append(1, '\0').append(effects.id_column);
  for (const auto& [name, value] : effects.columns) shape.append(1, '\0').append(name);
}

Result<RowResult> RowApplier::insert(const Intent& intent, const Effects& effects) {
  TRY_ASSIGN(Table * table, table_for(effects));

  const auto id = static_cast<int64_t>(effects.id);
  if (!table->id_is_unique) {
    const auto there = table->exists.bind(1, id).step();
    table->exists.reset();
    if (!there) return there.error();
    if (*there) {
      TRY_ASSIGN(const bool ours, is_ours(intent, effects));
      return RowResult{.kind = ours ? RowResult::Kind::kOurs : RowResult::Kind::kIdTaken};
    }
  }

  Statement& insert = table->insert;
  insert.bind(1, id);
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    insert.bind(static_cast<int>(i) + 2, effects.columns[i].second);
  }
  auto done = insert.run();
  if (done) {
    if (database_.changes() > 0) return RowResult{};
    return RowResult{.kind = RowResult::Kind::kRefused,
                     .reason = fmt::format("table {} ignored the row: a trigger of it or a view",
                                           effects.table)};
  }
  const int code = insert.last_code();
  if (!is_refusal(code)) return std::move(done).error();
  if (!database_.in_transaction()) {
    return RowResult{.kind = RowResult::Kind::kRolledBack, .reason = done.error().message};
  }
  if (is_unique_violation(code)) {
    const auto there = table->exists.bind(1, id).step();
    table->exists.reset();
    if (!there) return there.error();
    if (*there) {
      TRY_ASSIGN(const bool ours, is_ours(intent, effects));
      return RowResult{.kind = ours ? RowResult::Kind::kOurs : RowResult::Kind::kIdTaken};
    }
  }
  return RowResult{.kind = RowResult::Kind::kRefused, .reason = done.error().message};
}

Result<RowResult> RowApplier::remove(const Effects& effects) {
  std::string where = fmt::format("{} = ?1", quote_identifier(effects.id_column));
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    where += fmt::format(" AND {} IS ?{}", quote_identifier(effects.columns[i].first), i + 2);
  }
  auto prepared = database_.prepare(
      fmt::format("DELETE FROM main.{} WHERE {}", quote_identifier(effects.table), where));
  if (!prepared) {
    Error error = std::move(prepared).error();
    if (error.code == Code::kBusy) tell_wrong_table(effects, error);
    return error;
  }
  prepared->bind(1, static_cast<int64_t>(effects.id));
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    prepared->bind(static_cast<int>(i) + 2, effects.columns[i].second);
  }
  auto done = prepared->run();
  if (done) return RowResult{};
  if (!is_refusal(prepared->last_code())) return std::move(done).error();
  return RowResult{
      .kind = database_.in_transaction() ? RowResult::Kind::kRefused : RowResult::Kind::kRolledBack,
      .reason = done.error().message};
}

Result<std::vector<std::pair<std::string, Value>>> RowApplier::put_back(const Effects& effects) {
  std::string columns, assignments;
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    const std::string name = quote_identifier(effects.columns[i].first);
    columns += fmt::format("{}{}", i == 0 ? "" : ", ", name);
    assignments += fmt::format("{}{} = ?{}", i == 0 ? "" : ", ", name, i + 2);
  }
  const std::string table = quote_identifier(effects.table);
  const std::string id = quote_identifier(effects.id_column);
  std::vector<std::pair<std::string, Value>> replaced;
  {
    TRY_ASSIGN(Statement row, database_.prepare(fmt::format("SELECT {} FROM main.{} WHERE {} = ?1",
                                                            columns, table, id)));
    TRY_ASSIGN(const bool there, row.bind(1, effects.id).step());
    for (size_t i = 0; there && i < effects.columns.size(); ++i) {
      Value value = row.value(static_cast<int>(i));
      if (same_value(value, effects.columns[i].second)) continue;
      replaced.emplace_back(effects.columns[i].first, std::move(value));
    }
  }
  if (replaced.empty()) return replaced;
  TRY_ASSIGN(Statement update, database_.prepare(fmt::format("UPDATE main.{} SET {} WHERE {} = ?1",
                                                             table, assignments, id)));
  update.bind(1, effects.id);
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    update.bind(static_cast<int>(i) + 2, effects.columns[i].second);
  }
  auto done = update.run();
  if (done) return replaced;
  if (!is_refusal(update.last_code())) return std::move(done).error();
  return make_error(Code::kInvalid, fmt::format("table {} refuses the row as it was recorded: {}",
                                                effects.table, done.error().message));
}

Result<RowApplier::Table*> RowApplier::table_for(const Effects& effects) {
  assign_row_shape(shape_, effects);
  if (const auto found = tables_.find(shape_); found != tables_.end()) {
    return found->second.get();
  }

  std::string names = quote_identifier(effects.id_column);
  std::string values = "?1";
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    names += ", " + quote_identifier(effects.columns[i].first);
    values += fmt::format(", ?{}", i + 2);
  }
  const std::string table = quote_identifier(effects.table);
  auto insert = database_.prepare(
      fmt::format("INSERT OR ABORT INTO main.{}({}) VALUES({})", table, names, values));
  if (!insert) {
    Error error = std::move(insert).error();
    if (error.code == Code::kBusy) tell_wrong_table(effects, error);
    return error;
  }
  TRY_ASSIGN(Statement exists,
             database_.prepare(fmt::format("SELECT 1 FROM main.{} WHERE {} = ?1 LIMIT 1", table,
                                           quote_identifier(effects.id_column))));
  TRY_ASSIGN(const bool unique, id_is_unique(effects));
  // A program whose records have more shapes than this prepares some statements again.
  if (tables_.size() >= kTablesMax) tables_.clear();
  auto made = std::make_unique<Table>(std::move(*insert), std::move(exists), unique);
  return tables_.emplace(shape_, std::move(made)).first->second.get();
}

// True where the table itself refuses a second row with the id: the id is the primary key, or has a
// unique index of its own without a condition.
Result<bool> RowApplier::id_is_unique(const Effects& effects) {
  TRY_ASSIGN(Statement statement,
             database_.prepare(
                 "SELECT (SELECT count(*) = 1 AND max(name = ?2 COLLATE NOCASE)"
                 "          FROM pragma_table_info(?1) WHERE pk > 0)"
                 "    OR EXISTS(SELECT 1 FROM pragma_index_list(?1) AS i"
                 "               WHERE i.\"unique\" AND NOT i.partial"
                 "                 AND (SELECT count(*) = 1 AND max(name = ?2 COLLATE NOCASE)"
                 "                        FROM pragma_index_info(i.name)))"));
  statement.bind(1, std::string_view(effects.table));
  statement.bind(2, std::string_view(effects.id_column));
  TRY_ASSIGN(const bool row, statement.step());
  return row && !statement.is_null(0) && statement.integer(0) != 0;
}

Result<bool> RowApplier::is_ours(const Intent& intent, const Effects& effects) {
  if (intent.found.row) return true;
  const auto path = path_column(intent);
  std::string equal = "1";
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    equal += fmt::format(" AND {} IS ?{}", quote_identifier(effects.columns[i].first), i + 2);
  }
  std::string where = fmt::format("({})", equal);
  if (path) {
    where +=
        fmt::format(" OR {} IS ?{}", quote_identifier(effects.columns[*path].first), *path + 2);
  }
  TRY_ASSIGN(Statement statement,
             database_.prepare(fmt::format("SELECT 1 FROM main.{} WHERE {} = ?1 AND ({}) LIMIT 1",
                                           quote_identifier(effects.table),
                                           quote_identifier(effects.id_column), where)));
  statement.bind(1, static_cast<int64_t>(effects.id));
  for (size_t i = 0; i < effects.columns.size(); ++i) {
    statement.bind(static_cast<int>(i) + 2, effects.columns[i].second);
  }
  return statement.step();
}

}  // namespace syncline
