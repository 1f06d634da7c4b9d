// A Directory whose Nth call of a kind fails, once or from then on.
//
//   auto faults = std::make_shared<Faults>();
//   FaultDirectory directory(*real, faults);
//   faults->fail(FaultCall::kSyncData, 2, EIO);                    // the second fdatasync from now
//   faults->fail(FaultCall::kWrite, 1, ENOSPC, Faults::kSticky);   // every write from now on
//   faults->fail_short_write(1, ENOSPC, 512);                      // 512 bytes land, then ENOSPC
//
// Counts run over all files and directories opened through it. Its files have no descriptor, so
// that a Ring reaches them by their methods. What a failed call would have done is not done (but
// for the part of a short write); what a failed sync leaves on disk is the simulated disk's affair.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/base/mutex.h"
#include "journal/base/try.h"
#include "journal/os/file_system.h"

namespace syncline {

enum class FaultCall : uint8_t {
  kOpenFile,
  kRead,
  kWrite,
  kSyncData,
  kTruncate,
  kFileInfo,
  kClose,
  kOpenDirectory,
  kMakeDirectories,
  kCreateWhole,
  kRename,
  kRemoveFile,
  kRemoveDirectory,
  kInfo,
  kList,
  kSyncDirectory,
  kSyncFileSystem,
  kOpenLock,
  kMapPage,
  kCount,
};

// The plan and the counts; thread-safe, shared by a FaultDirectory and all that came from it.
class Faults {
 public:
  enum Duration : bool { kOnce, kSticky };
  struct Fault {
    int sys_errno = 0;
    size_t written_bytes = 0;  // what a failing write still writes
  };

  // The `nth` call from now, counted from 1, fails.
  void fail(FaultCall call, uint64_t nth, int sys_errno, Duration duration = kOnce) {
    plan(call, nth, {sys_errno, 0}, duration);
  }
  void fail_short_write(uint64_t nth, int sys_errno, size_t written_bytes,
                        Duration duration = kOnce) {
    plan(FaultCall::kWrite, nth, {sys_errno, written_bytes}, duration);
  }
  void clear() {
    const MutexLock lock(mutex_);
    for (Counter& counter : counters_) counter.planned.clear();
  }
  uint64_t calls(FaultCall call) {
    const MutexLock lock(mutex_);
    return counter_of(call).calls;
  }
  uint64_t failures() {
    const MutexLock lock(mutex_);
    return failures_;
  }

  // Counts the call; the fault it meets, if any.
  std::optional<Fault> meet(FaultCall call) {
    const MutexLock lock(mutex_);
    Counter& counter = counter_of(call);
    ++counter.calls;
    for (const Planned& planned : counter.planned) {
      const bool due = planned.duration == kSticky ? counter.calls >= planned.at_call
                                                   : counter.calls == planned.at_call;
      if (!due) continue;
      ++failures_;
      return planned.fault;
    }
    return std::nullopt;
  }

 private:
  struct Planned {
    uint64_t at_call = 0;
    Fault fault;
    Duration duration = kOnce;
  };
  struct Counter {
    uint64_t calls = 0;
    std::vector<Planned> planned;
  };

  Counter& counter_of(FaultCall call) REQUIRES(mutex_) {
    return counters_[static_cast<size_t>(call)];
  }
  void plan(FaultCall call, uint64_t nth, Fault fault, Duration duration) {
    const MutexLock lock(mutex_);
    Counter& counter = counter_of(call);
    counter.planned.push_back({counter.calls + nth, fault, duration});
  }

