// Git's lock files, taken so that it can be told later whose they were.
//
// Git locks a file by creating `<file>.lock` where there is none. Ours appear whole, and their text
// names the owner (a store's id) and what it is about to do, so that a lock which a killed process
// left can be told from anybody else's: nothing else writes such a text, and while the store's
// sync.lock is held no other process of the store is alive with one. Before a lock is removed its
// inode must still be the one that was looked at. Anybody else's lock is never touched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// Removed by the destructor unless released. Not thread-safe.
class OwnedLock {
 public:
  OwnedLock(OwnedLock&& other) noexcept;
  OwnedLock& operator=(OwnedLock&&) = delete;
  ~OwnedLock();

  // kDisagree where the file there is no longer ours: it then stays.
  Status release();
  // It stays, with its note, for the owner's remove_left_lock().
  void leave() { directory_ = nullptr; }

 private:
  friend class PreparedLock;
  OwnedLock(Directory& directory, std::string name, uint64_t inode)
      : directory_(&directory), name_(std::move(name)), inode_(inode) {}
  Directory* directory_;  // null once released or moved from
  std::string name_;
  uint64_t inode_;
};

// Its text, durable before anybody can meet the lock: taking it then syncs nothing.
class PreparedLock {
 public:
  // `note` may be empty; it can be read back by owned_lock_note().
  static Result<PreparedLock> prepare(Directory& directory, std::string name,
                                      std::string_view owner, std::string_view note);
  // kBusy where another has it: then it may be tried again.
  Result<OwnedLock> take();

 private:
  PreparedLock(Directory& directory, std::string name, std::unique_ptr<PreparedFile> file)
      : directory_(&directory), name_(std::move(name)), file_(std::move(file)) {}
  Directory* directory_;
  std::string name_;
  std::unique_ptr<PreparedFile> file_;
};

Result<bool> is_owned_lock(Directory& directory, std::string_view name, std::string_view owner);
// The note of a lock that is there and is the owner's.
Result<std::optional<std::string>> owned_lock_note(Directory& directory, std::string_view name,
                                                   std::string_view owner);
// Removes a lock of the owner; true when there was one. The caller holds the owner's sync.lock, and
// no OwnedLock of that name.
Result<bool> remove_left_lock(Directory& directory, std::string_view name, std::string_view owner);

}  // namespace syncline
