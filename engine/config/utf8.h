// What untrusted text is held to: valid UTF-8, and no characters that make it look like another.
//
// Pure. Threading: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace syncline {

bool is_valid_utf8(std::string_view text);
// The number of code points in valid UTF-8.
size_t utf8_length(std::string_view text);
// Decodes the code point at text[index] and moves past it; the text is valid UTF-8.
char32_t next_code_point(std::string_view text, size_t& index);

// Characters that change the direction of the text around them: with one of them, a name or subject
// can be displayed as another.
bool is_bidi_control(char32_t code);
// The offset of the first one in valid UTF-8; npos when there is none.
size_t find_bidi_control(std::string_view text);

}  // namespace syncline
