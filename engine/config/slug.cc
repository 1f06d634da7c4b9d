#include "engine/config/slug.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdint>

#include "engine/config/path_rules.h"
#include "engine/config/utf8.h"
#include "journal/base/ascii.h"

namespace syncline {
namespace {

bool is_slug_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string hash_hex(std::string_view text) {
  return fmt::format("{:08x}", static_cast<uint32_t>(XXH3_64bits(text.data(), text.size())));
}

}  // namespace

std::string slug(std::string_view text, size_t length_max, std::string_view field) {
  std::string result;
  bool dash_due = false;
  for (const char raw : text) {
    const char c = ascii_lower(raw);
    if (!is_slug_character(c)) {
      dash_due = !result.empty();
      continue;
    }
    const size_t needed = dash_due ? 2 : 1;
    if (result.size() + needed > length_max) break;
    if (dash_due) result += '-';
    dash_due = false;
    result += c;
  }
  if (!result.empty() && !is_device_name(result)) return result;

  // Nothing is left of the text, or a device's name: a stem and a hash of the text stand for it.
  const std::string hash = hash_hex(text);
  if (length_max <= hash.size() + 1) return hash.substr(0, length_max);
  std::string stem = result;
  if (stem.empty()) {
    for (const char c : field) {
      stem += is_slug_character(ascii_lower(c)) ? ascii_lower(c) : '-';
    }
  }
  stem.resize(std::min(stem.size(), length_max - hash.size() - 1));
  const size_t first = stem.find_first_not_of('-');
  if (first == std::string::npos) return hash;
  const size_t last = stem.find_last_not_of('-');
  return stem.substr(first, last - first + 1) + '-' + hash;
}

}  // namespace syncline
