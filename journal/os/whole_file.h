// Creating a file whole, beneath an open parent directory: the two ways of Directory::create_whole.
#pragma once

#include <string>

#include "journal/base/bytes.h"
#include "journal/os/posix_path.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr unsigned kFileMode = 0644;  // less the umask

// The name of the `attempt`th hidden file beside `leaf`; see kTemporaryPrefix. Deterministic, so
// that a simulated run repeats; unique by being created exclusively, attempt after attempt.
std::string temporary_name(std::string_view leaf, unsigned attempt);
// More than this many left over, or in use at once, beside one file: something else is wrong.
inline constexpr unsigned kTemporaryAttemptsMax = 10'000;

class Directory;
// Removes the hidden files that processes left beside `name` when they died while writing it. The
// caller vouches that nobody is writing it now.
Status remove_temporaries(Directory& directory, std::string_view name);

// An unnamed file (O_TMPFILE), written, and synced where asked; closed where the file system or the
// system does not know how.
Result<PosixFd> open_unnamed(const PosixEntry& entry, ByteSpan content, bool synced,
                             std::string_view path);
// Gives it its name. False where the system cannot do that.
Result<bool> link_unnamed(const PosixFd& unnamed, const PosixEntry& entry, std::string_view path);

// Both: an unnamed file, written, then linked to its name: a crash leaves nothing behind.
// False when the file system or the system does not know how; nothing was created then. `synced`:
// the bytes are durable before the name is there.
Result<bool> create_by_unnamed_file(const PosixEntry& entry, ByteSpan content, bool synced,
                                    std::string_view path);
// A hidden file beside it, then renamed without replacing (or linked): a crash may leave it there.
Status create_by_hidden_file(const PosixEntry& entry, ByteSpan content, bool synced,
                             std::string_view path);

}  // namespace syncline
