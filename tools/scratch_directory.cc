#include "tools/scratch_directory.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace syncline {

Result<ScratchDirectory> ScratchDirectory::make(const std::string& parent,
                                                const std::string& prefix) {
  std::string path = parent + "/" + prefix + "XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return errno_error(errno, fmt::format("cannot make a temporary directory in {}", parent));
  }
  return ScratchDirectory(std::move(path));
}

ScratchDirectory::ScratchDirectory(ScratchDirectory&& other) noexcept
    : path_(std::move(other.path_)), kept_(other.kept_) {
  other.path_.clear();
}

ScratchDirectory::~ScratchDirectory() {
  if (path_.empty() || kept_) return;
  // Anything that cannot be removed is left to whoever cleans the temporary directory.
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace syncline
