// The SQLite file of a store, opened our way.
//
// One connection at a time writes and checkpoints (whoever holds apply.lock): SQLite before 3.51.3
// can corrupt a WAL that two connections checkpoint at once
// (https://sqlite.org/wal.html#walresetbug), and closing a connection checkpoints too, so every
// connection of ours has SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE and wal_autocheckpoint=0. The database is
// a projection: a damaged or missing one is rebuilt from the journal. synchronous=NORMAL: a commit
// lost to a power cut is applied again from the journal.
//
// A database the user brings (rows, another page size, a rollback journal) is taken as it is and
// switched to WAL; a new one gets 16 KiB pages. What is relied on is read back, not assumed: Debian
// builds SQLite with other defaults.
//
// Not thread-safe: one Database for each thread. SQLite's own errors: BUSY after busy_timeout is
// kBusy, and so is a table that is not there or another than it was (the database is being rebuilt,
// or was exchanged); FULL (and IOERR from a full disk) kRetryLater, CORRUPT/NOTADB kCorrupt, a link
// in the way kUnsafePath. None of them says anything about a record, so none is kInvalid: what a
// table thinks of a row, Statement::last_code() tells whoever writes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "journal/record/intent.h"
#include "syncline/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace syncline {

class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept
      : statement_(std::exchange(other.statement_, nullptr)),
        last_code_(other.last_code_),
        bind_code_(other.bind_code_) {}
  Statement& operator=(Statement&&) = delete;

  // A bind that SQLite refuses (too big, out of memory) fails the next step().
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
  void note_bind(int code);

  sqlite3_stmt* statement_;
  int last_code_ = 0;
  int bind_code_ = 0;
};

// Where a database is, and by whose VFS it is reached (null: SQLite's own).
struct DatabaseFile {
  DatabaseFile(std::string path_, const char* vfs_ = nullptr, std::string root_ = {})  // NOLINT
      : path(std::move(path_)), vfs(vfs_), root(std::move(root_)) {}
  std::string path;  // absolute
  const char* vfs;
  // The folder that the path may not leave by a link; empty: the one that the file is in. Only
  // beneath_vfs() keeps to it (engine/sqlite/database_vfs.h).
  std::string root;
};

class Database {
 public:
  enum class Access : uint8_t { kRead, kWrite };
  static Result<std::unique_ptr<Database>> open(const DatabaseFile& file, Access access,
                                                int busy_timeout_ms = 5000);
  // An empty one that ends with its connection: to try a statement on.
  static Result<std::unique_ptr<Database>> open_in_memory();
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Statement> prepare(std::string_view sql);
  Status execute(const std::string& sql);  // one or more statements, no rows
  // TRUNCATE when no reader is in the way, else PASSIVE; syncs WAL and database file, whatever the
  // readers left undone. `sync_failed()` tells a failed sync, which must not be tried again.
  Status checkpoint();
  // PASSIVE, so that the WAL can begin anew: what a writer does when wal_bytes() has grown.
  Status checkpoint_passive();
  bool sync_failed() const { return sync_failed_; }
  // Bytes of WAL that the last commit of this connection left.
  uint64_t wal_bytes() const { return wal_bytes_; }
  // Rows the last statement changed itself.
  int64_t changes() const;
  bool in_transaction() const;
  // The file at our path is no longer the one that is open.
  bool has_moved() const;
  // The table or view, in the spelling SQLite compares by.
  Result<bool> has_table(std::string_view name);
  sqlite3* handle() { return handle_; }

 private:
  Database(sqlite3* handle, int busy_timeout_ms)
      : handle_(handle), busy_timeout_ms_(busy_timeout_ms) {}
  Status set_up(Access access);
  Result<int64_t> pragma(const std::string& sql);
  static int note_wal(void* self, sqlite3* handle, const char* name, int pages);

  sqlite3* handle_;
  int busy_timeout_ms_;
  int64_t page_bytes_ = 0;
  uint64_t wal_bytes_ = 0;
  bool sync_failed_ = false;
};

// BEGIN IMMEDIATE … COMMIT; rolls back unless commit() succeeded.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

// One state of the database for as long as it lives, whatever others write; within a transaction it
// is that one's.
class ReadView {
 public:
  static Result<ReadView> begin(Database& database);
  ReadView(ReadView&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ReadView& operator=(ReadView&&) = delete;
  ~ReadView();

 private:
  explicit ReadView(Database* database) : database_(database) {}
  Database* database_;  // null: the transaction is another's
};

// Of a kBusy error that is no lock's: the file or its tables are not those that were opened.
inline constexpr std::string_view kDatabaseExchangedHint =
    "the database is being rebuilt, or somebody changed it; try again";

// What SQLite's last failure on this connection means to a caller; `what` names the attempt.
Error sqlite_error(sqlite3* handle, int code, std::string_view what);

// An SQL identifier, quoted.
std::string quote_identifier(std::string_view name);

}  // namespace syncline
