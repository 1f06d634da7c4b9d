// Lines of a stream, in memory that a hostile line cannot grow.
//
// A line ends in "\n", "\r\n" or the end of the stream; a byte order mark at the very beginning is
// dropped; lines of white space are skipped, and counted. A line longer than `line_bytes_max` is
// not held in memory: its beginning is kept for messages, and all of it goes to the overflow sink.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/base/bytes.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr size_t kLineBytesMax = 16u << 20;

struct Line {
  uint64_t number = 0;    // from 1
  std::string_view text;  // without its end; valid until the next call
  bool too_long = false;  // `text` is only how it begins
  uint64_t bytes = 0;     // of the whole line, without its end
};

class LineReader {
 public:
  // Fills some of the buffer and answers how much; 0 is the end of the stream.
  using Source = std::function<Result<size_t>(MutableByteSpan)>;
  // Receives a line that is too long, piece by piece, without its end.
  using OverflowSink = std::function<Status(std::string_view piece)>;

  explicit LineReader(Source source, size_t line_bytes_max = kLineBytesMax);
  void set_overflow_sink(OverflowSink sink) { sink_ = std::move(sink); }
  // Returns blank lines too, for formats in which they have a meaning.
  void keep_blank_lines() { keep_blank_lines_ = true; }

  // Empty at the end of the stream.
  Result<std::optional<Line>> next();

 private:
  Result<bool> fill();  // false at the end of the stream
  Result<std::optional<Line>> next_raw();
  Result<Line> skip_long_line();

  Source source_;
  OverflowSink sink_;
  size_t line_bytes_max_;
  std::string head_;  // of the line last found too long
  std::vector<char> buffer_;
  size_t begin_ = 0;    // of the line under way
  size_t scanned_ = 0;  // no line end before here
  size_t end_ = 0;      // of what was read
  uint64_t lines_ = 0;
  bool keep_blank_lines_ = false;
  bool at_start_ = true;
  bool source_ended_ = false;
};

// Reads a descriptor, which stays the caller's.
LineReader::Source descriptor_source(int descriptor);

}  // namespace syncline
