#include "engine/apply/parent_directories.h"

#include <cerrno>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kHandlesMax = 256;

std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

bool is_unusable_path(const Error& error) {
  if (error.code == Code::kUnsafePath) return true;
  switch (error.sys_errno) {
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
    case EINVAL:
      return true;
    default:
      return false;
  }
}

Result<Directory*> ParentDirectories::open(std::string_view parent) {
  auto opened = root_.open_directory(parent);
  if (!opened) {
    if (opened.error().code == Code::kNotFound) return nullptr;
    Error error = std::move(opened).error();
    if (is_unusable_path(error)) error.code = Code::kUnsafePath;
    return error;
  }
  if (open_.size() >= kHandlesMax) open_.clear();
  Directory* directory = opened->get();
  open_.insert_or_assign(std::string(parent), std::move(*opened));
  return directory;
}

Result<ParentDirectories::Place> ParentDirectories::find(std::string_view path) {
  const auto [parent, name] = split(path);
  if (parent.empty()) return Place{&root_, name};
  if (const auto known = open_.find(parent); known != open_.end()) {
    return Place{known->second.get(), name};
  }
  TRY_ASSIGN(Directory * directory, open(parent));
  if (directory == nullptr) open_.insert_or_assign(std::string(parent), nullptr);
  return Place{directory, name};
}

Result<ParentDirectories::Place> ParentDirectories::make(std::string_view path) {
  const auto [parent, name] = split(path);
  if (parent.empty()) return Place{&root_, name};
  if (const auto known = open_.find(parent); known != open_.end() && known->second != nullptr) {
    return Place{known->second.get(), name};
  }
  if (auto made = root_.make_directories(parent); !made) {
    Error error = std::move(made).error();
    if (is_unusable_path(error) || error.code == Code::kExists) error.code = Code::kUnsafePath;
    return error;
  }
  TRY_ASSIGN(Directory * directory, open(parent));
  if (directory == nullptr) {
    return make_error(Code::kBusy,
                      "a directory went away while it was made: " + std::string(parent));
  }
  return Place{directory, name};
}

Result<Attempt> ParentDirectories::check_in_place() {
  for (const auto& [parent, directory] : open_) {
    if (directory == nullptr) continue;
    const auto there = root_.info(parent);
    if (!there) {
      if (there.error().code == Code::kNotFound || is_unusable_path(there.error()))
        return Attempt::kRedo;
      return there.error();
    }
    TRY_ASSIGN(const Directory::Identity identity, directory->identity());
    if (there->inode != identity.inode) return Attempt::kRedo;
  }
  return Attempt::kDone;
}

}  // namespace syncline