  Mutex mutex_;
  std::array<Counter, static_cast<size_t>(FaultCall::kCount)> counters_ GUARDED_BY(mutex_);
  uint64_t failures_ GUARDED_BY(mutex_) = 0;
};

// Returns the planned error to the caller.
#define SYNCLINE_MEET_FAULT(faults, call, what)                                            \
  do {                                                                                     \
    if (const auto fault = (faults).meet(call))                                            \
      return errno_error(fault->sys_errno, std::string("injected: ") + std::string(what)); \
  } while (false)

class FaultFile final : public File {
 public:
  FaultFile(std::unique_ptr<File> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  Result<size_t> read_at(uint64_t offset, MutableByteSpan into) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kRead, "read");
    return inner_->read_at(offset, into);
  }
  Status write_at(uint64_t offset, ByteSpan from) override {
    if (const auto fault = faults_->meet(FaultCall::kWrite)) {
      const size_t part = std::min(fault->written_bytes, from.size());
      if (part > 0) TRY(inner_->write_at(offset, from.first(part)));
      return errno_error(fault->sys_errno, "injected: write");
    }
    return inner_->write_at(offset, from);
  }
  Status sync_data() override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kSyncData, "fdatasync");
    return inner_->sync_data();
  }
  Status truncate(uint64_t size_bytes) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kTruncate, "truncate");
    return inner_->truncate(size_bytes);
  }
  Result<FileInfo> info() override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kFileInfo, "stat");
    return inner_->info();
  }
  // As in the kernel, the file is closed also when closing fails.
  Status close() override {
    const auto fault = faults_->meet(FaultCall::kClose);
    const Status closed = inner_->close();
    if (fault) return errno_error(fault->sys_errno, "injected: close");
    return closed;
  }
  int descriptor() const override { return -1; }
  bool direct() const override { return inner_->direct(); }

 private:
  std::unique_ptr<File> inner_;
  std::shared_ptr<Faults> faults_;
};

class FaultDirectory final : public Directory {
 public:
  // `inner` must outlive this.
  FaultDirectory(Directory& inner, std::shared_ptr<Faults> faults)
      : inner_(&inner), faults_(std::move(faults)) {}
  FaultDirectory(std::unique_ptr<Directory> inner, std::shared_ptr<Faults> faults)
      : owned_(std::move(inner)), inner_(owned_.get()), faults_(std::move(faults)) {}

  Result<std::unique_ptr<File>> open_file(std::string_view name, OpenFlags flags) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kOpenFile, name);
    TRY_ASSIGN(auto file, inner_->open_file(name, flags));
    return std::make_unique<FaultFile>(std::move(file), faults_);
  }
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kOpenDirectory, name);
    TRY_ASSIGN(auto directory, inner_->open_directory(name));
    return std::make_unique<FaultDirectory>(std::move(directory), faults_);
  }
  Status make_directories(std::string_view name, bool private_mode) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kMakeDirectories, name);
    return inner_->make_directories(name, private_mode);
  }
  Status create_whole(std::string_view name, ByteSpan content) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kCreateWhole, name);
    return inner_->create_whole(name, content);
  }
  Status rename(std::string_view from, std::string_view to) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kRename, from);
    return inner_->rename(from, to);
  }
  Status exchange(std::string_view one, std::string_view other) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kRename, one);
    return inner_->exchange(one, other);
  }
  Status remove_file(std::string_view name) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kRemoveFile, name);
    return inner_->remove_file(name);
  }
  Status remove_directory(std::string_view name) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kRemoveDirectory, name);
    return inner_->remove_directory(name);
  }
  Result<FileInfo> info(std::string_view name) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kInfo, name);
    return inner_->info(name);
  }
  Result<std::vector<std::string>> list(std::string_view name) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kList, name);
    return inner_->list(name);
  }
  Status sync_directory(std::string_view name) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kSyncDirectory, name);
    return inner_->sync_directory(name);
  }
  Status sync_file_system() override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kSyncFileSystem, "syncfs");
    return inner_->sync_file_system();
  }
  Result<std::unique_ptr<FileLock>> open_lock(std::string_view name) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kOpenLock, name);
    return inner_->open_lock(name);
  }
  Result<std::unique_ptr<SharedPage>> map_page(std::string_view name, size_t size_bytes) override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kMapPage, name);
    return inner_->map_page(name, size_bytes);
  }
  Result<std::unique_ptr<FileLock>> open_own_lock() override {
    SYNCLINE_MEET_FAULT(*faults_, FaultCall::kOpenLock, ".");
    return inner_->open_own_lock();
  }
  Result<Identity> identity() override { return inner_->identity(); }
  Result<std::string> cache_token() override { return inner_->cache_token(); }
  const std::string& path() const override { return inner_->path(); }

 private:
  std::unique_ptr<Directory> owned_;
  Directory* inner_;
  std::shared_ptr<Faults> faults_;
};

#undef SYNCLINE_MEET_FAULT

}  // namespace syncline
