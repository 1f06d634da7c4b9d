// Files named on the command line, "-" being standard input.
#pragma once

#include <cstdint>
#include <string>

#include "syncline/result.h"

namespace syncline {

// An open descriptor to read from; standard input is not closed with it.
class InputFile {
 public:
  static Result<InputFile> open(const std::string& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  int descriptor() const { return descriptor_; }
  const std::string& name() const { return name_; }
  // 0 where it is not known: a pipe, a terminal.
  uint64_t size_bytes() const;

 private:
  InputFile(int descriptor, bool owned, std::string name)
      : descriptor_(descriptor), owned_(owned), name_(std::move(name)) {}
  int descriptor_;
  bool owned_;
  std::string name_;
};

// The whole content; more than `size_bytes_max` is kInvalid.
Result<std::string> read_input(const std::string& path, uint64_t size_bytes_max);

}  // namespace syncline
