// A Directory that stops working after a number of changes, as for a process that died there: that
// change and all after it fail, what came before is on the disk. Reads go on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "journal/base/try.h"
#include "journal/os/file_system.h"

namespace syncline {

class StoppingDirectory final : public Directory {
 public:
  // Both outlive it. `changes_left` counts down at each change, over all directories that share it.
  StoppingDirectory(Directory& inner, uint64_t& changes_left)
      : inner_(&inner), changes_left_(changes_left) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override {
    if (flags.create) TRY(change());
    TRY_ASSIGN(std::unique_ptr<File> file, inner_->open_file(name, flags));
    return std::unique_ptr<File>(std::make_unique<StoppingFile>(std::move(file), *this));
  }
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    return inner_->open_directory(name);
  }
  Status make_directories(std::string_view name, bool private_mode) override {
    TRY(change());
    return inner_->make_directories(name, private_mode);
  }
  Status create_whole(std::string_view name, ByteSpan content) override {
    TRY(change());
    return inner_->create_whole(name, content);
  }
  Status rename(std::string_view from, std::string_view to) override {
    TRY(change());
    return inner_->rename(from, to);
  }
  Status exchange(std::string_view one, std::string_view other) override {
    TRY(change());
    return inner_->exchange(one, other);
  }
  Status remove_file(std::string_view name) override {
    TRY(change());
    return inner_->remove_file(name);
  }
  Status remove_directory(std::string_view name) override {
    TRY(change());
    return inner_->remove_directory(name);
  }
  Result<FileInfo> info(std::string_view name) override { return inner_->info(name); }
  Result<std::vector<std::string>> list(std::string_view name) override {
    return inner_->list(name);
  }
  Status sync_directory(std::string_view name) override {
    TRY(change());
    return inner_->sync_directory(name);
  }
  Status sync_file_system() override {
    TRY(change());
    return inner_->sync_file_system();
  }
  Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) override {
    return inner_->open_lock(name);
  }
  Result<std::unique_ptr<SharedPage>> map_page(std::string_view name, size_t size_bytes) override {
    return inner_->map_page(name, size_bytes);
  }
  Result<std::unique_ptr<FileLock>> open_own_lock() override { return inner_->open_own_lock(); }
  Result<Identity> identity() override { return inner_->identity(); }
  Result<std::string> cache_token() override { return inner_->cache_token(); }
  const std::string& path() const override { return inner_->path(); }

 private:
  class StoppingFile final : public File {
   public:
    StoppingFile(std::unique_ptr<File> inner, StoppingDirectory& owner)
        : inner_(std::move(inner)), owner_(owner) {}
    Result<size_t> read_at(uint64_t offset, MutableByteSpan into) override {
      return inner_->read_at(offset, into);
    }
    Status write_at(uint64_t offset, ByteSpan from) override {
      if (Status allowed = owner_.change(); !allowed) {
        // Half of it may have got there.
        TRY(inner_->write_at(offset, from.first(from.size() / 2)));
        return allowed;
      }
      return inner_->write_at(offset, from);
    }
    Status sync_data() override {
      TRY(owner_.change());
      return inner_->sync_data();
    }
    Status truncate(uint64_t size_bytes) override {
      TRY(owner_.change());
      return inner_->truncate(size_bytes);
    }
    Result<FileInfo> info() override { return inner_->info(); }
    Status close() override { return inner_->close(); }
    int descriptor() const override { return inner_->descriptor(); }
    bool direct() const override { return inner_->direct(); }

   private:
    std::unique_ptr<File> inner_;
    StoppingDirectory& owner_;
  };

  Status change() {
    if (changes_left_ == 0) return make_error(Code::kIo, "the process has died here");
    --changes_left_;
    return {};
  }

  Directory* inner_;
  uint64_t& changes_left_;
};

}  // namespace syncline
