#include "tools/console.h"

#include <fmt/format.h>

#include <cstdint>

#include "engine/config/utf8.h"

namespace syncline {
namespace {

struct Decoded {
  uint32_t code_point = 0;
  size_t bytes = 0;  // 0: not valid here
};

Decoded decode_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  uint32_t code_point = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return {};
    code_point = code_point << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (code_point < kSmallest[length] || code_point > 0x10ffff || surrogate) return {};
  return {code_point, length};
}

bool steers_a_terminal(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || is_bidi_control(c);
}

}  // namespace

void write_text(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded decoded = decode_utf8(text);
    if (decoded.bytes == 0) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    if (!steers_a_terminal(decoded.code_point)) {
      out += text.substr(0, decoded.bytes);
    } else if (decoded.bytes == 1) {
      out += fmt::format("\\x{:02x}", decoded.code_point);
    } else {
      out += fmt::format("\\u{{{:x}}}", decoded.code_point);
    }
    text.remove_prefix(decoded.bytes);
  }
  return out;
}

}  // namespace syncline
