// Untrusted text as part of a path: what `{title|slug:100}` makes of a title.
//
// Pure. Threading: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace syncline {

// Lower-case ASCII [a-z0-9-] of at most `length_max`: other characters become single dashes, none
// at the ends. Text that reduces to nothing becomes "<field>-<8 hex digits of its XXH3>".
std::string slug(std::string_view text, size_t length_max, std::string_view field);

}  // namespace syncline
