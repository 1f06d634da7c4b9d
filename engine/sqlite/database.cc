#include "engine/sqlite/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "engine/sqlite/database_vfs.h"
#include "journal/base/assert.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr int kPageBytesOfNew = 16384;
constexpr int64_t kWalBytesKept = 64
                                  << 20;  // journal_size_limit: a WAL beyond it is cut when reset
constexpr int kCacheKib = 16 * 1024;

bool is_sync_failure(int code) {
  return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

// quick_check reports a page that it could not read in a line of its report, as it does a page that
// makes no sense, and succeeds. The result code of that read; nothing where the line is about
// damage.
std::optional<int> failed_read_of(std::string_view line) {
  constexpr std::string_view kFailedPage = "unable to get the page. error code=";
  const size_t at = line.find(kFailedPage);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + kFailedPage.size());
  int code = SQLITE_CORRUPT;
  std::from_chars(line.data(), line.data() + line.size(), code);
  return code;
}

// SQLite has one error for a database file without write permission and for a read-only file
// system, but the user must do something else in each case.
bool is_on_read_only_file_system(sqlite3* handle) {
  const char* const path = handle != nullptr ? sqlite3_db_filename(handle, "main") : nullptr;
  struct statvfs status{};
  return path != nullptr && statvfs(path, &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

void tell_open_failure(Error& error) {
  if (error.sys_errno == ENOENT) error.code = Code::kNotFound;
  const std::string_view refusal = describe_refusal(error.sys_errno);
  if (refusal.empty()) return;
  error.code = Code::kUnsafePath;
  error.message += fmt::format(": {}", refusal);
  error.hint = "move it out of the way; the database is rebuilt from the journal";
}

// The path in the form that beneath_vfs() takes.
std::string path_for_vfs(const DatabaseFile& file) {
  const std::string root = file.root + "/";
  if (file.root.empty() || !file.path.starts_with(root)) return file.path;
  if (file.vfs == nullptr || std::string_view(file.vfs) != beneath_vfs()) return file.path;
  return root + file.path.substr(file.root.size());
}

}  // namespace

Error sqlite_error(sqlite3* handle, int code, std::string_view what) {
  const int system_errno = handle != nullptr ? sqlite3_system_errno(handle) : 0;
  const char* told = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  Error error{.code = Code::kIo, .message = fmt::format("{}: {}", what, told)};
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // a lock of the WAL index could not be had
      error.code = Code::kBusy;
      error.hint = kDatabaseLockedHint;
      break;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      error.code = Code::kRetryLater;
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = Code::kCorrupt;
      error.hint = "the database is rebuilt from the journal";
      break;
    case SQLITE_ERROR:  // no such table, no such column
    case SQLITE_SCHEMA:
      error.code = Code::kBusy;
      error.hint = kDatabaseExchangedHint;
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      error.code = Code::kReadOnly;
      if (code == SQLITE_READONLY_DBMOVED) {
        error.code = Code::kBusy;
        error.hint = kDatabaseExchangedHint;
      }
      if (is_on_read_only_file_system(handle)) error.sys_errno = EROFS;
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      error.sys_errno = system_errno;
      if (system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG) {
        error.code = Code::kRetryLater;
      }
      if (system_errno == EROFS) error.code = Code::kReadOnly;
      if (system_errno == EMFILE || system_errno == ENFILE) return errno_error(system_errno, what);
      if ((code & 0xff) == SQLITE_CANTOPEN) tell_open_failure(error);
      break;
    case SQLITE_MISUSE:
    case SQLITE_INTERNAL:
      error.code = Code::kInternal;
      break;
    default:  // CONSTRAINT, MISMATCH, TOOBIG, …: see the head of engine/sqlite/database.h
      break;
  }
  return error;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::note_bind(int code) {
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

Statement& Statement::bind(int index, int64_t value) {
  note_bind(sqlite3_bind_int64(statement_, index, value));
  return *this;
}

Statement& Statement::bind(int index, double value) {
  note_bind(sqlite3_bind_double(statement_, index, value));
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // A null pointer would bind NULL, and an empty view may have one.
  const char* data = text.data() != nullptr ? text.data() : "";
  note_bind(sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_blob(int index, ByteSpan blob) {
  const void* data = blob.data() != nullptr ? static_cast<const void*>(blob.data()) : "";
  note_bind(sqlite3_bind_blob64(statement_, index, data, blob.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind_null(int index) {
  note_bind(sqlite3_bind_null(statement_, index));
  return *this;
}

Statement& Statement::bind(int index, const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return bind(index, *integer);
  if (const auto* real = std::get_if<double>(&value)) return bind(index, *real);
  if (const auto* text = std::get_if<std::string>(&value)) {
    return bind(index, std::string_view(*text));
  }
  return bind_null(index);
}

Result<bool> Statement::step() {
  const int code = bind_code_ != SQLITE_OK ? bind_code_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* handle = sqlite3_db_handle(statement_);
  last_code_ = sqlite3_extended_errcode(handle);
  if ((last_code_ & 0xff) != (code & 0xff)) last_code_ = code;
  return sqlite_error(handle, last_code_, "SQLite");
}

Status Statement::run() {
  while (true) {
    auto row = step();
    if (!row) {
      reset();
      return std::move(row).error();
    }
    if (!*row) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  // sqlite3_reset() returns the code of the last step again, which step() has already reported.
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bind_code_ = SQLITE_OK;
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

ByteSpan Statement::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

Value Statement::value(int column) const {
  switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_INTEGER:
      return integer(column);
    case SQLITE_FLOAT:
      return real(column);
    case SQLITE_NULL:
      return std::monostate{};
    default:
      return std::string(text(column));
  }
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseFile& file, Access access,
                                                 int busy_timeout_ms,
                                                 std::function<void()> on_busy) {
  // Readers open the file for writing too, because whoever comes first after a crash must roll back
  // a hot journal. query_only keeps them from any other write, and SQLite itself falls back to
  // reading where the file may not be written.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE |
                    (access == Access::kWrite ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path_for_vfs(file).c_str(), &handle, flags, file.vfs);
  std::unique_ptr<Database> database(
      new Database(handle, sqlite3_vfs_find(file.vfs), busy_timeout_ms, std::move(on_busy)));
  if (code != SQLITE_OK) return sqlite_error(handle, code, "open " + file.path);
  if (auto ready = database->set_up(access); !ready) {
    Error error = std::move(ready).error();
    error.message = fmt::format("open {}: {}", file.path, error.message);
    return error;
  }
  return database;
}

Result<std::unique_ptr<Database>> Database::open_in_memory() {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(":memory:", &handle,
                      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE |
                          SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY,
                      nullptr);
  std::unique_ptr<Database> database(new Database(handle, nullptr, 0, {}));
  if (code != SQLITE_OK) return sqlite_error(handle, code, "open a database in memory");
  return database;
}

Database::~Database() {
  // Every statement must be finalised before its Database; close_v2 would hide one that is not.
  SYNCLINE_ASSERT(sqlite3_close(handle_) == SQLITE_OK);
}

Result<int64_t> Database::pragma(const std::string& sql) {
  TRY_ASSIGN(Statement statement, prepare(sql));
  TRY_ASSIGN(const bool row, statement.step());
  if (!row) return make_error(Code::kInternal, sql + " answered nothing");
  return statement.integer(0);
}

Status Database::set_up(Access access) {
  busy_.install();
  int now = 0;
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &now);
  if (now != 1)
    return make_error(Code::kUnsupported, "SQLite cannot leave out closing checkpoints");
  // This is the first read of the file: if it is no database, the error comes here.
  TRY_ASSIGN(const int64_t pages, pragma("PRAGMA page_count"));
  TRY(execute("PRAGMA wal_autocheckpoint=0"));
  if (access == Access::kRead) return execute("PRAGMA query_only=ON");

  if (pages == 0) TRY(execute(fmt::format("PRAGMA page_size={}", kPageBytesOfNew)));
  {
    TRY_ASSIGN(Statement statement, prepare("PRAGMA journal_mode=WAL"));
    TRY_ASSIGN(const bool row, statement.step());
    if (!row || statement.text(0) != "wal") {
      return make_error(Code::kUnsupported, "SQLite cannot switch this database to WAL",
                        "is its file system a network one, or another program using it?");
    }
  }
  TRY(
      execute(fmt::format("PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit={}; "
                          "PRAGMA cache_size=-{}",
                          kWalBytesKept, kCacheKib)));
  sqlite3_wal_hook(handle_, &Database::note_wal, this);

  TRY_ASSIGN(const int64_t synchronous, pragma("PRAGMA synchronous"));
  TRY_ASSIGN(const int64_t size_limit, pragma("PRAGMA journal_size_limit"));
  TRY_ASSIGN(page_bytes_, pragma("PRAGMA page_size"));
  if (synchronous != 1 || size_limit != kWalBytesKept ||
      (pages == 0 && page_bytes_ != kPageBytesOfNew)) {
    return make_error(Code::kUnsupported, "SQLite does not keep the settings it was given");
  }
  return {};
}

int Database::note_wal(void* self, sqlite3* /*handle*/, const char* /*name*/, int pages) {
  auto* database = static_cast<Database*>(self);
  database->wal_bytes_ =
      static_cast<uint64_t>(pages) * static_cast<uint64_t>(database->page_bytes_);
  return SQLITE_OK;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return sqlite_error(handle_, code, "SQLite");
  return Statement(statement);
}

Status Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(handle_, code, "SQLite");
  return {};
}

Status Database::quick_check() {
  TRY_ASSIGN(Statement check, prepare("PRAGMA quick_check(1)"));
  TRY_ASSIGN(const bool row, check.step());
  const std::string line(row ? check.text(0) : "no answer");
  if (line == "ok") return {};
  const std::string path = sqlite3_db_filename(handle_, "main");
  const int code = failed_read_of(line).value_or(SQLITE_CORRUPT);
  if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) {
    return make_error(Code::kCorrupt, fmt::format("{} is damaged: {}", path, line));
  }
  return sqlite_error(nullptr, code, fmt::format("check of {} ({})", path, line));
}

Status Database::copy_into(const std::string& path) {
  TRY(execute("PRAGMA query_only=OFF"));  // VACUUM INTO writes another file only
  TRY_ASSIGN(Statement copying, prepare("VACUUM INTO ?1"));
  copying.bind(1, std::string_view(path));
  return copying.run();
}

Status Database::checkpoint_passive() {
  const int code =
      sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) return {};
  sync_failed_ = sync_failed_ || is_sync_failure(code);
  return sqlite_error(handle_, code, "checkpoint of the database");
}

Status Database::checkpoint() {
  if (sync_failed_) return make_error(Code::kCorrupt, "an earlier sync of the database failed");
  // Readers are not waited for: pages that they keep from being copied stay in the WAL, which is
  // synced below.
  sqlite3_busy_handler(handle_, nullptr, nullptr);
  const int code =
      sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  busy_.install();
  if (code == SQLITE_OK) {
    wal_bytes_ = 0;
  } else if ((code & 0xff) != SQLITE_BUSY) {
    sync_failed_ = sync_failed_ || is_sync_failure(code);
    return sqlite_error(handle_, code, "checkpoint of the database");
  }
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(handle_, "main", which, &file) != SQLITE_OK || file == nullptr ||
        file->pMethods == nullptr) {
      continue;  // no WAL is open, so this connection has written nothing
    }
    if (const int synced = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL); synced != SQLITE_OK) {
      sync_failed_ = true;
      return Error{.code = Code::kIo,
                   .sys_errno = sqlite3_system_errno(handle_),
                   .message = fmt::format("sync of the database: {}", sqlite3_errstr(synced))};
    }
  }
  return {};
}

int64_t Database::changes() const {
  return sqlite3_changes64(handle_);
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

bool Database::has_moved() const {
  int moved = 0;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
      moved != 0) {
    return true;
  }
  // Somebody may have deleted the WAL alone: nobody else would see what is written to it then.
  sqlite3_file* log = nullptr;
  return sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
         log != nullptr && log->pMethods != nullptr && log->pMethods->xFileControl != nullptr &&
         log->pMethods->xFileControl(log, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved != 0;
}

Result<bool> Database::has_table(std::string_view name) {
  TRY_ASSIGN(Statement statement,
             prepare("SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND "
                     "name = ?1 COLLATE NOCASE"));
  statement.bind(1, name);
  return statement.step();
}

Result<Transaction> Transaction::begin(Database& database) {
  TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ == nullptr || !database_->in_transaction()) return;
  // A failure needs no handling: SQLite rolls back when it next opens the file.
  (void)database_->execute("ROLLBACK");
}

Status Transaction::commit() {
  TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

Result<ReadView> ReadView::begin(Database& database) {
  if (database.in_transaction()) return ReadView(nullptr);
  TRY(database.execute("BEGIN"));
  return ReadView(&database);
}

ReadView::~ReadView() {
  // Nothing was written, so a failure loses nothing.
  if (database_ != nullptr && database_->in_transaction()) (void)database_->execute("ROLLBACK");
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char character : name) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

}  // namespace syncline
