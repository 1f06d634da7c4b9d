#include "engine/projection/schema.h"

#include "engine/sqlite/table_ddl.h"
#include "journal/base/try.h"

namespace syncline {

Status create_engine_tables(Database& database) {
  return database.execute(
      "CREATE TABLE IF NOT EXISTS syncline_meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
      "CREATE TABLE IF NOT EXISTS syncline_keys("
      "  key TEXT PRIMARY KEY, seq INTEGER NOT NULL, content_hash BLOB NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE IF NOT EXISTS syncline_outcomes("
      "  seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, new_id INTEGER, reason TEXT,"
      "  file_id INTEGER);"
      "CREATE TABLE IF NOT EXISTS syncline_offsets("
      "  seq INTEGER PRIMARY KEY, offset INTEGER NOT NULL);"
      "CREATE TABLE IF NOT EXISTS syncline_waiting(seq INTEGER PRIMARY KEY, path TEXT NOT NULL);"
      "CREATE TABLE IF NOT EXISTS syncline_positions("
      "  seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL);"
      "CREATE TABLE IF NOT EXISTS syncline_commits("
      "  ref TEXT, last_seq INTEGER, first_seq INTEGER NOT NULL, commit_id TEXT NOT NULL,"
      "  PRIMARY KEY(ref, last_seq)) WITHOUT ROWID;"
      "CREATE TABLE IF NOT EXISTS syncline_ids("
      "  table_name TEXT COLLATE NOCASE PRIMARY KEY, last_id INTEGER NOT NULL) WITHOUT ROWID;");
}

Result<bool> has_engine_tables(Database& database) {
  TRY_ASSIGN(
      Statement statement,
      database.prepare("SELECT count(*) = 8 FROM sqlite_schema WHERE type = 'table' AND name IN"
                       "('syncline_meta', 'syncline_keys', 'syncline_outcomes',"
                       " 'syncline_offsets', 'syncline_waiting', 'syncline_positions',"
                       " 'syncline_commits', 'syncline_ids')"));
  TRY_ASSIGN(const bool row, statement.step());
  return row && statement.integer(0) != 0;
}

Status drop_engine_tables(Database& database) {
  return database.execute(
      "DROP TABLE IF EXISTS syncline_meta; DROP TABLE IF EXISTS syncline_keys;"
      "DROP TABLE IF EXISTS syncline_outcomes; DROP TABLE IF EXISTS syncline_offsets;"
      "DROP TABLE IF EXISTS syncline_waiting; DROP TABLE IF EXISTS syncline_positions;"
      "DROP TABLE IF EXISTS syncline_commits;");
}

Result<std::optional<int64_t>> read_meta(Database& database, std::string_view name) {
  TRY_ASSIGN(Statement statement,
             database.prepare("SELECT value FROM syncline_meta WHERE name = ?1"));
  TRY_ASSIGN(const bool row, statement.bind(1, name).step());
  if (!row) return std::optional<int64_t>();
  return std::optional<int64_t>(statement.integer(0));
}

Result<std::optional<std::string>> read_meta_text(Database& database, std::string_view name) {
  TRY_ASSIGN(Statement statement,
             database.prepare("SELECT value FROM syncline_meta WHERE name = ?1"));
  TRY_ASSIGN(const bool row, statement.bind(1, name).step());
  if (!row) return std::optional<std::string>();
  return std::optional<std::string>(std::string(statement.text(0)));
}

Status write_meta(Database& database, std::string_view name, int64_t value) {
  TRY_ASSIGN(Statement statement,
             database.prepare("INSERT INTO syncline_meta(name, value) VALUES(?1, ?2) "
                              "ON CONFLICT(name) DO UPDATE SET value = excluded.value"));
  return statement.bind(1, name).bind(2, value).run();
}

Status write_meta_text(Database& database, std::string_view name, std::string_view value) {
  TRY_ASSIGN(Statement statement,
             database.prepare("INSERT INTO syncline_meta(name, value) VALUES(?1, ?2) "
                              "ON CONFLICT(name) DO UPDATE SET value = excluded.value"));
  return statement.bind(1, name).bind(2, value).run();
}

namespace {

// A mark is kept as three values of syncline_meta: <name>_seq, <name>_segment, <name>_offset.
Result<std::optional<Mark>> read_mark(Database& database, std::string_view name) {
  TRY_ASSIGN(Statement statement,
             database.prepare("SELECT (SELECT value FROM syncline_meta WHERE name = ?1 || '_seq'),"
                              "(SELECT value FROM syncline_meta WHERE name = ?1 || '_segment'),"
                              "(SELECT value FROM syncline_meta WHERE name = ?1 || '_offset')"));
  TRY_ASSIGN(const bool row, statement.bind(1, name).step());
  if (!row || statement.is_null(0) || statement.is_null(1) || statement.is_null(2)) {
    return std::optional<Mark>();
  }
  return std::optional<Mark>(Mark{.position = {static_cast<uint64_t>(statement.integer(1)),
                                               static_cast<uint64_t>(statement.integer(2))},
                                  .seq = static_cast<uint64_t>(statement.integer(0))});
}

Status write_mark(Database& database, std::string_view name, const Mark& mark) {
  TRY_ASSIGN(Statement statement,
             database.prepare("INSERT INTO syncline_meta(name, value) VALUES"
                              "(?1 || '_seq', ?2), (?1 || '_segment', ?3), (?1 || '_offset', ?4)"
                              " ON CONFLICT(name) DO UPDATE SET value = excluded.value"));
  return statement.bind(1, name)
      .bind(2, mark.seq)
      .bind(3, mark.position.segment)
      .bind(4, mark.position.offset)
      .run();
}

}  // namespace

Result<std::optional<Mark>> read_applied_mark(Database& database) {
  return read_mark(database, "applied");
}
Status write_applied_mark(Database& database, const Mark& mark) {
  return write_mark(database, "applied", mark);
}
Result<std::optional<Mark>> read_durable_mark(Database& database) {
  return read_mark(database, "durable");
}
Status write_durable_mark(Database& database, const Mark& mark) {
  return write_mark(database, "durable", mark);
}

Status create_kind_table(Database& database, std::string_view table, const std::string& ddl) {
  TRY_ASSIGN(const bool there, database.has_table(table));
  if (there || ddl.empty()) return {};
  TRY(check_table_ddl(table, ddl));
  return run_table_ddl(database, table, ddl);
}

}  // namespace syncline
