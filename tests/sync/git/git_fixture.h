// A real repository for one test, and git itself to look at it with.
//
// Git runs as a subprocess without the configuration of machine or user, so a test means the same
// everywhere.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "journal/base/shell_word.h"
#include "journal/os/file_system.h"
#include "sync/git/git_platform.h"
#include "sync/git/object_reader.h"
#include "tests/support/read_text.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

// The real git and the real disk.
inline GitPlatform& system_git_platform() {
  static GitPlatform platform;
  return platform;
}

struct GitOutput {
  int exit_code = -1;
  std::string text;  // standard output and error
};

inline void write_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  ASSERT_TRUE(file.good()) << path;
}

class GitRepository {
 public:
  GitRepository() : directory_("syncline-git") {
    EXPECT_EQ(run("init -q -b main").exit_code, 0);
    auto opened = open_posix_directory((path() / ".git").string());
    EXPECT_TRUE(opened);
    common_dir_ = std::move(*opened);
  }

  const std::filesystem::path& path() const { return directory_.path(); }
  Directory& common_dir() { return *common_dir_; }
  std::filesystem::path scratch(std::string_view name) const {
    return path() / ".git" / ("test-" + std::string(name));
  }

  // `arguments` go through the shell. With `input`, that is git's standard input.
  GitOutput run(const std::string& arguments, std::string_view input = {},
                const std::string& environment = {}) const {
    std::string command =
        "env -u GIT_DIR HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null "
        "GIT_AUTHOR_NAME=Person GIT_AUTHOR_EMAIL=p@example.org GIT_COMMITTER_NAME=Person "
        "GIT_COMMITTER_EMAIL=p@example.org " +
        environment + " git -C " + quoted_for_shell(path().string()) + " " + arguments;
    const std::filesystem::path input_path = scratch("input");
    if (input.empty()) {
      command += " </dev/null";
    } else {
      write_file(input_path, input);
      command += " <" + quoted_for_shell(input_path.string());
    }
    command += " 2>&1";
    GitOutput output;
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return output;
    char buffer[4096];
    size_t got = 0;
    while ((got = fread(buffer, 1, sizeof buffer, pipe)) > 0) output.text.append(buffer, got);
    const int status = pclose(pipe);
    output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
  }

  // The output without its last line end; a failure of git fails the test.
  std::string git(const std::string& arguments, std::string_view input = {},
                  const std::string& environment = {}) const {
    GitOutput output = run(arguments, input, environment);
    EXPECT_EQ(output.exit_code, 0) << "git " << arguments << "\n" << output.text;
    while (output.text.ends_with('\n')) output.text.pop_back();
    return output.text;
  }

  void expect_sound() const {
    const GitOutput fsck = run("fsck --strict --full");
    EXPECT_EQ(fsck.exit_code, 0) << fsck.text;
    EXPECT_EQ(fsck.text.find("error"), std::string::npos) << fsck.text;
    EXPECT_EQ(fsck.text.find("warning"), std::string::npos) << fsck.text;
  }

  std::unique_ptr<ObjectReader> reader() const {
    auto opened = open_object_reader((path() / ".git/objects").string());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    return opened ? std::move(*opened) : nullptr;
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<Directory> common_dir_;
};

// For EXPECT_TRUE(ok(…)): shows the error of a Result.
template <typename T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << code_name(result.error().code) << ": " << result.error().message;
}

template <typename T>
testing::AssertionResult fails_with(const Result<T>& result, Code code) {
  if (result) return testing::AssertionFailure() << "succeeded";
  if (result.error().code == code) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << code_name(result.error().code) << ": " << result.error().message;
}

}  // namespace syncline
