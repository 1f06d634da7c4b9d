// A Directory that calls a hook before each operation: the hook may answer an error (the operation
// then fails without being done), end the process, or change the world under the caller.
//
// Directories opened through it are hooked as well, with names told from the outermost one; files
// are not.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "journal/base/try.h"
#include "journal/os/file_system.h"

namespace syncline {

using DirectoryHook = std::function<Status(std::string_view operation, const std::string& name)>;

class HookedDirectory final : public Directory {
 public:
  HookedDirectory(std::unique_ptr<Directory> inner, std::shared_ptr<DirectoryHook> hook,
                  std::string prefix = {})
      : inner_(std::move(inner)), hook_(std::move(hook)), prefix_(std::move(prefix)) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override {
    TRY(tell(flags.write ? "open-write" : "open-read", name));
    return inner_->open_file(name, flags);
  }
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    TRY(tell("open-directory", name));
    TRY_ASSIGN(auto opened, inner_->open_directory(name));
    return std::make_unique<HookedDirectory>(std::move(opened), hook_,
                                             prefix_ + std::string(name) + "/");
  }
  Status make_directories(std::string_view name, bool private_mode) override {
    TRY(tell("make-directories", name));
    return inner_->make_directories(name, private_mode);
  }
  Status create_whole(std::string_view name, ByteSpan content) override {
    TRY(tell("create", name));
    return inner_->create_whole(name, content);
  }
  Status rename(std::string_view from, std::string_view to) override {
    TRY(tell("rename", to));
    return inner_->rename(from, to);
  }
  Status exchange(std::string_view one, std::string_view other) override {
    TRY(tell("rename", other));
    return inner_->exchange(one, other);
  }
  Status remove_file(std::string_view name) override {
    TRY(tell("remove", name));
    return inner_->remove_file(name);
  }
  Status remove_directory(std::string_view name) override {
    TRY(tell("remove", name));
    return inner_->remove_directory(name);
  }
  Result<FileInfo> info(std::string_view name) override {
    TRY(tell("info", name));
    return inner_->info(name);
  }
  Result<std::vector<std::string>> list(std::string_view name) override {
    TRY(tell("list", name));
    return inner_->list(name);
  }
  Status sync_directory(std::string_view name) override {
    TRY(tell("sync-directory", name));
    return inner_->sync_directory(name);
  }
  Status sync_file_system() override {
    TRY(tell("sync-file-system", "."));
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
  Status tell(std::string_view operation, std::string_view name) {
    if (!*hook_) return {};
    return (*hook_)(operation, prefix_ + std::string(name));
  }

  std::unique_ptr<Directory> inner_;
  std::shared_ptr<DirectoryHook> hook_;
  std::string prefix_;
};

}  // namespace syncline
