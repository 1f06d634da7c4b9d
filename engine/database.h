// The SQLite file of a store, opened our way.
//
// One connection at a time writes and checkpoints (whoever holds apply.lock): SQLite before 3.51.3
// can corrupt a WAL that two connections checkpoint at once
// (https://sqlite.org/wal.html#walresetbug), and closing a connection checkpoints too, so every
// connection of ours has SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE and wal_autocheckpoint=0. The database is
// a projection: a damaged or missing one is rebuilt from the journal. synchronous=NORMAL: a commit
// lost to a power cut is applied again from the journal.
//
// Not thread-safe: one Database for each thread. SQLite's own errors: BUSY after busy_timeout is
// kBusy, FULL kRetryLater, CORRUPT/NOTADB kCorrupt, CONSTRAINT is left to the caller by its code.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "journal/intent.h"
#include "journal/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace syncline {

class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;

  Statement& bind(int index, int64_t value);
  Statement& bind(int index, uint64_t value) { return bind(index, static_cast<int64_t>(value)); }
  Statement& bind(int index, double value);
  // Borrowed until the next reset().
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, ByteSpan blob);
  Statement& bind_null(int index);
  Statement& bind(int index, const Value& value);

  Result<bool> step();  // true: a row is there
  Status run();         // step to the end, then reset
  void reset();         // also clears bindings

  bool is_null(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // valid until step() or reset()
  ByteSpan blob(int column) const;
  Value value(int column) const;
  // The extended result code of the last failure, for constraint handling.
  int last_code() const { return last_code_; }

 private:
  sqlite3_stmt* statement_;
  int last_code_ = 0;
};

class Database {
 public:
  enum class Access : uint8_t { kRead, kWrite };
  static Result<std::unique_ptr<Database>> open(const std::string& path, Access access,
                                                int busy_timeout_ms = 5000);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Statement> prepare(std::string_view sql);
  Status execute(const std::string& sql);  // one or more statements, no rows
  // TRUNCATE when no reader is in the way, else PASSIVE; syncs WAL and database file.
  Status checkpoint();
  sqlite3* handle() { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
};

// An SQL identifier, quoted.
std::string quote_identifier(std::string_view name);

}  // namespace syncline
