#include "journal/os/platform.h"

#include <fmt/format.h>

#include <filesystem>

#include "journal/base/try.h"

namespace syncline {

Result<std::string> Platform::canonical_path(const std::string& path) {
  std::error_code fault;
  const std::filesystem::path canonical = std::filesystem::canonical(path, fault);
  if (fault) return errno_error(fault.value(), fmt::format("resolve {}", path));
  return canonical.string();
}

Result<bool> Platform::is_there(const std::string& path) {
  const std::filesystem::path at(path);
  const auto parent = open_directory(at.parent_path().string());
  if (!parent && parent.error().code == Code::kNotFound) return false;
  if (!parent) return parent.error();
  const auto info = (*parent)->info(at.filename().string());
  if (!info && info.error().code == Code::kNotFound) return false;
  if (!info) return info.error();
  return true;
}

Status Platform::move_file(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  std::error_code fault;
  fs::rename(from, to, fault);
  const bool copied = fault == std::errc::cross_device_link;
  if (copied) {
    fs::copy_file(from, to, fault);
    if (fault) return errno_error(fault.value(), fmt::format("copy {} to {}", from, to));
  }
  if (fault) return errno_error(fault.value(), fmt::format("move {} to {}", from, to));
  TRY_ASSIGN(const auto target, open_directory(fs::path(to).parent_path().string()));
  TRY_ASSIGN(const auto source, open_directory(fs::path(from).parent_path().string()));
  if (copied) {
    TRY_ASSIGN(const auto file,
               target->open_file(fs::path(to).filename().string(), {.write = true}));
    TRY(file->sync_data());
  }
  TRY(target->sync_directory("."));
  if (copied) TRY(source->remove_file(fs::path(from).filename().string()));
  return source->sync_directory(".");
}

}  // namespace syncline
