// A file system of its own in a file, for tests of the real program.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/subprocess.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

// Mounted for the length of a test.
class Mount {
 public:
  Mount(const TemporaryDirectory& directory, const std::string& type, const std::string& size)
      : point_(directory / "mounted") {
    std::filesystem::create_directory(point_);
    const std::string image = (directory / "image").string();
    if (!run_process({"truncate", "-s", size, image}).ok()) return;
    const ProcessResult made = run_process({"mkfs." + type, "-q", image});
    if (!made.ok()) {
      reason_ = made.describe();
      return;
    }
    mount(image);
  }
  ~Mount() { unmount(); }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  // What the disk has, without what the kernel remembers of it.
  void remount(const TemporaryDirectory& directory) {
    unmount();
    mount((directory / "image").string());
    EXPECT_TRUE(mounted_) << reason_;
  }
  bool mounted() const { return mounted_; }
  const std::string& reason() const { return reason_; }
  const std::filesystem::path& point() const { return point_; }

 private:
  void mount(const std::string& image) {
    const ProcessResult mounted = run_process({"mount", "-o", "loop", image, point_.string()});
    mounted_ = mounted.ok();
    reason_ = mounted.describe();
  }
  void unmount() {
    if (!mounted_) return;
    mounted_ = false;
    // The kernel frees a dead process's ring in its own time and tells nobody when it has.
    constexpr int kTriesMax = 200;
    ProcessResult unmounted;
    for (int attempt = 0; attempt < kTriesMax && !unmounted.ok(); ++attempt) {
      unmounted = run_process({"umount", point_.string()});
    }
    EXPECT_TRUE(unmounted.ok()) << unmounted.describe();
  }

  std::filesystem::path point_;
  bool mounted_ = false;
  std::string reason_;
};

}  // namespace syncline
