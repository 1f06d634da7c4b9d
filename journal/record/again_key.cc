#include "journal/record/again_key.h"

#include <fmt/format.h>

#include <charconv>

namespace syncline {
namespace {

constexpr std::string_view kAgainPrefix = "again\t";

}  // namespace

std::string again_key(uint64_t set_aside_seq) {
  return fmt::format("{}{}", kAgainPrefix, set_aside_seq);
}

uint64_t set_aside_seq_of(std::string_view key) {
  if (!key.starts_with(kAgainPrefix)) return 0;
  const std::string_view digits = key.substr(kAgainPrefix.size());
  uint64_t seq = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  return error == std::errc() && end == digits.data() + digits.size() ? seq : 0;
}

}  // namespace syncline
