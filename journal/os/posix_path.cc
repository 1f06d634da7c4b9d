#include "journal/os/posix_path.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>

#include "journal/base/try.h"

namespace syncline {
namespace {

std::atomic<bool> openat2_missing{false};

// A descriptor, or -1 and errno.
int open_by_openat2(int directory, const std::string& name, int flags, unsigned mode) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how));
}

// With O_DIRECTORY a symbolic link answers ENOTDIR; say what it is.
void tell_symlink_from_file(int directory, const std::string& name) {
  if (errno != ENOTDIR) return;
  struct stat status{};
  const bool is_symlink = fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                          S_ISLNK(status.st_mode);
  errno = is_symlink ? ELOOP : ENOTDIR;
}

int open_component(int directory, const std::string& name, int flags, unsigned mode) {
  int opened = -1;
  do {
    opened = openat(directory, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
  } while (opened < 0 && errno == EINTR);
  if (opened < 0) tell_symlink_from_file(directory, name);
  return opened;
}

}  // namespace

Error posix_path_error(int sys_errno, std::string_view what) {
  Error error = errno_error(sys_errno, what);
  if (sys_errno == ENOTDIR) error.code = Code::kUnsafePath;
  return error;
}

Status check_relative_name(std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return make_error(Code::kUnsafePath, fmt::format("refused the name '{}': {}", name, why));
  };
  if (name.empty()) return refuse("it is empty");
  if (name.front() == '/') return refuse("it is absolute");
  if (name.find('\0') != std::string_view::npos) return refuse("it holds a NUL byte");
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return refuse("it holds '..'");
    begin = end + 1;
  }
  return {};
}

int open_by_components(int directory, std::string_view name, int flags, unsigned mode) {
  PosixFd parent;
  int at = directory;
  for (;;) {
    const size_t slash = name.find('/');
    const std::string component(name.substr(0, slash));
    const std::string_view rest =
        slash == std::string_view::npos ? std::string_view{} : name.substr(slash + 1);
    if (component == "..") {
      errno = EXDEV;
      return -1;
    }
    if (rest.empty()) {
      const int last_flags = slash == std::string_view::npos ? flags : flags | O_DIRECTORY;
      return open_component(at, component.empty() ? "." : component, last_flags, mode);
    }
    if (!component.empty()) {
      PosixFd next(open_component(at, component, O_PATH | O_DIRECTORY, 0));
      if (next.get() < 0) return -1;
      parent = std::move(next);
      at = parent.get();
    }
    name = rest;
  }
}

Result<PosixFd> open_beneath(int directory, std::string_view name, int flags, unsigned mode,
                             std::string_view what) {
  TRY(check_relative_name(name));
  const std::string name_text(name);
  int opened = -1;
  if (!openat2_missing.load(std::memory_order_relaxed)) {
    do {
      opened = open_by_openat2(directory, name_text, flags, mode);
    } while (opened < 0 && errno == EINTR);
    if (opened >= 0) return PosixFd(opened);
    // EPERM may be a sandbox's answer or the file's own: the walk finds out.
    if (errno != ENOSYS && errno != EPERM) {
      return posix_path_error(errno, fmt::format("{}{}", what, name));
    }
    if (errno == ENOSYS) openat2_missing.store(true, std::memory_order_relaxed);
  }
  opened = open_by_components(directory, name_text, flags, mode);
  if (opened < 0) return posix_path_error(errno, fmt::format("{}{}", what, name));
  return PosixFd(opened);
}

Result<PosixEntry> open_parent_beneath(int directory, std::string_view name,
                                       std::string_view what) {
  TRY(check_relative_name(name));
  const size_t slash = name.rfind('/');
  PosixEntry entry;
  entry.leaf = slash == std::string_view::npos ? name : name.substr(slash + 1);
  if (entry.leaf.empty() || entry.leaf == ".") {
    return make_error(Code::kInvalid, fmt::format("{}{}: the name ends in no entry", what, name));
  }
  if (slash == std::string_view::npos) {
    entry.parent = directory;
    return entry;
  }
  TRY_ASSIGN(entry.owned,
             open_beneath(directory, name.substr(0, slash), O_PATH | O_DIRECTORY, 0, what));
  entry.parent = entry.owned.get();
  return entry;
}

}  // namespace syncline
