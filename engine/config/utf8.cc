#include "engine/config/utf8.h"

#include <cstring>

namespace syncline {

char32_t next_code_point(std::string_view text, size_t& index) {
  const auto lead = static_cast<unsigned char>(text[index++]);
  if (lead < 0x80) return lead;
  const int trailing = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  char32_t code = lead & (0x3f >> trailing);
  for (int i = 0; i < trailing; ++i) {
    code = (code << 6) | (static_cast<unsigned char>(text[index++]) & 0x3f);
  }
  return code;
}

bool is_bidi_control(char32_t code) {
  return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

size_t find_bidi_control(std::string_view text) {
  // Each of these characters begins with one of these bytes.
  for (size_t at = text.find_first_of("\xd8\xe2"); at != std::string_view::npos;
       at = text.find_first_of("\xd8\xe2", at + 1)) {
    size_t index = at;
    if (is_bidi_control(next_code_point(text, index))) return at;
  }
  return std::string_view::npos;
}

bool is_valid_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  const auto trails = [&](int count) {
    if (end - at < count) return false;
    for (int i = 0; i < count; ++i) {
      if ((at[i] & 0xc0) != 0x80) return false;
    }
    return true;
  };
  while (at < end) {
    if (end - at >= 8) {  // most text is ASCII
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        at += sizeof word;
        continue;
      }
    }
    const unsigned char lead = *at++;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;  // a stray trailer, overlong, beyond U+10FFFF
    const int trailing = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (!trails(trailing)) return false;
    if (lead == 0xe0 && at[0] < 0xa0) return false;   // overlong
    if (lead == 0xed && at[0] >= 0xa0) return false;  // surrogates
    if (lead == 0xf0 && at[0] < 0x90) return false;   // overlong
    if (lead == 0xf4 && at[0] >= 0x90) return false;  // beyond U+10FFFF
    at += trailing;
  }
  return true;
}

size_t utf8_length(std::string_view text) {
  size_t count = 0;
  for (const char c : text) {
    count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  }
  return count;
}

}  // namespace syncline
