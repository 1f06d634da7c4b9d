// The rules follow git's own guards (verify_path, is_ntfs_dotgit, is_hfs_dotgit and the checks of
// Git for Windows) and are stricter where that costs nothing: a path that one of those guards might
// read as something else is refused outright, since our paths never need it.
#include "engine/config/path_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "engine/config/utf8.h"
#include "journal/base/ascii.h"

namespace syncline {
namespace {

constexpr std::string_view kForbidden = "\\:*?\"<>|";

// Code points that HFS+ drops when it compares names, so that `.g<U+200C>it` is `.git` there.
bool is_hfs_ignorable(char32_t code) {
  return (code >= 0x200c && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x206a && code <= 0x206f) || code == 0xfeff;
}

bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

// ASCII that no rule forbids: most of every path.
bool is_plain(char c) {
  static constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> plain{};
    for (unsigned code = 0x20; code < 0x7f; ++code) plain[code] = true;
    for (const char forbidden : kForbidden) plain[static_cast<unsigned char>(forbidden)] = false;
    return plain;
  }();
  return kPlain[static_cast<unsigned char>(c)];
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
  const std::string lower = ascii_lowered(component);
  if (lower == ".git") return "it enters git's own directory";
  if (lower == ".gitmodules" || lower == ".gitattributes" || lower == ".gitignore") {
    return fmt::format("'{}' is a file git acts upon", lower);
  }
  for (size_t i = 0; i + 1 < lower.size(); ++i) {
    if (lower[i] == '~' && is_ascii_digit(lower[i + 1])) {
      return "a component looks like an NTFS short name (git~1 is .git there)";
    }
  }
  if (is_device_name(lower)) return "a component is the name of a Windows device";
  return {};
}

}  // namespace

bool is_device_name(std::string_view lower) {
  std::string_view base = lower.substr(0, lower.find('.'));
  while (base.ends_with(' ')) base.remove_suffix(1);
  static constexpr std::array<std::string_view, 6> kNames = {"con", "prn",    "aux",
                                                             "nul", "conin$", "conout$"};
  if (std::ranges::find(kNames, base) != kNames.end()) return true;
  if (!base.starts_with("com") && !base.starts_with("lpt")) return false;
  base.remove_prefix(3);
  // Windows also takes the superscripts one, two and three for digits.
  return (base.size() == 1 && is_ascii_digit(base[0])) || base == "\xc2\xb9" ||
         base == "\xc2\xb2" || base == "\xc2\xb3";
}

Status check_path(std::string_view path) {
  if (path.empty()) return unsafe(path, "it is empty");
  if (path.size() > kPathBytesMax) {
    return unsafe(path, fmt::format("it is longer than {} bytes", kPathBytesMax));
  }
  if (!is_valid_utf8(path)) return unsafe(path, "it is not valid UTF-8");
  for (size_t index = 0; index < path.size();) {
    if (is_plain(path[index])) {
      ++index;
      continue;
    }
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
    if (code < 0x80 && kForbidden.contains(static_cast<char>(code))) {
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

}  // namespace syncline
