#include "tools/line_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace syncline {
namespace {

// Hands a text out in pieces of at most `piece_bytes`.
LineReader::Source text_source(std::string text, size_t piece_bytes = SIZE_MAX) {
  auto rest = std::make_shared<std::string>(std::move(text));
  auto at = std::make_shared<size_t>(0);
  return [rest, at, piece_bytes](MutableByteSpan buffer) -> Result<size_t> {
    const size_t count = std::min({buffer.size(), piece_bytes, rest->size() - *at});
    std::memcpy(buffer.data(), rest->data() + *at, count);
    *at += count;
    return count;
  };
}

std::vector<std::string> lines_of(const std::string& text, size_t piece_bytes = SIZE_MAX) {
  LineReader reader(text_source(text, piece_bytes));
  std::vector<std::string> lines;
  for (;;) {
    const auto line = reader.next();
    EXPECT_TRUE(line);
    if (!line || !*line) return lines;
    lines.push_back(std::to_string((*line)->number) + ":" + std::string((*line)->text));
    EXPECT_EQ((*line)->bytes, (*line)->text.size());
  }
}

using Lines = std::vector<std::string>;

TEST(LineReader, EmptyInputHasNoLines) {
  EXPECT_EQ(lines_of(""), Lines());
  EXPECT_EQ(lines_of("\n\r\n  \t\n"), Lines());
  EXPECT_EQ(lines_of("\xef\xbb\xbf"), Lines());
}

TEST(LineReader, EveryLineEndIsTaken) {
  EXPECT_EQ(lines_of("a\nb\n"), (Lines{"1:a", "2:b"}));
  EXPECT_EQ(lines_of("a\r\nb\r\n"), (Lines{"1:a", "2:b"}));
  EXPECT_EQ(lines_of("a\nb"), (Lines{"1:a", "2:b"})) << "no newline at the end";
  EXPECT_EQ(lines_of("a\r"), (Lines{"1:a"}));
  EXPECT_EQ(lines_of("a\rb\n"), (Lines{"1:a\rb"})) << "a lone return ends no line";
}

TEST(LineReader, BlankLinesAreCounted) {
  EXPECT_EQ(lines_of("\n\na\n \nb"), (Lines{"3:a", "5:b"}));
}

TEST(LineReader, ByteOrderMarkIsDroppedOnceOnly) {
  EXPECT_EQ(lines_of("\xef\xbb\xbf{}\n\xef\xbb\xbfx"), (Lines{"1:{}", "2:\xef\xbb\xbfx"}));
}

TEST(LineReader, PiecesOfAnySizeGiveTheSameLines) {
  std::string text = "\xef\xbb\xbf";
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    text.append(random() % 50, 'x');
    text += random() % 3 == 0 ? "\r\n" : "\n";
  }
  const Lines expected = lines_of(text);
  for (const size_t piece : {1, 2, 3, 7, 64, 1000}) EXPECT_EQ(lines_of(text, piece), expected);
}

