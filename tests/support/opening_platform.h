// The real system, but somebody opens HEAD in the middle of a publish, as git does when it begins.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sync/git/git_platform.h"
#include "sync/git/open_watch.h"
#include "tests/support/read_text.h"

namespace syncline {

// `Base`: GitPlatform, or one that is more.
template <typename Base>
class OpeningPlatform final : public Base {
 public:
  // At the `at`th question about the watch of HEAD; 0: never.
  OpeningPlatform(std::filesystem::path head, int at) : head_(std::move(head)), at_(at) {}

  std::unique_ptr<OpenWatch> watch_opens(const std::string& path) override {
    return std::make_unique<Watch>(*this, Base::watch_opens(path));
  }
  std::string git_at_work_in(std::string_view /*work_tree*/, OtherProcesses* /*others*/) override {
    ++looks;
    return opened_ ? program : std::string();
  }

  std::string program;  // whoever it is, from then on
  int looks = 0;

 private:
  class Watch final : public OpenWatch {
   public:
    Watch(OpeningPlatform& platform, std::unique_ptr<OpenWatch> real)
        : platform_(platform), real_(std::move(real)) {}
    void begin() override { real_->begin(); }
    bool is_quiet() override {
      if (++platform_.asked_ == platform_.at_) {
        platform_.opened_ = true;
        EXPECT_EQ(read_text(platform_.head_), "ref: refs/heads/main\n");
      }
      return real_->is_quiet();
    }

   private:
    OpeningPlatform& platform_;
    std::unique_ptr<OpenWatch> real_;
  };

  const std::filesystem::path head_;
  const int at_;
  int asked_ = 0;
  bool opened_ = false;
};

}  // namespace syncline
