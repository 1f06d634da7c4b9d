// A folder of our own, removed with all in it when its owner goes.
#pragma once

#include <string>

#include "syncline/result.h"

namespace syncline {

class TemporaryFolder {
 public:
  // A fresh folder below `parent`, named `<prefix>XXXXXX`.
  static Result<TemporaryFolder> make(const std::string& parent, const std::string& prefix);
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;

  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  bool kept_ = false;
};

}  // namespace syncline
