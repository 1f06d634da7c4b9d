// RocksDB: a put, or a batch of them, is durable when Write returns (WriteOptions::sync).
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "bench/load.h"

namespace syncline {
namespace {

void must(const rocksdb::Status& status) {
  if (!status.ok()) stop_benchmark(status.ToString());
}

class RocksDbClient final : public Client {
 public:
  explicit RocksDbClient(rocksdb::DB& database) : database_(database) { durable_.sync = true; }
  void write(std::span<const std::string> records, uint64_t first) override {
    rocksdb::WriteBatch batch;
    for (size_t i = 0; i < records.size(); ++i) must(batch.Put(key_of(first + i), records[i]));
    must(database_.Write(durable_, &batch));
  }

 private:
  rocksdb::DB& database_;
  rocksdb::WriteOptions durable_;
};

}  // namespace
}  // namespace syncline

int main(int argc, char** argv) {
  using namespace syncline;
  const Arguments arguments(argc, argv);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  must(rocksdb::DB::Open(options, arguments.text("dir") + "/rocksdb", &opened));
  const std::unique_ptr<rocksdb::DB> database(opened);
  Report report;
  run_load(
      Load(arguments), [&](int) { return std::make_unique<RocksDbClient>(*database); }, report);
  report.print();
}
