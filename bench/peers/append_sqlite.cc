// SQLite in WAL mode with synchronous=FULL: a transaction is durable when COMMIT returns.
// One connection behind a mutex: with a connection for each thread SQLite is slower, because its
// writers wait by sleeping.
#include <sqlite3.h>

#include <mutex>

#include "bench/load.h"

namespace syncline {
namespace {

class Connection {
 public:
  explicit Connection(const std::string& path) {
    must(sqlite3_open(path.c_str(), &database_));
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE records(id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
    must(sqlite3_prepare_v2(database_, "PRAGMA synchronous", -1, &insert_, nullptr));
    require(sqlite3_step(insert_) == SQLITE_ROW && sqlite3_column_int(insert_, 0) == 2,
            "SQLite did not take synchronous=FULL");
    must(sqlite3_finalize(insert_));
    must(
        sqlite3_prepare_v2(database_, "INSERT INTO records VALUES(?1, ?2)", -1, &insert_, nullptr));
  }
  ~Connection() {
    sqlite3_finalize(insert_);
    sqlite3_close(database_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void write(std::span<const std::string> records, uint64_t first) {
    const std::scoped_lock lock(mutex_);
    run("BEGIN IMMEDIATE");
    auto id = static_cast<sqlite3_int64>(first);
    for (const std::string& record : records) {
      must(sqlite3_bind_int64(insert_, 1, id++));
      must(sqlite3_bind_text(insert_, 2, record.data(), static_cast<int>(record.size()),
                             SQLITE_STATIC));
      require(sqlite3_step(insert_) == SQLITE_DONE, "an insert failed");
      must(sqlite3_reset(insert_));
    }
    run("COMMIT");
  }

 private:
  void must(int code) const {
    if (code != SQLITE_OK) stop_benchmark(sqlite3_errmsg(database_));
  }
  void run(const char* sql) { must(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr)); }

  std::mutex mutex_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

class SqliteClient final : public Client {
 public:
  explicit SqliteClient(Connection& connection) : connection_(connection) {}
  void write(std::span<const std::string> records, uint64_t first) override {
    connection_.write(records, first);
  }

 private:
  Connection& connection_;
};

}  // namespace
}  // namespace syncline

int main(int argc, char** argv) {
  using namespace syncline;
  const Arguments arguments(argc, argv);
  Connection connection(arguments.text("dir") + "/peer.db");
  Report report;
  run_load(
      Load(arguments), [&](int) { return std::make_unique<SqliteClient>(connection); }, report);
  report.print();
}
