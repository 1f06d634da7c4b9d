// Where the command writes: data on `out`, text for people on `err`.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace syncline {

struct Console {
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// Writes all of `text`; a failure is latched in the stream and found by ferror() at the end.
void write_text(std::FILE* stream, std::string_view text);

// Text that came from outside, made safe for a terminal: control characters (C0, DEL, C1, and
// those that turn the direction of writing) appear as \xNN or \u{N}, broken UTF-8 as \xNN.
std::string printable(std::string_view text);

}  // namespace syncline
