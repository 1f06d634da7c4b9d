// LMDB: a transaction is durable when mdb_txn_commit returns (no MDB_NOSYNC, no MDB_NOMETASYNC).
// Writers take turns at LMDB's own lock.
#include <lmdb.h>
#include <sys/stat.h>

#include "bench/load.h"

namespace syncline {
namespace {

void must(int code) {
  if (code != MDB_SUCCESS) stop_benchmark(mdb_strerror(code));
}

class LmdbClient final : public Client {
 public:
  LmdbClient(MDB_env* environment, MDB_dbi table) : environment_(environment), table_(table) {}
  void write(std::span<const std::string> records, uint64_t first) override {
    MDB_txn* transaction = nullptr;
    must(mdb_txn_begin(environment_, nullptr, 0, &transaction));
    for (size_t i = 0; i < records.size(); ++i) {
      std::string name = key_of(first + i);
      MDB_val key{name.size(), name.data()};
      MDB_val value{records[i].size(), const_cast<char*>(records[i].data())};
      must(mdb_put(transaction, table_, &key, &value, 0));
    }
    must(mdb_txn_commit(transaction));
  }

 private:
  MDB_env* environment_;
  MDB_dbi table_;
};

}  // namespace
}  // namespace syncline

int main(int argc, char** argv) {
  using namespace syncline;
  const Arguments arguments(argc, argv);
  const std::string directory = arguments.text("dir") + "/lmdb";
  require(mkdir(directory.c_str(), 0700) == 0, "mkdir");
  MDB_env* environment = nullptr;
  must(mdb_env_create(&environment));
  must(mdb_env_set_mapsize(environment, size_t{16} << 30));
  must(mdb_env_open(environment, directory.c_str(), 0, 0600));
  MDB_txn* transaction = nullptr;
  MDB_dbi table = 0;
  must(mdb_txn_begin(environment, nullptr, 0, &transaction));
  must(mdb_dbi_open(transaction, nullptr, 0, &table));
  must(mdb_txn_commit(transaction));
  Report report;
  run_load(
      Load(arguments), [&](int) { return std::make_unique<LmdbClient>(environment, table); },
      report);
  report.print();
  mdb_env_close(environment);
}
