// Pieces of text that commit objects and their messages are made of.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

namespace syncline {

// Control characters become spaces, the ends are trimmed.
std::string one_line(std::string_view text);

// Takes the next line, without its end.
std::string_view take_line(std::string_view& rest);

// All of `text` as a decimal number.
template <typename Integer>
bool parse_decimal(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace syncline
