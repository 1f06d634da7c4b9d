// A fresh directory for one test, gone with everything in it at the end of the scope.
//
// Below std::filesystem::temp_directory_path(), so TMPDIR chooses the file system, or below a
// parent that is given where the test is about a file system. A name part may be given where the
// test is about names (spaces, quotes). SYNCLINE_TEST_KEEP=1 leaves the directory there and says
// where, to look at after a failure.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace syncline {

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(
      std::string_view name = "syncline-test",
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = (parent / (std::string(name) + "-XXXXXX")).string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("cannot make a temporary directory like " + pattern);
    }
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    if (std::getenv("SYNCLINE_TEST_KEEP") != nullptr) {
      std::fprintf(stderr, "kept: %s\n", path_.c_str());
      return;
    }
    // A test may have taken rights away from a directory; what cannot be removed is left to the
    // system's own cleaning, as a destructor has nobody to tell.
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace syncline
