#include "tools/packages.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>

#include "engine/config/near_name.h"
#include "engine/config/pattern.h"
#include "engine/config/utf8.h"
#include "journal/base/ascii.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr std::string_view kReplacement = "\ufffd";

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Each byte that is part of no valid code point, and each NUL, becomes U+FFFD.
std::string to_valid_text(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    size_t length = 1;
    while (length <= 4 && !is_valid_utf8(bytes.substr(at, length))) ++length;
    if (length > 4 || bytes[at] == '\0') {
      text += kReplacement;
      ++at;
    } else {
      text += bytes.substr(at, length);
      at += length;
    }
  }
  return text;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// A key has at most 500 bytes; one that would be longer ends in a hash of the whole.
std::string package_key(std::string_view name, std::string_view version,
                        std::string_view architecture) {
  constexpr size_t kKeyBytesMax = 500;
  std::string key = fmt::format("{}/{}/{}", name, version, architecture);
  if (key.size() <= kKeyBytesMax) return key;
  const std::string hash = fmt::format("~{:016x}", XXH3_64bits(key.data(), key.size()));
  size_t cut = kKeyBytesMax - hash.size();
  while ((static_cast<unsigned char>(key[cut]) & 0xc0) == 0x80) --cut;
  return key.substr(0, cut) + hash;
}

}  // namespace

const std::string* Stanza::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (equal_but_for_case(field, name)) return &value;
  }
  return nullptr;
}

StanzaReader::StanzaReader(LineReader::Source source) : lines_(std::move(source)) {
  lines_.keep_blank_lines();
}

Result<std::optional<Stanza>> StanzaReader::next() {
  Stanza stanza;
  for (;;) {
    TRY_ASSIGN(const std::optional<Line> line, lines_.next());
    if (!line || trim(line->text).empty()) {
      if (!stanza.fields.empty()) return stanza;
      if (!line) return std::nullopt;
      continue;  // blank lines may be many
    }
    const auto fault = [&](std::string_view what) {
      return make_error(Code::kInvalid, fmt::format("line {}: {}", line->number, what),
                        "give the output of apt-cache dumpavail");
    };
    if (line->too_long) return fault(fmt::format("longer than {} bytes", kLineBytesMax));
    std::string_view text = line->text;
    if (text.front() == ' ' || text.front() == '\t') {
      if (stanza.fields.empty()) return fault("a continuation of no field");
      text.remove_prefix(1);
      std::string& value = stanza.fields.back().second;
      value += '\n';
      if (text != ".") value += text;
      continue;
    }
    const size_t colon = text.find(':');
    if (colon == 0 || colon == std::string_view::npos) {
      return fault(fmt::format("no 'Name: value', but {}", quote_for_message(text)));
    }
    stanza.fields.emplace_back(text.substr(0, colon), trim(text.substr(colon + 1)));
  }
}

std::optional<std::string> package_line(const Stanza& stanza) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kFields = {{
      {"Package", "name"},
      {"Version", "version"},
      {"Architecture", "architecture"},
      {"Section", "section"},
      {"Priority", "priority"},
      {"Maintainer", "maintainer"},
      {"Homepage", "homepage"},
      {"Description", "description"},
  }};
  std::array<std::string, kFields.size()> values;
  for (size_t i = 0; i < kFields.size(); ++i) {
    const std::string* raw = stanza.find(kFields[i].first);
    if (raw == nullptr) continue;
    values[i] = to_valid_text(*raw);
    if (kFields[i].second != "description") values[i] = to_one_line(values[i]);
  }
  if (values[0].empty()) return std::nullopt;
  std::string out = R"({"kind":"package","key":)";
  append_json_string(out, package_key(values[0], values[1], values[2]));
  out += R"(,"fields":{)";
  bool first = true;
  for (size_t i = 0; i < kFields.size(); ++i) {
    if (values[i].empty()) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, kFields[i].second);
    out += ':';
    append_json_string(out, values[i]);
  }
  out += "}}";
  return out;
}

}  // namespace syncline
