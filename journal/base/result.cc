#include "syncline/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace syncline {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kKeyConflict:
      return "key-conflict";
    case Code::kNotFound:
      return "not-found";
    case Code::kExists:
      return "exists";
    case Code::kNoStore:
      return "no-store";
    case Code::kTimeout:
      return "timeout";
    case Code::kBusy:
      return "busy";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kDisagree:
      return "disagree";
    case Code::kUnsafePath:
      return "unsafe-path";
    case Code::kOutcomeUnknown:
      return "outcome-unknown";
    case Code::kRetryLater:
      return "retry-later";
    case Code::kReadOnly:
      return "read-only";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kIo:
      return "io";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

Error make_error(Code code, std::string message, std::string hint) {
  return Error{code, 0, std::move(message), std::move(hint)};
}

Error out_of_memory() {
  return Error{Code::kRetryLater, 0, "out of memory", {}};
}

Error errno_error(int sys_errno, std::string_view what) {
  Code code = Code::kIo;
  std::string hint;
  switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
      code = Code::kRetryLater;
      hint = "free some space, then try again";
      break;
    case EFBIG:
      code = Code::kRetryLater;
      hint = "raise the limit of file sizes (ulimit -f), then try again";
      break;
    case EMFILE:
    case ENFILE:
      hint = "raise the limit of open files (ulimit -n), then try again";
      break;
    case EROFS:
      code = Code::kReadOnly;
      hint = "remount the file system for writing, then try again";
      break;
    case ENOENT:
      code = Code::kNotFound;
      break;
    case EEXIST:
      code = Code::kExists;
      break;
    case ELOOP:
    case EXDEV:
      code = Code::kUnsafePath;
      break;
    default:
      break;
  }
  char buffer[128];
  const char* text = strerror_r(sys_errno, buffer, sizeof buffer);
  return Error{code, sys_errno, fmt::format("{}: {}", what, text), std::move(hint)};
}

}  // namespace syncline
