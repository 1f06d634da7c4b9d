// The real system, but `hook` is asked before each operation on a directory of the store: it may
// answer an error, throw, end the process, or change the world under the caller.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "engine/place/store_platform.h"
#include "journal/base/try.h"
#include "tests/support/hooked_directory.h"

namespace syncline {

class HookedPlatform final : public StorePlatform {
 public:
  explicit HookedPlatform(std::function<Status()> hook)
      : hook_(std::make_shared<DirectoryHook>(
            [hook = std::move(hook)](std::string_view, const std::string&) { return hook(); })) {}
  Result<std::unique_ptr<Directory>> open_directory(const std::string& path) override {
    TRY_ASSIGN(auto opened, StorePlatform::open_directory(path));
    return std::make_unique<HookedDirectory>(std::move(opened), hook_);
  }

 private:
  std::shared_ptr<DirectoryHook> hook_;
};

}  // namespace syncline
