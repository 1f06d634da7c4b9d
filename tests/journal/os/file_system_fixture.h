// The file system's seam on a fresh directory, and what its tests look at from outside.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "journal/os/file_system.h"
#include "journal/os/whole_file.h"
#include "tests/support/read_text.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

namespace fs = std::filesystem;

inline void put(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline std::unique_ptr<Directory> open_directory_at(const fs::path& path) {
  auto opened = open_posix_directory(path.string());
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

template <typename T>
Code code_of(const Result<T>& result) {
  return result ? Code::kInternal : result.error().code;
}

inline mode_t mode_of(const fs::path& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

inline std::set<int> open_descriptors() {
  std::set<int> open;
  for (int descriptor = 0; descriptor < 256; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0) open.insert(descriptor);
  }
  return open;
}

class FileSystemTest : public testing::Test {
 protected:
  FileSystemTest() : directory(open_directory_at(root.path())) {}

  // Every call of the seam that takes a name, for promises that hold for all of them.
  std::vector<std::pair<std::string, std::function<Code(const std::string&)>>> calls() {
    return {
        {"open_file", [&](auto& name) { return code_of(directory->open_file(name, {})); }},
        {"open_file to create",
         [&](auto& name) {
           return code_of(directory->open_file(name, {.write = true, .create = true}));
         }},
        {"open_directory", [&](auto& name) { return code_of(directory->open_directory(name)); }},
        {"make_directories",
         [&](auto& name) { return code_of(directory->make_directories(name)); }},
        {"create_whole",
         [&](auto& name) { return code_of(directory->create_whole(name, as_bytes("x"))); }},
        {"rename from", [&](auto& name) { return code_of(directory->rename(name, "new")); }},
        {"rename to", [&](auto& name) { return code_of(directory->rename("here", name)); }},
        {"remove_file", [&](auto& name) { return code_of(directory->remove_file(name)); }},
        {"remove_directory",
         [&](auto& name) { return code_of(directory->remove_directory(name)); }},
        {"info", [&](auto& name) { return code_of(directory->info(name)); }},
        {"list", [&](auto& name) { return code_of(directory->list(name)); }},
        {"sync_directory", [&](auto& name) { return code_of(directory->sync_directory(name)); }},
        {"open_lock", [&](auto& name) { return code_of(directory->open_lock(name)); }},
        {"map_page", [&](auto& name) { return code_of(directory->map_page(name, 4096)); }},
        {"read_file", [&](auto& name) { return code_of(read_file(*directory, name)); }},
        {"replace_file",
         [&](auto& name) { return code_of(replace_file(*directory, name, as_bytes("x"))); }},
    };
  }

  TemporaryDirectory root;
  std::unique_ptr<Directory> directory;
};

}  // namespace syncline
