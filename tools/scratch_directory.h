// A temporary directory, removed with its content by the destructor.
#pragma once

#include <string>

#include "syncline/result.h"

namespace syncline {

class ScratchDirectory {
 public:
  // A fresh directory below `parent`, named `<prefix>XXXXXX`.
  static Result<ScratchDirectory> make(const std::string& parent, const std::string& prefix);
  ~ScratchDirectory();
  ScratchDirectory(ScratchDirectory&& other) noexcept;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;

  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
  bool kept_ = false;
};

}  // namespace syncline
