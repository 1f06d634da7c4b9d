// The rules follow git's own guards (verify_path, is_ntfs_dotgit, is_hfs_dotgit and the checks of
// Git for Windows) and are stricter where that costs nothing: a path that one of those guards might
// read as something else is refused outright, since our paths never need it.
#include "engine/config/path_rules.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace syncline {
namespace {

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_slug_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string hash_hex(std::string_view text) {
  return fmt::format("{:08x}", static_cast<uint32_t>(XXH3_64bits(text.data(), text.size())));
}

// Decodes the code point at text[index] and moves past it; the text is valid UTF-8.
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

// Code points that HFS+ drops when it compares names, so that `.g<U+200C>it` is `.git` there.
bool is_hfs_ignorable(char32_t code) {
  return (code >= 0x200c && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x206a && code <= 0x206f) || code == 0xfeff;
}

bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

// Names Windows resolves to a device in every directory, whatever extension follows.
bool is_device_name(std::string_view lower) {
  std::string_view base = lower.substr(0, lower.find('.'));
  while (base.ends_with(' ')) base.remove_suffix(1);
  static constexpr std::array<std::string_view, 6> kNames = {"con", "prn",    "aux",
                                                             "nul", "conin$", "conout$"};
  if (std::ranges::find(kNames, base) != kNames.end()) return true;
  if (!base.starts_with("com") && !base.starts_with("lpt")) return false;
  base.remove_prefix(3);
  // Windows also takes the superscripts one, two and three for digits.
  return (base.size() == 1 && is_digit(base[0])) || base == "\xc2\xb9" || base == "\xc2\xb2" ||
         base == "\xc2\xb3";
}

Error unsafe(std::string_view path, std::string_view reason) {
  // The path may be hostile: the message shows one short line of it.
  std::string shown;
  for (const char c : path.substr(0, 120)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  return make_error(Code::kUnsafePath, fmt::format("path '{}' is unsafe: {}", shown, reason),
                    "use a relative path of plain names");
}

// Why a component is refused; empty when it is allowed.
std::string component_fault(std::string_view component) {
  if (component.empty()) return "it has an empty component";
  if (component.size() > kPathComponentBytesMax) {
    return fmt::format("a component is longer than {} bytes", kPathComponentBytesMax);
  }
  if (component == "." || component == "..") return "it has a '.' or '..' component";
  if (component.front() == '-') return "a component begins with '-', as an option does";
  if (component.back() == '.' || component.back() == ' ') {
    return "a component ends in a dot or a space, which Windows drops";
  }
  std::string lower(component);
  std::ranges::transform(lower, lower.begin(), ascii_lower);
  if (lower == ".git") return "it enters git's own directory";
  if (lower == ".gitmodules" || lower == ".gitattributes" || lower == ".gitignore") {
    return fmt::format("'{}' is a file git acts upon", lower);
  }
  for (size_t i = 0; i + 1 < lower.size(); ++i) {
    if (lower[i] == '~' && is_digit(lower[i + 1])) {
      return "a component looks like an NTFS short name (git~1 is .git there)";
    }
  }
  if (is_device_name(lower)) return "a component is the name of a Windows device";
  return {};
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

Status check_path(std::string_view path) {
  if (path.empty()) return unsafe(path, "it is empty");
  if (path.size() > kPathBytesMax) {
    return unsafe(path, fmt::format("it is longer than {} bytes", kPathBytesMax));
  }
  if (!is_valid_utf8(path)) return unsafe(path, "it is not valid UTF-8");
  for (size_t index = 0; index < path.size();) {
    const char32_t code = next_code_point(path, index);
    if (is_control(code)) return unsafe(path, "it has a control character");
    if (is_bidi_control(code)) {
      return unsafe(path, fmt::format("U+{:04X} changes the direction of the text around it",
                                      static_cast<uint32_t>(code)));
    }
    if (is_hfs_ignorable(code)) {
      return unsafe(path, fmt::format("U+{:04X} is invisible, and ignored in names on HFS+",
                                      static_cast<uint32_t>(code)));
    }
    if (code < 0x80 && std::strchr("\\:*?\"<>|", static_cast<int>(code)) != nullptr) {
      return unsafe(path, fmt::format("it has the character '{}'", static_cast<char>(code)));
    }
  }
  if (path.front() == '/') return unsafe(path, "it is absolute");
  for (size_t begin = 0;;) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (const std::string fault = component_fault(path.substr(begin, end - begin)); !fault.empty())
      return unsafe(path, fault);
    if (end == path.size()) return {};
    begin = end + 1;
  }
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
