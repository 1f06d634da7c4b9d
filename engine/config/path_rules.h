// What a path in a store may be, and how untrusted text becomes part of one.
//
// Invariant: a path that check_path accepts is relative, stays in the store, and is read as `.git`
// by neither git, HFS+ (ignorable code points) nor NTFS (short names, streams, trailing dots and
// spaces).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "syncline/result.h"

namespace syncline {

inline constexpr size_t kPathComponentBytesMax = 200;
inline constexpr size_t kPathBytesMax = 1000;

// Lower-case ASCII [a-z0-9-] of at most `length_max`: other characters become single dashes, none
// at the ends. Text that reduces to nothing becomes "<field>-<8 hex digits of its XXH3>".
std::string slug(std::string_view text, size_t length_max, std::string_view field);

// kUnsafePath with the reason, or success.
Status check_path(std::string_view path);

// Characters that change the direction of the text around them: with one of them, a name or subject
// can be displayed as another.
bool is_bidi_control(char32_t code);
// The offset of the first one in valid UTF-8; npos when there is none.
size_t find_bidi_control(std::string_view text);

bool is_valid_utf8(std::string_view text);
// The number of code points in valid UTF-8.
size_t utf8_length(std::string_view text);

}  // namespace syncline
