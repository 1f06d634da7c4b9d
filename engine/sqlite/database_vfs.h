// SQLite's way to the files of a store's database: by the rules of record files.
//
// SQLite opens by path and follows symbolic links: a link at the database's place, or a folder that
// was exchanged for one, would lead it into another program's database. Here every file (the
// database, its -wal, -shm and -journal) is opened in its folder, which is reached beneath the
// store's root without links, and is a regular file with one name; anything else answers
// SQLITE_CANTOPEN and nothing is touched. All else is SQLite's own.
//
// A path for this VFS is "<root>//<place below it>": what stands before the double slash may hold
// links, what stands behind it may not. Without a double slash the file's folder is the root.
// Needs /proc; without it files are opened by their path, checked before and after.
#pragma once

#include <string>
#include <string_view>

namespace syncline {

// The VFS's name, registered by the first call; null where SQLite has none of its own to build on.
const char* beneath_vfs();

// Why an open with this errno was refused (a link, not a regular file, more than one name, a folder
// in the way that is none); empty where it failed for another reason.
std::string_view describe_refusal(int sys_errno);

}  // namespace syncline
