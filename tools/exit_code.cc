#include "tools/exit_code.h"

#include <cerrno>

namespace syncline {
namespace {

ExitCode by_code(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kKeyConflict:
      return ExitCode::kUsage;
    case Code::kNoStore:
      return ExitCode::kNoStore;
    case Code::kTimeout:
      return ExitCode::kTimeLimit;
    case Code::kCorrupt:
    case Code::kDisagree:
      return ExitCode::kDisagree;
    case Code::kUnsafePath:
      return ExitCode::kUnsafePath;
    case Code::kOutcomeUnknown:
      return ExitCode::kOutcomeUnknown;
    case Code::kBusy:
    case Code::kRetryLater:
      return ExitCode::kRetryLater;
    case Code::kNotFound:
    case Code::kExists:
    case Code::kReadOnly:
    case Code::kUnsupported:
    case Code::kIo:
    case Code::kInternal:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace

ExitCode exit_code(const Error& error) {
  // A file system that turned read-only may become writable again, as a full one may get space; a
  // store that takes no records never will.
  const bool may_pass = error.code == Code::kReadOnly && error.sys_errno == EROFS;
  const ExitCode code = may_pass ? ExitCode::kRetryLater : by_code(error.code);
  const bool says_nothing_written = code == ExitCode::kFailed || code == ExitCode::kRetryLater;
  if (error.seq != 0 && says_nothing_written) return ExitCode::kTimeLimit;
  return code;
}

}  // namespace syncline
