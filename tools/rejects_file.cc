#include "tools/rejects_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "journal/base/try.h"
#include "tools/json_output.h"

namespace syncline {
namespace {

bool same_file(int left, int right) {
  struct stat a{}, b{};
  return fstat(left, &a) == 0 && fstat(right, &b) == 0 && S_ISREG(a.st_mode) &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::string_view without_quotes(std::string_view quoted) {
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

size_t split_utf8_bytes(std::string_view text) {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<uint8_t>(text[text.size() - back]);
    if ((byte & 0xc0u) == 0x80) continue;
    const size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

Result<RejectsFile> RejectsFile::open(const std::string& path, int input_descriptor) {
  // Emptied only once it is known not to be the input.
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return errno_error(errno, fmt::format("cannot open {}", path));
  if (same_file(descriptor, input_descriptor)) {
    ::close(descriptor);
    return make_error(Code::kInvalid,
                      fmt::format("--rejects {} is the file that is to be read", path),
                      "name another file for the lines that are not accepted");
  }
  // Pipes and devices have nothing to empty.
  if (ftruncate(descriptor, 0) != 0 && errno != EINVAL) {
    const int failed = errno;
    ::close(descriptor);
    return errno_error(failed, fmt::format("cannot empty {}", path));
  }
  std::FILE* const file = fdopen(descriptor, "w");
  if (file == nullptr) {
    const int failed = errno;
    ::close(descriptor);
    return errno_error(failed, fmt::format("cannot write {}", path));
  }
  return RejectsFile(file, path);
}

Status RejectsFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size()) return {};
  return errno_error(errno, fmt::format("cannot write {}", path_));
}

Status RejectsFile::add_piece(std::string_view piece) {
  if (!in_long_line_) {
    TRY(write("{\"raw\":\""));
    in_long_line_ = true;
  }
  std::string text = std::move(split_character_);
  text += piece;
  const size_t split = split_utf8_bytes(text);
  split_character_ = text.substr(text.size() - split);
  text.resize(text.size() - split);
  return write(without_quotes(quoted_json(text)));
}

Status RejectsFile::add(uint64_t line_number, const std::string& reason, std::string_view raw) {
  if (!in_long_line_) return write(reject_json(line_number, reason, raw));
  in_long_line_ = false;
  TRY(write(without_quotes(quoted_json(std::exchange(split_character_, {})))));
  return write(fmt::format("\",\"line\":{},\"reason\":{}}}\n", line_number, quoted_json(reason)));
}

Status RejectsFile::close() {
  if (std::fclose(file_.release()) == 0) return {};
  return errno_error(errno, fmt::format("cannot write {}", path_));
}

}  // namespace syncline
