#include "journal/os/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "journal/base/try.h"
#include "journal/os/file_system.h"
#include "journal/os/posix_file.h"

namespace syncline {
namespace {

int open_retrying(int directory, const char* name, int flags) {
  int opened = -1;
  do {
    opened = openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  } while (opened < 0 && errno == EINTR);
  return opened;
}

// By the descriptor itself (needs a privilege before Linux 6.10, else ENOENT), else by /proc.
int link_descriptor(int descriptor, const PosixEntry& entry) {
  if (linkat(descriptor, "", entry.parent, entry.leaf.c_str(), AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOENT && errno != EINVAL) return -1;
  const std::string proc = fmt::format("/proc/self/fd/{}", descriptor);
  return linkat(AT_FDCWD, proc.c_str(), entry.parent, entry.leaf.c_str(), AT_SYMLINK_FOLLOW);
}

// 0, or -1 and errno; EEXIST when the name is taken.
int rename_without_replacing(int parent, const std::string& from, const std::string& to) {
  if (renameat2(parent, from.c_str(), parent, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (linkat(parent, from.c_str(), parent, to.c_str(), 0) != 0) return -1;
  return unlinkat(parent, from.c_str(), 0);
}

Status write_new(int descriptor, ByteSpan content, bool synced, std::string_view path) {
  TRY(posix_write_all(descriptor, 0, content, false, path));
  if (!synced) return {};
  while (fdatasync(descriptor) != 0) {
    if (errno != EINTR) return errno_error(errno, fmt::format("sync {}", path));
  }
  return {};
}

}  // namespace

std::string temporary_name(std::string_view leaf, unsigned attempt) {
  constexpr size_t kLeafBytesMax = 64;  // file names end at 255 bytes
  return fmt::format("{}{}-{}", kTemporaryPrefix, leaf.substr(0, kLeafBytesMax), attempt);
}

Status remove_temporaries(Directory& directory, std::string_view name) {
  const std::string_view parent = parent_of(name);
  const std::string_view leaf = name.substr(name.rfind('/') + 1);
  const std::string first = temporary_name(leaf, 0);
  const std::string_view stem = std::string_view(first).substr(0, first.size() - 1);
  const Result<std::vector<std::string>> entries = directory.list(parent);
  if (!entries) {
    if (entries.error().code == Code::kNotFound) return {};
    return entries.error();
  }
  for (const std::string& entry : *entries) {
    const bool ours = entry.size() > stem.size() && entry.starts_with(stem) &&
                      entry.find_first_not_of("0123456789", stem.size()) == std::string::npos;
    if (!ours) continue;
    const Status removed = directory.remove_file(fmt::format("{}/{}", parent, entry));
    if (!removed && removed.error().code != Code::kNotFound) return removed;
  }
  return {};
}

Result<PosixFd> open_unnamed(const PosixEntry& entry, ByteSpan content, bool synced,
                             std::string_view path) {
  PosixFd unnamed(open_retrying(entry.parent, ".", O_TMPFILE | O_WRONLY));
  if (unnamed.get() < 0) {
    // EISDIR and ENOENT are what kernels or file systems without O_TMPFILE make of it.
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT)
      return unnamed;
    return posix_path_error(errno, fmt::format("create {}", path));
  }
  TRY(write_new(unnamed.get(), content, synced, path));
  return unnamed;
}

Result<bool> link_unnamed(const PosixFd& unnamed, const PosixEntry& entry, std::string_view path) {
  if (link_descriptor(unnamed.get(), entry) == 0) return true;
  if (errno == ENOENT || errno == EPERM || errno == EOPNOTSUPP) return false;
  return posix_path_error(errno, fmt::format("create {}", path));
}

Result<bool> create_by_unnamed_file(const PosixEntry& entry, ByteSpan content, bool synced,
                                    std::string_view path) {
  TRY_ASSIGN(const PosixFd unnamed, open_unnamed(entry, content, synced, path));
  if (unnamed.get() < 0) return false;
  return link_unnamed(unnamed, entry, path);
}

Status create_by_hidden_file(const PosixEntry& entry, ByteSpan content, bool synced,
                             std::string_view path) {
  PosixFd hidden;
  std::string hidden_name;
  for (unsigned attempt = 0; hidden.get() < 0; ++attempt) {
    hidden_name = temporary_name(entry.leaf, attempt);
    hidden = PosixFd(open_retrying(entry.parent, hidden_name.c_str(), O_WRONLY | O_CREAT | O_EXCL));
    const bool taken = hidden.get() < 0 && errno == EEXIST && attempt < kTemporaryAttemptsMax;
    if (hidden.get() < 0 && !taken) {
      return posix_path_error(errno, fmt::format("create {} beside {}", hidden_name, path));
    }
  }
  Status done = write_new(hidden.get(), content, synced, path);
  if (done && rename_without_replacing(entry.parent, hidden_name, entry.leaf) != 0) {
    done = posix_path_error(errno, fmt::format("create {}", path));
  }
  // What could not be created must not stay as litter; the first error is the one to tell.
  if (!done) unlinkat(entry.parent, hidden_name.c_str(), 0);
  return done;
}

}  // namespace syncline
