#include "sync/git/owned_lock.h"

#include <fmt/format.h>

#include <utility>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr uint64_t kLockBytesMax =
    4096;  // ours are shorter; a longer one is an index being written

std::string first_line(std::string_view owner) {
  return fmt::format("syncline lock of {}\n", owner);
}

}  // namespace

Result<PreparedLock> PreparedLock::prepare(Directory& directory, std::string name,
                                           std::string_view owner, std::string_view note) {
  const std::string text = first_line(owner) + std::string(note);
  // Synced first: without its text a lock that a power cut leaves would be nobody's, and stay.
  TRY_ASSIGN(auto file, directory.prepare_whole_synced(name, as_bytes(text)));
  return PreparedLock(directory, std::move(name), std::move(file));
}

Result<OwnedLock> PreparedLock::take() {
  const Status created = file_->create();
  if (!created) {
    if (created.error().code != Code::kExists) return created.error();
    return make_error(Code::kBusy,
                      fmt::format("{}/{} is held by another", directory_->path(), name_),
                      "if no git command is running, remove the file");
  }
  TRY_ASSIGN(const FileInfo info, directory_->info(name_));
  return OwnedLock(*directory_, name_, info.inode);
}

OwnedLock::OwnedLock(OwnedLock&& other) noexcept
    : directory_(std::exchange(other.directory_, nullptr)),
      name_(std::move(other.name_)),
      inode_(other.inode_) {}

OwnedLock::~OwnedLock() {
  // What cannot be removed here is recognised as left behind by the next publish.
  if (directory_ != nullptr) static_cast<void>(release().has_value());
}

Status OwnedLock::release() {
  Directory& directory = *std::exchange(directory_, nullptr);
  TRY_ASSIGN(const FileInfo info, directory.info(name_));
  if (info.inode != inode_) {
    return make_error(Code::kDisagree,
                      fmt::format("{}/{} was replaced while it was held", directory.path(), name_));
  }
  return directory.remove_file(name_);
}

Result<std::optional<std::string>> owned_lock_note(Directory& directory, std::string_view name,
                                                   std::string_view owner) {
  Result<FileInfo> info = directory.info(name);
  if (!info) {
    if (info.error().code == Code::kNotFound) return std::optional<std::string>{};
    return std::move(info).error();
  }
  if (info->type != FileInfo::Type::kRegular || info->size_bytes > kLockBytesMax) {
    return std::optional<std::string>{};
  }
  Result<std::string> text = read_file(directory, name, kLockBytesMax);
  if (!text) {
    if (text.error().code == Code::kNotFound) return std::optional<std::string>{};
    return std::move(text).error();
  }
  const std::string line = first_line(owner);
  if (owner.empty() || !text->starts_with(line)) return std::optional<std::string>{};
  return std::optional<std::string>(text->substr(line.size()));
}

Result<bool> is_owned_lock(Directory& directory, std::string_view name, std::string_view owner) {
  TRY_ASSIGN(const std::optional<std::string> note, owned_lock_note(directory, name, owner));
  return note.has_value();
}

Result<bool> remove_left_lock(Directory& directory, std::string_view name, std::string_view owner) {
  const Result<FileInfo> before = directory.info(name);
  if (!before) {
    if (before.error().code == Code::kNotFound) return false;
    return before.error();
  }
  TRY_ASSIGN(const bool ours, is_owned_lock(directory, name, owner));
  if (!ours) return false;
  TRY_ASSIGN(const FileInfo after, directory.info(name));
  if (after.inode != before->inode) return false;
  TRY(directory.remove_file(name));
  return true;
}

}  // namespace syncline
