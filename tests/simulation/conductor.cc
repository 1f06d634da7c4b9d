#include "tests/simulation/conductor.h"

#include <fmt/format.h>

#include <iterator>

#include "journal/os/posix_path.h"

namespace syncline::simulation {

std::string_view call_name(Call call) {
  static constexpr std::string_view kNames[] = {
      "create",
      "write",
      "truncate",
      "sync",
      "make directory",
      "create whole",
      "rename",
      "remove",
      "remove directory",
      "sync directory",
      "sync file system",
      "map",
      "open the lock",
      "open",
      "open directory",
      "read",
      "stat",
      "list",
      "close",
      "try lock",
      "lock",
      "unlock",
      "wait",
      "wake",
  };
  static_assert(std::size(kNames) == static_cast<size_t>(Call::kCount));
  return kNames[static_cast<size_t>(call)];
}

Error operation_error(int sys_errno, const DiskOperation& operation) {
  return posix_path_error(sys_errno,
                          fmt::format("{} {}", call_name(operation.call), operation.path));
}

}  // namespace syncline::simulation
