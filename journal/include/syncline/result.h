// Errors as values, for every directory and for the programs that embed a store.
//
// A Result<T> is a T or an Error and must be looked at: the class itself is [[nodiscard]] (a
// dropped std::expected<void, E> warns in neither g++ 12 nor clang-19). No exception crosses a
// directory. Programmer errors are not Results: they assert (journal/base/assert.h), also in
// release. journal/base/try.h hands an Error on to the caller.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace syncline {

// What went wrong, by what the caller can do about it. The command line maps each to one exit code.
enum class Code : uint8_t {
  kInvalid,      // a field, an argument or the configuration is not acceptable; nothing was written
  kKeyConflict,  // the idempotency key is taken by a record with other content
  kNotFound,     // the thing named is not there
  kExists,       // the thing to be created is there already
  kNoStore,      // no store at or above the place named
  kTimeout,      // the time limit passed; what was begun goes on or can be retried
  kBusy,         // a lock is held by another; try again
  kCorrupt,      // damage: a checksum, a chain or a claim of durability does not hold
  kDisagree,     // the store is not the one it says it is, or two stores disagree
  kUnsafePath,   // a symbolic link, a foreign file or a pattern that leaves the store is in the way
  kOutcomeUnknown,  // a flush failed: what was appended may or may not be durable
  kRetryLater,      // backlog or disk full: nothing was written, the same call may succeed later
  kReadOnly,        // the store or the file system takes no writes
  kUnsupported,     // a format, repository or kernel feature this program does not handle
  kIo,              // a system call failed
  kInternal,        // a defect of this program, met and contained
};

struct [[nodiscard]] Error {
  Code code = Code::kInternal;
  int sys_errno = 0;    // the errno of the system call that failed, 0 where there was none
  std::string message;  // what happened, in one sentence without a full stop
  std::string hint;     // what to try; empty where the caller knows better
  uint64_t seq = 0;     // the record concerned, where it is durable all the same; else 0
};

// The name of a code as JSON and metrics show it: "key-conflict", "retry-later", …
std::string_view code_name(Code code);

Error make_error(Code code, std::string message, std::string hint = {});

// kRetryLater. Allocates nothing: its strings are short enough to lie in place.
Error out_of_memory();

// An Error from errno: ENOSPC/EDQUOT become kRetryLater, EROFS kReadOnly, ENOENT kNotFound, EEXIST
// kExists, ELOOP/EXDEV kUnsafePath (see openat2), the rest kIo. `what` names the call and its
// object.
Error errno_error(int sys_errno, std::string_view what);

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using Base = std::expected<T, Error>;
  using Base::Base;
  Result(Error error) : Base(std::unexpected(std::move(error))) {}  // NOLINT: implicit by intent
};

using Status = Result<void>;

}  // namespace syncline
