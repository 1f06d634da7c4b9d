#include "tools/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "journal/base/try.h"

namespace syncline {

Result<InputFile> InputFile::open(const std::string& path) {
  if (path == "-") return InputFile(STDIN_FILENO, false, "standard input");
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno_error(errno, fmt::format("cannot open {}", path));
  return InputFile(descriptor, true, path);
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(other.descriptor_),
      owned_(std::exchange(other.owned_, false)),
      name_(std::move(other.name_)) {}

InputFile::~InputFile() {
  if (owned_) ::close(descriptor_);
}

uint64_t InputFile::size_bytes() const {
  struct stat info{};
  if (fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  const off_t at = lseek(descriptor_, 0, SEEK_CUR);
  return at >= 0 && info.st_size > at ? static_cast<uint64_t>(info.st_size - at) : 0;
}

Result<std::string> read_input(const std::string& path, uint64_t size_bytes_max) {
  TRY_ASSIGN(const InputFile file, InputFile::open(path));
  std::string content;
  while (true) {
    constexpr size_t kStepBytes = 64u << 10;
    const size_t before = content.size();
    content.resize(before + kStepBytes);
    const ssize_t got = ::read(file.descriptor(), content.data() + before, kStepBytes);
    content.resize(before + static_cast<size_t>(got > 0 ? got : 0));
    if (got == 0) return content;
    if (got < 0 && errno != EINTR) {
      return errno_error(errno, fmt::format("cannot read {}", file.name()));
    }
    if (content.size() > size_bytes_max) {
      return make_error(Code::kInvalid,
                        fmt::format("{} holds more than {} bytes", file.name(), size_bytes_max));
    }
  }
}

}  // namespace syncline
