#include "engine/sqlite/table_ddl.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "journal/base/try.h"

namespace syncline {
namespace {

// Virtual-machine steps between two calls of the progress handler, and how many calls it takes
// until the handler ends the statement. Making a table takes a few hundred steps.
constexpr int kProgressSteps = 1000;
constexpr int kProgressCallsMax = 100;

// Functions that a CHECK, a DEFAULT or a generated column may call: their work is bounded by the
// values they are given.
constexpr std::array<std::string_view, 43> kFunctions = {"abs",
                                                         "cast",
                                                         "char",
                                                         "coalesce",
                                                         "date",
                                                         "datetime",
                                                         "glob",
                                                         "hex",
                                                         "ifnull",
                                                         "iif",
                                                         "instr",
                                                         "json",
                                                         "json_array_length",
                                                         "json_extract",
                                                         "json_type",
                                                         "json_valid",
                                                         "julianday",
                                                         "length",
                                                         "like",
                                                         "likelihood",
                                                         "likely",
                                                         "lower",
                                                         "ltrim",
                                                         "max",
                                                         "min",
                                                         "nullif",
                                                         "quote",
                                                         "random",
                                                         "round",
                                                         "rtrim",
                                                         "sign",
                                                         "strftime",
                                                         "substr",
                                                         "substring",
                                                         "time",
                                                         "trim",
                                                         "typeof",
                                                         "unicode",
                                                         "unixepoch",
                                                         "unlikely",
                                                         "upper",
                                                         "current_date",
                                                         "current_timestamp"};

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), b.size()) == 0;
}

// SQLite names what it has no name for by a null pointer.
bool same_name(const char* a, std::string_view b) {
  return a != nullptr && same_name(std::string_view(a), b);
}

// What the statement may touch, and what stopped it.
struct Guard {
  std::string_view table;
  std::string refused;
  int progress_calls = 0;
};

bool is_schema_table(const char* name) {
  return same_name(name, "sqlite_master") || same_name(name, "sqlite_schema");
}

bool is_allowed_function(std::string_view name) {
  return std::ranges::any_of(kFunctions,
                             [&](std::string_view allowed) { return same_name(allowed, name); });
}

bool is_allowed(const Guard& guard, int action, const char* first, const char* second,
                const char* database) {
  if (database != nullptr && !same_name(database, "main")) return false;
  switch (action) {
    case SQLITE_CREATE_TABLE:
      return same_name(first, guard.table) || same_name(first, "sqlite_sequence");
    case SQLITE_CREATE_INDEX:  // the index of a UNIQUE or PRIMARY KEY
      return std::string_view(first != nullptr ? first : "").starts_with("sqlite_autoindex_") &&
             same_name(second, guard.table);
    case SQLITE_INSERT:
      return is_schema_table(first) || same_name(first, guard.table);
    case SQLITE_UPDATE:
      return is_schema_table(first);
    case SQLITE_READ:
      return is_schema_table(first) || same_name(first, guard.table);
    case SQLITE_FUNCTION:
      return second != nullptr && is_allowed_function(second);
    default:
      return false;
  }
}

int authorize(void* context, int action, const char* first, const char* second,
              const char* database, const char* /*trigger*/) {
  Guard& guard = *static_cast<Guard*>(context);
  if (is_allowed(guard, action, first, second, database)) return SQLITE_OK;
  if (guard.refused.empty()) {
    guard.refused = action == SQLITE_FUNCTION
                        ? fmt::format("it may not call {}()", second != nullptr ? second : "")
                        : fmt::format("it may only make the table {}", guard.table);
  }
  return SQLITE_DENY;
}

int count_progress(void* context) {
  return ++static_cast<Guard*>(context)->progress_calls > kProgressCallsMax ? 1 : 0;
}

// The connection is restricted while one of these lives.
class Restriction {
 public:
  Restriction(sqlite3* handle, Guard& guard) : handle_(handle) {
    sqlite3_set_authorizer(handle_, authorize, &guard);
    sqlite3_progress_handler(handle_, kProgressSteps, count_progress, &guard);
  }
  ~Restriction() {
    sqlite3_set_authorizer(handle_, nullptr, nullptr);
    sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
  }
  Restriction(const Restriction&) = delete;
  Restriction& operator=(const Restriction&) = delete;

 private:
  sqlite3* handle_;
};

// Codes that blame the text itself; every other code blames the database.
bool is_fault_of_text(int code) {
  switch (code & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_INTERRUPT:
    case SQLITE_MISUSE:
    case SQLITE_TOOBIG:
      return true;
    default:
      return false;
  }
}

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Compiled = std::unique_ptr<sqlite3_stmt, Finalizer>;

