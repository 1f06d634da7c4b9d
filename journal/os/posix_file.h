// Files, locks and shared pages over descriptors that are already open.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>

#include "journal/base/posix_fd.h"
#include "journal/os/file_system.h"

namespace syncline {

// `path` is for messages.
std::unique_ptr<File> make_posix_file(PosixFd descriptor, bool direct, std::string path);
std::unique_ptr<FileLock> make_posix_lock(PosixFd descriptor, std::string path);
// Grows the file to `size_bytes`, with its blocks allocated, and maps it.
// A private page with the file's present content (negative: there is no file), for a process that
// may not write it.
Result<std::unique_ptr<SharedPage>> make_private_page(PosixFd descriptor, size_t size_bytes,
                                                      const std::string& path);
Result<std::unique_ptr<SharedPage>> make_shared_page(PosixFd descriptor, size_t size_bytes,
                                                     const std::string& path);

FileInfo posix_file_info(const struct stat& status);
// All of `from`, by pwrite; EINTR retried, short writes continued.
Status posix_write_all(int descriptor, uint64_t offset, ByteSpan from, bool direct,
                       std::string_view path);

}  // namespace syncline
