// GitPlatform::some_process_names(), by /proc.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "sync/git_platform.h"

namespace syncline {

bool GitPlatform::some_process_names(std::string_view path) {
  namespace fs = std::filesystem;
  // A process that ends while it is looked at, or that may not be looked at, is passed over.
  std::error_code fault;
  for (fs::directory_iterator it("/proc", fault), end; !fault && it != end; it.increment(fault)) {
    const std::string name = it->path().filename().string();
    if (name.empty() || name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(it->path() / "cmdline", std::ios::binary);
    const std::string arguments{std::istreambuf_iterator<char>(file), {}};
    for (size_t at = arguments.find(path); at != std::string::npos;
         at = arguments.find(path, at + 1)) {
      const size_t after = at + path.size();
      const bool begins = at == 0 || arguments[at - 1] == '\0';
      if (begins && (after == arguments.size() || arguments[after] == '\0')) return true;
    }
  }
  return false;
}

}  // namespace syncline