Error failure(sqlite3* handle, int code, const Guard& guard) {
  if (!is_fault_of_text(code)) return sqlite_error(handle, code, "making a table");
  std::string reason = guard.refused.empty() ? sqlite3_errmsg(handle) : guard.refused;
  if ((code & 0xff) == SQLITE_INTERRUPT) reason = "it does more than make a table";
  return make_error(Code::kInvalid,
                    fmt::format("create_table of table {}: {}", guard.table, reason),
                    "give it one CREATE TABLE IF NOT EXISTS statement");
}

Status run_restricted(sqlite3* handle, Guard& guard, const std::string& ddl) {
  const Restriction restriction(handle, guard);
  const char* at = ddl.c_str();
  const char* const end = at + ddl.size();
  bool made = false;
  while (at < end) {
    sqlite3_stmt* prepared = nullptr;
    const int code = sqlite3_prepare_v2(handle, at, static_cast<int>(end - at), &prepared, &at);
    const Compiled statement(prepared);
    if (code != SQLITE_OK) return failure(handle, code, guard);
    if (statement == nullptr) continue;  // white space and comments
    if (made || sqlite3_stmt_readonly(statement.get()) != 0) {
      guard.refused = "it is more than one statement, or another than CREATE TABLE";
      return failure(handle, SQLITE_AUTH, guard);
    }
    made = true;
    if (const int done = sqlite3_step(statement.get()); done != SQLITE_DONE) {
      return failure(handle, sqlite3_extended_errcode(handle), guard);
    }
  }
  return {};
}

// SQLite does not ask the authorizer about functions in a DEFAULT. The program that it compiles for
// a row of nothing but defaults shows every function that would be called.
Status check_defaults(Database& database, std::string_view table) {
  auto program = database.prepare(
      fmt::format("EXPLAIN INSERT INTO main.{} DEFAULT VALUES", quote_identifier(table)));
  if (!program) return {};  // no such row can be made, so no default is ever evaluated
  constexpr int kOpcode = 1, kOperand = 5;
  while (true) {
    TRY_ASSIGN(const bool row, program->step());
    if (!row) return {};
    const std::string_view opcode = program->text(kOpcode);
    if (opcode != "Function" && opcode != "PureFunc") continue;
    const std::string_view operand = program->text(kOperand);  // "name(arguments)"
    const std::string_view name = operand.substr(0, operand.find('('));
    if (is_allowed_function(name)) continue;
    Guard guard{.table = table, .refused = fmt::format("it may not call {}()", name)};
    return failure(database.handle(), SQLITE_AUTH, guard);
  }
}

struct Column {
  std::string name, type, default_value;
  bool has_default = false, not_null = false, plain = true;
};

Result<std::vector<Column>> columns_of(Database& database, std::string_view table) {
  TRY_ASSIGN(Statement statement,
             database.prepare("SELECT name, type, \"notnull\", dflt_value, pk, hidden"
                              " FROM pragma_table_xinfo(?1)"));
  statement.bind(1, table);
  std::vector<Column> columns;
  while (true) {
    TRY_ASSIGN(const bool row, statement.step());
    if (!row) return columns;
    columns.push_back({.name = std::string(statement.text(0)),
                       .type = std::string(statement.text(1)),
                       .default_value = std::string(statement.text(3)),
                       .has_default = !statement.is_null(3),
                       .not_null = statement.integer(2) != 0,
                       .plain = statement.integer(4) == 0 && statement.integer(5) == 0});
  }
}

Result<bool> is_view(Database& database, std::string_view name) {
  TRY_ASSIGN(Statement statement, database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'view'"
                                                   " AND name = ?1 COLLATE NOCASE"));
  statement.bind(1, name);
  return statement.step();
}

bool is_type_name(std::string_view type) {
  return type.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ "
             "(),") == std::string_view::npos;
}

// A number, a string or a word for one: what may stand in a statement as it is.
bool is_literal(std::string_view value) {
  if (value.find_first_not_of("0123456789.+-eE") == std::string_view::npos) return !value.empty();
  if (same_name(value, "null") || same_name(value, "true") || same_name(value, "false")) {
    return true;
  }
  if (value.size() < 2 || value.front() != '\'' || value.back() != '\'') return false;
  for (size_t at = 1; at + 1 < value.size(); ++at) {
    if (value[at] != '\'') continue;
    if (value[at + 1] != '\'' || at + 2 >= value.size()) return false;
    ++at;
  }
  return true;
}

// A default that is not constant SQLite does not take for rows that are there: where they may be
// NULL instead, the column comes without it.
bool has_constant_default(const Column& column) {
  return column.has_default && is_literal(column.default_value) &&
         !same_name(column.default_value, "null");
}

