// LevelDB: a put, or a batch of them, is durable when Write returns (WriteOptions::sync).
#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include "bench/load.h"

namespace syncline {
namespace {

void must(const leveldb::Status& status) {
  if (!status.ok()) stop_benchmark(status.ToString());
}

class LevelDbClient final : public Client {
 public:
  explicit LevelDbClient(leveldb::DB& database) : database_(database) { durable_.sync = true; }
  void write(std::span<const std::string> records, uint64_t first) override {
    leveldb::WriteBatch batch;
    for (size_t i = 0; i < records.size(); ++i) batch.Put(key_of(first + i), records[i]);
    must(database_.Write(durable_, &batch));
  }

 private:
  leveldb::DB& database_;
  leveldb::WriteOptions durable_;
};

}  // namespace
}  // namespace syncline

int main(int argc, char** argv) {
  using namespace syncline;
  const Arguments arguments(argc, argv);
  leveldb::Options options;
  options.create_if_missing = true;
  leveldb::DB* opened = nullptr;
  must(leveldb::DB::Open(options, arguments.text("dir") + "/leveldb", &opened));
  const std::unique_ptr<leveldb::DB> database(opened);
  Report report;
  run_load(
      Load(arguments), [&](int) { return std::make_unique<LevelDbClient>(*database); }, report);
  report.print();
}
