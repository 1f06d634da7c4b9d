// Records made up for tests: the same seed gives the same bytes on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncline {

// A line of NDJSON for `syncline ingest`, newline included. Lengths follow what Debian's package
// descriptions show (median about 700 bytes, a few of tens of kilobytes), 2 % are not ASCII, and
// every record has a key of its own.
std::string package_line(uint64_t number, uint64_t seed);

// Lines first..first+count-1.
std::string package_corpus(uint64_t count, uint64_t seed, uint64_t first = 1);

struct HostileText {
  std::string name;  // of the test case
  std::string text;
  bool valid_utf8 = true;
};
// What people and programs put into titles: other scripts, right-to-left, quotes, SQL, shell, path
// and git tricks, control characters, invalid UTF-8.
std::vector<HostileText> hostile_texts();

// A JSON string literal; `text` must be valid UTF-8.
std::string json_quoted(const std::string& text);

}  // namespace syncline