bool may_be_added(const Column& column) {
  return column.plain && is_type_name(column.type) &&
         (!column.not_null || has_constant_default(column));
}

}  // namespace

Status run_table_ddl(Database& database, std::string_view table, const std::string& ddl) {
  Guard guard{.table = table, .refused = {}};
  TRY(run_restricted(database.handle(), guard, ddl));
  TRY_ASSIGN(const bool there, database.has_table(table));
  if (there) return {};
  return make_error(Code::kInvalid,
                    fmt::format("create_table of table {} makes no such table", table),
                    "give it one CREATE TABLE IF NOT EXISTS statement");
}

Status check_table_ddl(std::string_view table, const std::string& ddl) {
  TRY_ASSIGN(const auto database, Database::open_in_memory());
  TRY(run_table_ddl(*database, table, ddl));
  return check_defaults(*database, table);
}

Result<std::vector<std::string>> add_missing_columns(Database& database, std::string_view table,
                                                     const std::string& ddl) {
  TRY_ASSIGN(const auto model, Database::open_in_memory());
  TRY(run_table_ddl(*model, table, ddl));
  TRY(check_defaults(*model, table));
  TRY_ASSIGN(const std::vector<Column> wanted, columns_of(*model, table));
  TRY_ASSIGN(const std::vector<Column> there, columns_of(database, table));
  std::vector<std::string> added;
  TRY_ASSIGN(const bool view, is_view(database, table));
  if (view) return added;
  for (const Column& column : wanted) {
    const bool known = std::ranges::any_of(
        there, [&](const Column& one) { return same_name(one.name, column.name); });
    if (known || !may_be_added(column)) continue;
    std::string statement =
        fmt::format("ALTER TABLE main.{} ADD COLUMN {} {}", quote_identifier(table),
                    quote_identifier(column.name), column.type);
    if (column.not_null) statement += " NOT NULL";
    if (has_constant_default(column)) statement += " DEFAULT " + column.default_value;
    TRY(database.execute(statement));
    added.push_back(column.name);
  }
  return added;
}

Result<std::vector<std::string>> shared_columns(Database& database, std::string_view table,
                                                const std::string& ddl,
                                                const std::vector<std::string>& but) {
  TRY_ASSIGN(const auto model, Database::open_in_memory());
  TRY(run_table_ddl(*model, table, ddl));
  TRY_ASSIGN(const std::vector<Column> made, columns_of(*model, table));
  TRY_ASSIGN(const std::vector<Column> there, columns_of(database, table));
  std::vector<std::string> shared;
  for (const Column& column : made) {
    const auto is_it = [&](const std::string& name) { return same_name(name, column.name); };
    if (!column.plain || std::ranges::any_of(but, is_it)) continue;
    if (std::ranges::any_of(there, is_it, &Column::name)) shared.push_back(column.name);
  }
  return shared;
}

Result<std::vector<std::string>> table_obstacles(Database& database, std::string_view table,
                                                 const std::string& ddl,
                                                 const std::vector<std::string>& columns) {
  std::vector<std::string> obstacles;
  TRY_ASSIGN(const bool there, database.has_table(table));
  if (!there) return obstacles;
  TRY_ASSIGN(const bool view, is_view(database, table));
  if (view) {
    obstacles.push_back(fmt::format("{} is a view, which takes no rows: rename it", table));
    return obstacles;
  }
  TRY_ASSIGN(const auto model, Database::open_in_memory());
  TRY(run_table_ddl(*model, table, ddl));
  TRY_ASSIGN(const std::vector<Column> wanted, columns_of(*model, table));
  TRY_ASSIGN(const std::vector<Column> present, columns_of(database, table));
  const auto find = [](const std::vector<Column>& among, std::string_view name) {
    return std::ranges::find_if(among,
                                [&](const Column& one) { return same_name(one.name, name); });
  };
  for (const std::string& name : columns) {
    if (find(present, name) != present.end()) continue;
    const auto model_column = find(wanted, name);
    const std::string type = model_column == wanted.end() ? std::string() : model_column->type;
    obstacles.push_back(fmt::format(
        "{0} lacks the column {1}: ALTER TABLE {2} ADD COLUMN {3}{4}{5}", table, name,
        quote_identifier(table), quote_identifier(name), type.empty() ? "" : " ", type));
  }
  for (const Column& column : present) {
    const bool given = std::ranges::any_of(
        columns, [&](const std::string& name) { return same_name(name, column.name); });
    if (given || !column.plain || !column.not_null || column.has_default) continue;
    obstacles.push_back(
        fmt::format("the column {} of {} must have a value, and records give it "
                    "none: give it a default",
                    column.name, table));
  }
  return obstacles;
}

}  // namespace syncline
