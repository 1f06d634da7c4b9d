#include "tests/simulation/disk_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "journal/base/try.h"
#include "journal/os/posix_path.h"
#include "tests/simulation/disk_file.h"
#include "tests/simulation/disk_shared.h"

namespace syncline::simulation {

namespace {

std::string join(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + name.size() + 1);
  path = directory;
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

}  // namespace

Disk::SimDirectory::SimDirectory(Disk& disk, ProcessId process, InodeNumber inode, std::string path)
    : disk_(disk),
      process_(process),
      inode_(inode),
      from_root_(std::move(path)),
      path_(from_root_.empty() ? "/sim" : "/sim/" + from_root_) {
  disk_.opened(inode_);
}

Result<std::unique_ptr<File>> Disk::SimDirectory::open_file(std::string_view name,
                                                            OpenFlags flags) {
  // What it will be is told by how things stand before; another may come in between.
  std::string path = join(from_root_, name);
  const bool creates = flags.create && disk_.image_.find(path) == 0;
  const DiskOperation operation = about(creates ? Call::kCreate : Call::kOpen, path);
  TRY(disk_.permit(operation));
  if (flags.write && disk_.read_only_) return operation_error(EROFS, operation);
  TRY_ASSIGN(Place place, disk_.locate(inode_, name));
  if (place.inode == 0) {
    if (!flags.create) return operation_error(ENOENT, operation);
    place.inode = make_file(place, flags.private_mode ? 0600 : 0644);
  } else if (flags.create && flags.exclusive) {
    return operation_error(EEXIST, operation);
  }
  if (disk_.image_.node(place.inode).directory) return not_regular(operation);
  return std::make_unique<SimFile>(disk_, process_, place.inode, flags.write, flags.direct,
                                   std::move(path));
}

Result<std::unique_ptr<Directory>> Disk::SimDirectory::open_directory(std::string_view name) {
  std::string path = name == "." ? from_root_ : join(from_root_, name);
  TRY(disk_.permit(about(Call::kOpenDirectory, path)));
  TRY_ASSIGN(const InodeNumber inode, directory(name));
  return std::make_unique<SimDirectory>(disk_, process_, inode, std::move(path));
}

Status Disk::SimDirectory::make_directories(std::string_view name, bool private_mode) {
  TRY(check_relative_name(name));
  for (size_t end = 0; end < name.size();) {
    end = std::min(name.find('/', end + 1), name.size());
    const std::string_view part = name.substr(0, end);
    if (part.ends_with('/') || part == "." || part.ends_with("/.")) continue;
    if (const auto there = disk_.walk(inode_, part); there) {
      if (!disk_.image_.node(*there).directory)
        return operation_error(ENOTDIR, about(Call::kOpen, part));
      continue;
    }
    const std::string path = join(from_root_, part);
    TRY(disk_.permit(about(Call::kMakeDirectory, path)));
    TRY_ASSIGN(const Place place, disk_.locate(inode_, part));
    if (place.inode != 0) continue;
    const InodeNumber made =
        disk_.image_.make_node(true, private_mode ? 0700 : 0755, disk_.now_ns());
    disk_.image_.change({0, "", place.directory, place.leaf, made});
  }
  return {};
}

Status Disk::SimDirectory::create_whole(std::string_view name, ByteSpan content) {
  return create_whole(name, content, false);
}

Status Disk::SimDirectory::create_whole_synced(std::string_view name, ByteSpan content) {
  return create_whole(name, content, true);
}

Status Disk::SimDirectory::create_whole(std::string_view name, ByteSpan content, bool synced) {
  const std::string path = join(from_root_, name);
  const DiskOperation operation = about(Call::kCreateWhole, path, content.size());
  TRY(disk_.permit(operation));
  TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
  if (place.inode != 0) return operation_error(EEXIST, operation);
  const DiskImage& image = disk_.image_;
  if (content.size() > image.capacity_bytes - std::min(image.used_bytes(), image.capacity_bytes)) {
    return operation_error(ENOSPC, operation);
  }
  const InodeNumber made = make_file(place, 0644);
  disk_.image_.write(made, 0, content);
  if (synced) disk_.image_.sync(made);
  return {};
}

Status Disk::SimDirectory::rename(std::string_view from, std::string_view to) {
  const std::string path = join(from_root_, to);
  const DiskOperation operation = about(Call::kRename, path);
  TRY(disk_.permit(operation));
  TRY_ASSIGN(const Place source, disk_.locate(inode_, from));
  TRY_ASSIGN(const Place target, disk_.locate(inode_, to));
  if (source.inode == 0) return operation_error(ENOENT, operation);
  if (source.inode == target.inode) return {};
  if (target.inode != 0) {
    const Node& old = disk_.image_.node(target.inode);
    if (old.directory && !disk_.image_.node(source.inode).directory) {
      return operation_error(EISDIR, operation);
    }
    if (!old.directory && disk_.image_.node(source.inode).directory) {
      return operation_error(ENOTDIR, operation);
    }
    if (old.directory && !old.entries.empty()) return operation_error(ENOTEMPTY, operation);
  }
  disk_.image_.change({source.directory, source.leaf, target.directory, target.leaf, source.inode});
  touch(source.directory);
  touch(target.directory);
  disk_.drop_if_unused(target.inode);
  return {};
}

Result<FileInfo> Disk::SimDirectory::info(std::string_view name) {
  const std::string path = join(from_root_, name);
  TRY(disk_.permit(about(Call::kInfo, path)));
  if (name == ".") return disk_.info_of(inode_);
  TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
  if (place.inode == 0) return operation_error(ENOENT, about(Call::kInfo, path));
  return disk_.info_of(place.inode);
}

Result<std::vector<std::string>> Disk::SimDirectory::list(std::string_view name) {
  const std::string path = join(from_root_, name);
  TRY(disk_.permit(about(Call::kList, path)));
  TRY_ASSIGN(const InodeNumber inode, directory(name));
  std::vector<std::string> names;
  const DirectoryEntries& entries = disk_.image_.node(inode).entries;
  names.reserve(entries.size());
  for (const DirectoryEntry& entry : entries) names.push_back(entry.name);
  return names;
}

Status Disk::SimDirectory::sync_directory(std::string_view name) {
  const std::string path = join(from_root_, name);
  const DiskOperation operation = about(Call::kSyncDirectory, path);
  TRY_ASSIGN(const Answer answer, disk_.begin(operation));
  TRY_ASSIGN(const InodeNumber inode, directory(name));
  if (answer.what == Answer::What::kFail) {
    disk_.image_.fail_sync_directory(inode);
    return operation_error(answer.sys_errno, operation);
  }
  const bool pending = std::ranges::any_of(
      disk_.image_.changes(), [&](const DirectoryChange& each) { return each.touches(inode); });
  if (disk_.read_only_ && pending) return operation_error(EROFS, operation);
  disk_.image_.sync_directory(inode);
  disk_.drop_unused();
  return {};
}

Status Disk::SimDirectory::sync_file_system() {
  const DiskOperation operation = about(Call::kSyncFileSystem, from_root_);
  TRY_ASSIGN(const Answer answer, disk_.begin(operation));
  if (answer.what == Answer::What::kFail) {
    for (InodeNumber inode = kRootInode; inode < disk_.image_.inodes_end(); ++inode) {
      if (!disk_.image_.has(inode)) continue;
      disk_.image_.fail_sync(inode);
      disk_.image_.fail_sync_directory(inode);
    }
    return operation_error(answer.sys_errno, operation);
  }
  if (disk_.read_only_) return operation_error(EROFS, operation);
  disk_.image_.sync_file_system();
  disk_.drop_unused();
  return {};
}

Result<std::unique_ptr<FileLock>> Disk::SimDirectory::open_lock(std::string_view name) {
  std::string path = join(from_root_, name);
  TRY_ASSIGN(const InodeNumber inode, open_unlosable(Call::kOpenLock, name, path));
  return std::make_unique<SimLock>(disk_, process_, inode, std::move(path));
}

Result<std::unique_ptr<SharedPage>> Disk::SimDirectory::map_page(std::string_view name,
                                                                 size_t size_bytes) {
  std::string path = join(from_root_, name);
  TRY_ASSIGN(const InodeNumber inode, open_unlosable(Call::kMapPage, name, path));
  const DiskImage& image = disk_.image_;
  const uint64_t size = image.node(inode).size_bytes;
  if (size_bytes > size && image.used_bytes() + size_bytes - size > image.capacity_bytes) {
    return operation_error(ENOSPC, about(Call::kMapPage, path));
  }
  return std::make_unique<SimPage>(disk_, process_, inode,
                                   disk_.image_.map(inode, size_bytes).span(), std::move(path));
}

Result<std::unique_ptr<FileLock>> Disk::SimDirectory::open_own_lock() {
  TRY(disk_.permit(about(Call::kOpen, from_root_)));
  return std::make_unique<SimLock>(disk_, process_, inode_, from_root_);
}

Result<Directory::Identity> Disk::SimDirectory::identity() {
  TRY(disk_.permit(about(Call::kInfo, from_root_)));
  return Identity{inode_, disk_.image_.file_system_id};
}

Result<std::string> Disk::SimDirectory::cache_token() {
  TRY(disk_.permit(about(Call::kInfo, from_root_)));
  return "boot " + std::to_string(disk_.image_.boot);
}

DiskOperation Disk::SimDirectory::about(Call call, std::string_view path, uint64_t bytes) const {
  return {process_, call, path, 0, bytes, {}};
}

Error Disk::SimDirectory::not_regular(const DiskOperation& operation) {
  Error error =
      make_error(Code::kUnsafePath, fmt::format("{} is not a regular file", operation.path),
                 "move it out of the way");
  error.sys_errno = EISDIR;
  return error;
}

Result<InodeNumber> Disk::SimDirectory::directory(std::string_view name) const {
  TRY_ASSIGN(const InodeNumber inode, disk_.walk(inode_, name));
  if (!disk_.image_.node(inode).directory) {
    return operation_error(ENOTDIR, about(Call::kOpenDirectory, name));
  }
  return inode;
}

InodeNumber Disk::SimDirectory::make_file(const Place& place, uint32_t mode, bool durable) {
  const InodeNumber made = disk_.image_.make_node(false, mode, disk_.now_ns());
  disk_.image_.change({0, "", place.directory, place.leaf, made}, durable);
  touch(place.directory);
  return made;
}

Result<InodeNumber> Disk::SimDirectory::open_unlosable(Call creates, std::string_view name,
                                                       std::string_view path) {
  const bool there = disk_.image_.find(path) != 0;
  const DiskOperation operation = about(there ? Call::kOpen : creates, path);
  TRY(disk_.permit(operation));
  TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
  if (place.inode != 0) {
    if (disk_.image_.node(place.inode).directory) return not_regular(operation);
    return place.inode;
  }
  if (disk_.read_only_) return operation_error(EROFS, operation);
  return make_file(place, 0600, true);
}

Status Disk::SimDirectory::remove(std::string_view name, bool is_directory) {
  const std::string path = join(from_root_, name);
  const DiskOperation operation =
      about(is_directory ? Call::kRemoveDirectory : Call::kRemoveFile, path);
  TRY(disk_.permit(operation));
  TRY_ASSIGN(const Place place, disk_.locate(inode_, name));
  if (place.inode == 0) return operation_error(ENOENT, operation);
  const Node& node = disk_.image_.node(place.inode);
  if (node.directory != is_directory)
    return operation_error(is_directory ? ENOTDIR : EISDIR, operation);
  if (is_directory && !node.entries.empty()) return operation_error(ENOTEMPTY, operation);
  disk_.image_.change({place.directory, place.leaf, 0, "", place.inode});
  touch(place.directory);
  disk_.drop_if_unused(place.inode);
  return {};
}

}  // namespace syncline::simulation
