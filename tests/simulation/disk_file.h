// An open file of a simulated disk: what a process reads and writes through one handle.
#pragma once

#include <memory>
#include <string>

#include "journal/base/block.h"
#include "tests/simulation/disk.h"

namespace syncline::simulation {

class Disk::SimFile final : public File {
 public:
  SimFile(Disk& disk, ProcessId process, InodeNumber inode, bool write, bool direct,
          std::string path);
  ~SimFile() override { let_go(); }
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;
  Result<size_t> read_at(uint64_t offset, MutableByteSpan into) override;
  Status write_at(uint64_t offset, ByteSpan from) override;
  Status sync_data() override;
  Status truncate(uint64_t size_bytes) override;
  Result<FileInfo> info() override;
  Status close() override;

  int descriptor() const override { return -1; }
  bool direct() const override { return direct_; }
  // Small, so that short logs are read ahead as well.
  size_t part_bytes() const override { return 2 * kBlockBytes; }
  // The ring may be refused, and then reads are plain.
  std::unique_ptr<ReadQueue> read_queue() override;

 private:
  DiskOperation about(Call call, uint64_t offset = 0, uint64_t bytes = 0) const;
  // How many bytes of a write find room. Bytes that lie within the file always do.
  size_t fitting(uint64_t offset, size_t bytes) const;
  void let_go();

  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  bool write_;
  bool direct_;
  std::string path_;
};

}  // namespace syncline::simulation
