// Resolves names beneath an open directory, without symbolic links and without a way out.
//
// openat2 does it in the kernel. Where it is missing (before Linux 5.6) or forbidden (sandboxes
// that answer ENOSYS or EPERM), names are walked a component at a time with O_NOFOLLOW: as safe,
// only slower. A ".." component is refused before either, because `a/../b` would pass the kernel.
#pragma once

#include <string>
#include <string_view>

#include "journal/base/posix_fd.h"
#include "syncline/result.h"

namespace syncline {

// Where an entry is created, renamed or removed: the open parent (O_PATH, or the directory itself)
// and the last component.
struct PosixEntry {
  PosixFd owned;    // holds `parent` open where it is not the directory itself
  int parent = -1;  // valid while this entry, and the directory it came from, are
  std::string leaf;
};

// kUnsafePath for a name that could lead out of a directory: empty, absolute, with a ".." component
// or a NUL.
Status check_relative_name(std::string_view name);

// Opens `name` beneath `directory`; `flags` as of openat, O_CLOEXEC is added. A symbolic link, or
// a component that is no directory, is kUnsafePath. `what` and the name
// make the message of an error: "open /store/" + "journal".
Result<PosixFd> open_beneath(int directory, std::string_view name, int flags, unsigned mode,
                             std::string_view what);

// Resolves all but the last component, which must be a name of its own: not "." and not empty.
Result<PosixEntry> open_parent_beneath(int directory, std::string_view name, std::string_view what);

// The walk by components, for where there is no openat2. A descriptor, or -1 and errno.
int open_by_components(int directory, std::string_view name, int flags, unsigned mode);

// errno_error, with ENOTDIR as kUnsafePath: something that is no directory is in the way.
Error posix_path_error(int sys_errno, std::string_view what);

}  // namespace syncline