TEST(LineReader, LongLinesInOrderAcrossTheBuffer) {
  std::string text;
  for (int i = 0; i < 5; ++i)
    text += std::string(700'000, static_cast<char>('a' + i)) + "\nshort\n";
  const Lines lines = lines_of(text);
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines[8].size(), 700'002u);
  EXPECT_EQ(lines[9], "10:short");
}

struct LongCase {
  std::string end;
  size_t piece_bytes;
};

TEST(LineReader, TooLongLineIsReportedAndPassedOn) {
  for (const std::string end : {"\n", "\r\n", ""}) {
    for (const size_t piece : {size_t{1} << 30, size_t{4096}, size_t{999}}) {
      const std::string long_line(10'000, 'y');
      const std::string tail = end.empty() ? "" : "after" + end;
      LineReader reader(text_source("before\n" + long_line + end + tail, piece), 5000);
      std::string passed;
      reader.set_overflow_sink([&](std::string_view text) -> Status {
        passed += text;
        return {};
      });
      EXPECT_EQ((*reader.next())->text, "before");
      const auto line = reader.next();
      ASSERT_TRUE(line && *line);
      EXPECT_TRUE((*line)->too_long);
      EXPECT_EQ((*line)->number, 2u);
      EXPECT_EQ((*line)->bytes, 10'000u);
      EXPECT_EQ((*line)->text, std::string(1024, 'y'));
      EXPECT_EQ(passed, long_line);
      const auto after = reader.next();
      ASSERT_TRUE(after);
      if (end.empty()) {
        EXPECT_FALSE(*after);
      } else {
        EXPECT_EQ((*after)->text, "after");
        EXPECT_EQ((*after)->number, 3u);
      }
    }
  }
}

TEST(LineReader, LimitIsExact) {
  for (const std::string end : {"\n", "\r\n", ""}) {
    LineReader fits(text_source(std::string(5000, 'y') + end), 5000);
    EXPECT_FALSE((*fits.next())->too_long);
    LineReader over(text_source(std::string(5001, 'y') + end), 5000);
    EXPECT_TRUE((*over.next())->too_long);
  }
}

TEST(LineReader, ReturnsInsideALongLineAreKept) {
  std::string text(6000, '\r');
  LineReader reader(text_source(text + "\r\nb\n", 7), 5000);
  std::string passed;
  reader.set_overflow_sink([&](std::string_view piece) -> Status {
    passed += piece;
    return {};
  });
  EXPECT_EQ((*reader.next())->bytes, 6000u);
  EXPECT_EQ(passed, text);
  EXPECT_EQ((*reader.next())->text, "b");
}

size_t resident_bytes_max() {
  size_t kib = 0;
  FILE* status = std::fopen("/proc/self/status", "r");
  char line[256];
  while (std::fgets(line, sizeof line, status) != nullptr) {
    if (std::sscanf(line, "VmHWM: %zu kB", &kib) == 1) break;
  }
  std::fclose(status);
  return kib << 10;
}

TEST(LineReader, HundredMegabytesInOneLineTakeLittleMemory) {
  constexpr uint64_t kLineBytes = 100'000'000;
  uint64_t left = kLineBytes;
  bool tail_due = true;
  LineReader reader([&](MutableByteSpan buffer) -> Result<size_t> {
    if (left > 0) {
      const size_t count = std::min<uint64_t>(buffer.size(), left);
      std::memset(buffer.data(), 'z', count);
      left -= count;
      return count;
    }
    if (!std::exchange(tail_due, false)) return size_t{0};
    std::memcpy(buffer.data(), "\n{}\n", 4);
    return size_t{4};
  });
  const size_t before = resident_bytes_max();
  const auto line = reader.next();
  ASSERT_TRUE(line && *line);
  EXPECT_TRUE((*line)->too_long);
  EXPECT_EQ((*line)->bytes, kLineBytes);
  EXPECT_EQ((*reader.next())->text, "{}");
  EXPECT_LT(resident_bytes_max() - before, 60u << 20);
}

TEST(LineReader, FailuresOfSourceAndSinkAreAnswered) {
  LineReader reader([](MutableByteSpan) -> Result<size_t> { return errno_error(EIO, "read"); });
  const auto line = reader.next();
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kIo);
  LineReader long_reader(text_source(std::string(9000, 'x')), 2000);
  long_reader.set_overflow_sink(
      [](std::string_view) -> Status { return errno_error(ENOSPC, "write"); });
  EXPECT_EQ(long_reader.next().error().code, Code::kRetryLater);
}

TEST(LineReader, BlankLinesCanBeKept) {
  LineReader reader(text_source("a\n\nb"));
  reader.keep_blank_lines();
  EXPECT_EQ((*reader.next())->text, "a");
  EXPECT_EQ((*reader.next())->text, "");
  EXPECT_EQ((*reader.next())->text, "b");
  EXPECT_FALSE(*reader.next());
}

}  // namespace
}  // namespace syncline
