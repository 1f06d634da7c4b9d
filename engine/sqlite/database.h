// The SQLite file of a store, opened with the settings that the engine relies on.
//
// One connection at a time writes and checkpoints (whoever holds apply.lock): SQLite before 3.51.3
// can corrupt a WAL that two connections checkpoint at once
// (https://sqlite.org/wal.html#walresetbug), and closing a connection checkpoints too, so every
// connection of ours has SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE and wal_autocheckpoint=0. The database is
// a projection: a damaged or missing one is rebuilt from the journal. synchronous=NORMAL: a commit
// lost to a power cut is applied again from the journal.
//
// A database that the user brings (with rows, another page size, a rollback journal) is taken as it
// is and switched to WAL; a new one gets 16 KiB pages. Each setting is read back after it is made,
// because Debian builds SQLite with other defaults.
//
// Not thread-safe: one Database for each thread. SQLite's own errors: BUSY after busy_timeout is
// kBusy, and so is a table that is missing or has changed (the database is being rebuilt, or was
// exchanged); FULL, and IOERR from a full disk, is kRetryLater; CORRUPT and NOTADB are kCorrupt; a
// link in the way is kUnsafePath. None of them says anything about a record, so none is kInvalid.
// Whether a table refuses a row is told by Statement::last_code().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/sqlite/busy_wait.h"
#include "journal/record/intent.h"
#include "syncline/result.h"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite3_vfs;

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

// Where a database is, and the VFS that opens it (null: SQLite's own).
struct DatabaseFile {
  DatabaseFile(std::string path_, const char* vfs_ = nullptr, std::string root_ = {})  // NOLINT
      : path(std::move(path_)), vfs(vfs_), root(std::move(root_)) {}
  std::string path;  // absolute
  const char* vfs;
  // The directory that the path may not leave through a link; empty means the file's own directory.
  // Only beneath_vfs() enforces it (engine/sqlite/database_vfs.h).
  std::string root;
};

class Database {
 public:
  static constexpr int kBusyTimeoutMs = 5000;
  enum class Access : uint8_t { kRead, kWrite };
  // `on_busy` is called for each time that another's lock was waited for and is tried again.
  static Result<std::unique_ptr<Database>> open(const DatabaseFile& file, Access access,
                                                int busy_timeout_ms = kBusyTimeoutMs,
                                                std::function<void()> on_busy = {});
  // An empty database that ends with its connection, to try a statement on.
  static Result<std::unique_ptr<Database>> open_in_memory();
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Statement> prepare(std::string_view sql);
  Status execute(const std::string& sql);  // one or more statements, no rows
  // kCorrupt when SQLite finds the file damaged. A page that could not be read is an I/O error: the
  // disk may give it another time.
  Status quick_check();
  // Checkpoints with TRUNCATE when no reader is in the way, otherwise with PASSIVE, and then syncs
  // the WAL and the database file. After a failed sync sync_failed() is true, and the sync must not
  // be tried again: its pages may be gone.
  Status checkpoint();
  // Checkpoints with PASSIVE, so that the WAL can start over. Writers call it when wal_bytes() has
  // grown.
  Status checkpoint_passive();
  bool sync_failed() const { return sync_failed_; }
  // The size of the WAL after this connection's last commit.
  uint64_t wal_bytes() const { return wal_bytes_; }
  // Rows that the last statement changed, without those its triggers changed.
  int64_t changes() const;
  bool in_transaction() const;
  // Writes a whole copy, as of one moment, to a file that is not there. Others may write meanwhile.
  // Not synced.
  Status copy_into(const std::string& path);
  // How long another program's lock is waited for before the answer is kBusy.
  void set_busy_timeout(int64_t timeout_ms) { busy_.set_timeout(timeout_ms); }
  // True when the path now leads to another file than the one that is open.
  bool has_moved() const;
  // Whether there is a table or view of the name; case is ignored, as SQLite does.
  Result<bool> has_table(std::string_view name);
  sqlite3* handle() { return handle_; }

 private:
  Database(sqlite3* handle, sqlite3_vfs* vfs, int busy_timeout_ms, std::function<void()> on_busy)
      : handle_(handle), busy_(handle, vfs, busy_timeout_ms, std::move(on_busy)) {}
  Status set_up(Access access);
  Result<int64_t> pragma(const std::string& sql);
  static int note_wal(void* self, sqlite3* handle, const char* name, int pages);

  sqlite3* handle_;
  BusyWait busy_;
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

// A snapshot: reads see one state of the database for as long as the view lives, whatever others
// write. Within a transaction of this connection they see what the transaction sees.
class ReadView {
 public:
  static Result<ReadView> begin(Database& database);
  ReadView(ReadView&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  ReadView& operator=(ReadView&&) = delete;
  ~ReadView();

 private:
  explicit ReadView(Database* database) : database_(database) {}
  Database* database_;  // null: somebody else ends the transaction
};

// The hint of a kBusy error that a lock caused.
inline constexpr const char* kDatabaseLockedHint =
    "another program holds the database's write lock; try again once it is done";
inline bool is_database_locked(const Error& error) {
  return error.code == Code::kBusy && error.hint == kDatabaseLockedHint;
}
// The hint of a kBusy error that no lock caused: the file or its tables have been exchanged.
inline constexpr std::string_view kDatabaseExchangedHint =
    "the database is being rebuilt, or somebody changed it; try again";

// SQLite's last failure on this connection as an Error; `what` names what was attempted.
Error sqlite_error(sqlite3* handle, int code, std::string_view what);

// An SQL identifier, quoted.
std::string quote_identifier(std::string_view name);

}  // namespace syncline
