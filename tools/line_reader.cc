#include "tools/line_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kReadBytes = 256u << 10;
constexpr size_t kShownBytes = 1024;  // of a line that is too long
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

LineReader::LineReader(Source source, size_t line_bytes_max)
    : source_(std::move(source)), line_bytes_max_(std::max(line_bytes_max, kShownBytes)) {}

Result<bool> LineReader::fill() {
  if (source_ended_) return false;
  if (begin_ > 0 && buffer_.size() - end_ < kReadBytes) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) {
    // Doubling, up to the longest line that is held and one read more.
    buffer_.resize(std::max(end_ + kReadBytes,
                            std::min(2 * buffer_.size(), line_bytes_max_ + 2 * kReadBytes)));
  }
  TRY_ASSIGN(const size_t count,
             source_({reinterpret_cast<std::byte*>(buffer_.data() + end_), kReadBytes}));
  if (count == 0) source_ended_ = true;
  end_ += count;
  return count > 0;
}

Result<std::optional<Line>> LineReader::next_raw() {
  for (;;) {
    const void* newline =
        scanned_ == end_ ? nullptr : std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_);
    if (newline != nullptr) {
      const auto after =
          static_cast<size_t>(static_cast<const char*>(newline) - buffer_.data()) + 1;
      const std::string_view text = without_line_end({buffer_.data() + begin_, after - begin_});
      if (text.size() > line_bytes_max_) break;
      begin_ = scanned_ = after;
      return Line{++lines_, text, false, text.size()};
    }
    scanned_ = end_;
    // One byte more may be the carriage return of a line end.
    if (end_ - begin_ > line_bytes_max_ + 1) break;
    TRY_ASSIGN(const bool more, fill());
    if (more) continue;
    if (begin_ == end_) return std::nullopt;
    const std::string_view text = without_line_end({buffer_.data() + begin_, end_ - begin_});
    if (text.size() > line_bytes_max_) break;
    begin_ = end_;
    return Line{++lines_, text, false, text.size()};
  }
  TRY_ASSIGN(const Line line, skip_long_line());
  return line;
}

// The buffer holds the beginning of a line that is too long, perhaps its end too.
Result<Line> LineReader::skip_long_line() {
  Line line{++lines_, {}, true, 0};
  head_.assign(buffer_.data() + begin_, kShownBytes);
  // A carriage return is held back until what follows it is known.
  bool return_due = false;
  const auto pass = [&](std::string_view piece) -> Status {
    line.bytes += piece.size();
    if (sink_ && !piece.empty()) TRY(sink_(piece));
    return {};
  };
  for (;;) {
    std::string_view piece(buffer_.data() + begin_, end_ - begin_);
    const size_t newline = piece.find('\n');
    const bool ended = newline != std::string_view::npos;
    if (ended) piece = piece.substr(0, newline);
    begin_ += piece.size() + (ended ? 1 : 0);
    if (return_due && !piece.empty()) {
      TRY(pass("\r"));
      return_due = false;
    }
    if (piece.ends_with('\r')) {
      piece.remove_suffix(1);
      return_due = true;
    }
    TRY(pass(piece));
    if (ended) break;
    begin_ = end_ = scanned_ = 0;
    TRY_ASSIGN(const bool more, fill());
    if (!more) break;
  }
  scanned_ = begin_;
  line.text = head_;
  return line;
}

Result<std::optional<Line>> LineReader::next() {
  for (;;) {
    TRY_ASSIGN(std::optional<Line> line, next_raw());
    if (!line) return line;
    if (std::exchange(at_start_, false) && line->text.starts_with(kByteOrderMark)) {
      line->text.remove_prefix(kByteOrderMark.size());
      line->bytes -= kByteOrderMark.size();
    }
    if (line->too_long || keep_blank_lines_ || !is_blank(line->text)) return line;
  }
}

LineReader::Source descriptor_source(int descriptor) {
  return [descriptor](MutableByteSpan buffer) -> Result<size_t> {
    for (;;) {
      const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
      if (count >= 0) return static_cast<size_t>(count);
      if (errno != EINTR) return errno_error(errno, "read");
    }
  };
}

}  // namespace syncline
