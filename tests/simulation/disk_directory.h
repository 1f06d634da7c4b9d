// A directory of a simulated disk, as one process has it open: the Directory seam over a DiskImage.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/disk.h"

namespace syncline::simulation {

class Disk::SimDirectory final : public Directory {
 public:
  SimDirectory(Disk& disk, ProcessId process, InodeNumber inode, std::string path);
  ~SimDirectory() override { disk_.closed(inode_); }
  SimDirectory(const SimDirectory&) = delete;
  SimDirectory& operator=(const SimDirectory&) = delete;
  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override;
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override;
  Status make_directories(std::string_view name, bool private_mode) override;
  Status create_whole(std::string_view name, ByteSpan content) override;
  Status create_whole_synced(std::string_view name, ByteSpan content) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove_file(std::string_view name) override { return remove(name, false); }
  Status remove_directory(std::string_view name) override { return remove(name, true); }

  Result<FileInfo> info(std::string_view name) override;
  Result<std::vector<std::string>> list(std::string_view name) override;
  Status sync_directory(std::string_view name) override;
  Status sync_file_system() override;
  Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) override;
  Result<std::unique_ptr<FileLock>> open_own_lock() override;
  Result<std::unique_ptr<SharedPage>> map_page(std::string_view name, size_t size_bytes) override;
  Result<Identity> identity() override;
  Result<std::string> cache_token() override;
  const std::string& path() const override { return path_; }

 private:
  Status create_whole(std::string_view name, ByteSpan content, bool synced);
  DiskOperation about(Call call, std::string_view path, uint64_t bytes = 0) const;
  static Error not_regular(const DiskOperation& operation);
  Result<InodeNumber> directory(std::string_view name) const;
  void touch(InodeNumber inode) { disk_.image_.writable(inode).mtime_ns = disk_.now_ns(); }
  InodeNumber make_file(const Place& place, uint32_t mode, bool durable = false);
  // Opens the file of a lock or a page. A crash never loses the name of such a file alone (see
  // persistence.h).
  Result<InodeNumber> open_unlosable(Call creates, std::string_view name, std::string_view path);
  Status remove(std::string_view name, bool is_directory);

  Disk& disk_;
  ProcessId process_;
  InodeNumber inode_;
  std::string from_root_;
  std::string path_;
};

}  // namespace syncline::simulation
