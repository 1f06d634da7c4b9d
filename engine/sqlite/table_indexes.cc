#include "engine/sqlite/table_indexes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/sqlite/table_ddl.h"
#include "journal/base/ascii.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

using Columns = std::vector<IndexColumn>;

// The words of a part of the list, in lower case.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool within = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space && !within) words.emplace_back();
    if (!space) words.back() += c;
    within = !space;
  }
  return words;
}

bool is_name(std::string_view word) {
  return !word.empty() && !is_ascii_digit(word[0]) && std::ranges::all_of(word, [](char c) {
    return is_ascii_letter(c) || is_ascii_digit(c) || c == '_';
  });
}

// What two lists that ask for the same index have in common.
std::string shape_of(const Columns& columns) {
  std::string shape;
  for (const IndexColumn& column : columns) {
    shape += fmt::format("{}{},", ascii_lowered(column.name), column.descending ? " desc" : "");
  }
  return shape;
}

std::string name_of(std::string_view table, const Columns& columns) {
  std::string name = fmt::format("idx_{}", table);
  for (const IndexColumn& column : columns) {
    name += fmt::format("_{}{}", ascii_lowered(column.name), column.descending ? "_desc" : "");
  }
  return name;
}

// Of the whole indexes of the table: a partial one, or one of expressions, does not do for another.
Result<std::set<std::string>> shapes_there(Database& database, std::string_view table) {
  TRY_ASSIGN(Statement rows,
             database.prepare("SELECT i.seq, x.name, x.desc FROM pragma_index_list(?1) AS i,"
                              " pragma_index_xinfo(i.name) AS x WHERE NOT i.partial AND x.key"
                              " ORDER BY i.seq, x.seqno"));
  rows.bind(1, table);
  std::set<std::string> shapes;
  Columns columns;
  int64_t index = -1;
  bool more = true;
  while (more) {
    TRY_ASSIGN(more, rows.step());
    if (!more || rows.integer(0) != index) {
      if (!columns.empty()) shapes.insert(shape_of(columns));
      columns.clear();
    }
    if (!more) break;
    index = rows.integer(0);
    columns.push_back({std::string(rows.text(1)), rows.integer(2) != 0});
  }
  return shapes;
}

// Whether it is a table that may have indexes: no view, and not a virtual one.
Result<bool> takes_indexes(Database& database, std::string_view table) {
  TRY_ASSIGN(Statement row, database.prepare("SELECT 1 FROM pragma_table_list WHERE schema = 'main'"
                                             " AND name = ?1 COLLATE NOCASE AND type = 'table'"));
  return row.bind(1, table).step();
}

Result<bool> has_columns(Database& database, std::string_view table, const Columns& columns) {
  for (const IndexColumn& column : columns) {
    TRY_ASSIGN(Statement row, database.prepare("SELECT 1 FROM pragma_table_xinfo(?1)"
                                               " WHERE name = ?2 COLLATE NOCASE"));
    TRY_ASSIGN(const bool there, row.bind(1, table).bind(2, std::string_view(column.name)).step());
    if (!there) return false;
  }
  return true;
}

Result<bool> is_free(Database& database, std::string_view name) {
  TRY_ASSIGN(Statement row,
             database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE"));
  TRY_ASSIGN(const bool taken, row.bind(1, name).step());
  return !taken;
}

}  // namespace

std::optional<std::vector<IndexColumn>> parse_index(std::string_view text) {
  Columns columns;
  std::set<std::string> names;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::vector<std::string> words = words_of(text.substr(begin, end - begin));
    if (words.empty() || words.size() > 2 || !is_name(words[0])) return std::nullopt;
    const std::string order = words.size() == 2 ? ascii_lowered(words[1]) : "asc";
    if (order != "asc" && order != "desc") return std::nullopt;
    if (!names.insert(ascii_lowered(words[0])).second) return std::nullopt;
    columns.push_back({words[0], order == "desc"});
    begin = end + 1;
  }
  return columns;
}

Result<std::vector<std::string>> missing_indexes(Database& database, std::string_view table,
                                                 std::span<const std::string> indexes) {
  std::vector<std::string> missing;
  if (indexes.empty()) return missing;
  TRY_ASSIGN(const bool takes, takes_indexes(database, table));
  if (!takes) return missing;
  TRY_ASSIGN(const std::set<std::string> there, shapes_there(database, table));
  for (const std::string& index : indexes) {
    const auto columns = parse_index(index);
    if (columns && !there.contains(shape_of(*columns))) missing.push_back(index);
  }
  return missing;
}

Result<std::vector<std::string>> add_missing_indexes(Database& database, std::string_view table,
                                                     std::span<const std::string> indexes) {
  TRY_ASSIGN(const std::vector<std::string> missing, missing_indexes(database, table, indexes));
  std::vector<std::string> added;
  for (const std::string& index : missing) {
    const auto columns = parse_index(index);
    const std::string name = name_of(table, *columns);
    TRY_ASSIGN(const bool known, has_columns(database, table, *columns));
    TRY_ASSIGN(const bool free, is_free(database, name));
    if (!known || !free) continue;
    std::string list;
    for (const IndexColumn& column : *columns) {
      list += fmt::format("{}{}{}", list.empty() ? "" : ", ", quote_identifier(column.name),
                          column.descending ? " DESC" : "");
    }
    TRY(database.execute(fmt::format("CREATE INDEX main.{} ON {}({})", quote_identifier(name),
                                     quote_identifier(table), list)));
    added.push_back(index);
  }
  return added;
}

Status check_table_indexes(std::string_view table, const std::string& ddl,
                           std::span<const std::string> indexes) {
  if (indexes.empty()) return {};
  TRY_ASSIGN(const auto model, Database::open_in_memory());
  TRY(run_table_ddl(*model, table, ddl));
  TRY(add_missing_indexes(*model, table, indexes));
  TRY_ASSIGN(const std::vector<std::string> missing, missing_indexes(*model, table, indexes));
  if (missing.empty()) return {};
  return make_error(Code::kInvalid,
                    fmt::format("table {} can have no index ({})", table, missing.front()),
                    "an index names columns that create_table makes");
}

}  // namespace syncline
