// The VFS by which SQLite opens a store's database, under the same rules as the record files.
//
// SQLite opens by path and follows symbolic links: a link in the database's place, or in place of a
// directory above it, would lead it into another program's database. This VFS reaches the directory
// of every file (the database, its -wal, -shm and -journal) beneath the store's root without
// following links, and opens a regular file with a single name in it. Anything else is answered
// with SQLITE_CANTOPEN and left untouched. Everything but the opening is SQLite's own VFS.
//
// A path for this VFS is "<root>//<path below it>": the part before the double slash may contain
// links, the part behind it may not. Without a double slash the file's directory is the root.
// It needs /proc; without it files are opened by their path and checked before and after.
#pragma once

#include <string>
#include <string_view>

namespace syncline {

// The VFS's name, registered by the first call; null where SQLite has none of its own to build on.
const char* beneath_vfs();

// Why an open with this errno was refused: a link, no regular file, more than one name, or
// something other than a directory on the way. Empty where it failed for another reason.
std::string_view describe_refusal(int sys_errno);

}  // namespace syncline
