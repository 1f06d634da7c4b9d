#include "sync/git/git_config.h"

#include "journal/base/ascii.h"

#include <algorithm>

namespace syncline {
namespace {

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// Reads one logical value: quotes, backslash escapes, comments, lines continued by a backslash.
std::string take_value(std::string_view text, size_t& at) {
  std::string value;
  size_t keep = 0;  // trailing blanks outside quotes do not count
  bool quoted = false;
  for (; at < text.size() && text[at] != '\n'; ++at) {
    char c = text[at];
    if (!quoted && (c == '#' || c == ';')) {
      while (at < text.size() && text[at] != '\n') ++at;
      break;
    }
    if (c == '"') {
      quoted = !quoted;
      keep = value.size();
      continue;
    }
    if (c == '\\' && at + 1 < text.size()) {
      c = text[++at];
      if (c == '\n') continue;
      value.push_back(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'b' ? '\b' : c);
      keep = value.size();
      continue;
    }
    if (value.empty() && !quoted && blank(c)) continue;
    value.push_back(c);
    if (quoted || !blank(c)) keep = value.size();
  }
  value.resize(keep);
  return value;
}

// "[core]" → "core.", "[remote \"origin\"]" → "remote.origin."; leaves `at` after the bracket.
std::string take_section(std::string_view text, size_t& at) {
  std::string prefix;
  for (++at; at < text.size() && text[at] != ']' && text[at] != '"' && text[at] != '\n'; ++at) {
    if (!blank(text[at])) prefix.push_back(ascii_lower(text[at]));
  }
  prefix.push_back('.');
  if (at < text.size() && text[at] == '"') {
    for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      prefix.push_back(text[at]);
    }
    prefix.push_back('.');
    while (at < text.size() && text[at] != ']' && text[at] != '\n') ++at;
  }
  if (at < text.size() && text[at] == ']') ++at;
  return prefix;
}

}  // namespace

GitConfig GitConfig::parse(std::string_view text) {
  GitConfig config;
  std::string prefix;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\n' || blank(c)) {
      ++at;
    } else if (c == '#' || c == ';') {
      while (at < text.size() && text[at] != '\n') ++at;
    } else if (c == '[') {
      prefix = take_section(text, at);
    } else {
      std::string name;
      for (; at < text.size() && text[at] != '=' && text[at] != '\n' && text[at] != '#'; ++at) {
        if (!blank(text[at])) name.push_back(ascii_lower(text[at]));
      }
      std::string value = "true";  // a name alone
      if (at < text.size() && text[at] == '=') {
        ++at;
        value = take_value(text, at);
      } else {
        while (at < text.size() && text[at] != '\n') ++at;
      }
      config.values_[prefix + name] = std::move(value);
    }
  }
  return config;
}

std::optional<std::string> GitConfig::get(std::string_view key) const {
  const size_t first = key.find('.');
  const size_t last = key.rfind('.');
  if (first == std::string_view::npos) return {};
  const std::string name = ascii_lowered(key.substr(0, first)) +
                           std::string(key.substr(first, last - first)) +
                           ascii_lowered(key.substr(last));
  const auto found = values_.find(name);
  if (found == values_.end()) return {};
  return found->second;
}

bool GitConfig::get_bool(std::string_view key, bool otherwise) const {
  const std::optional<std::string> value = get(key);
  if (!value) return otherwise;
  const std::string word = ascii_lowered(*value);
  return word == "true" || word == "yes" || word == "on" ||
         (!word.empty() && word != "0" &&
          std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; }));
}

bool GitConfig::has_includes() const {
  return std::ranges::any_of(values_, [](const auto& each) {
    return each.first == "include.path" || each.first.starts_with("includeif.");
  });
}

std::map<std::string, std::string> GitConfig::section(std::string_view name) const {
  std::map<std::string, std::string> out;
  const std::string prefix = ascii_lowered(name) + ".";
  for (auto it = values_.lower_bound(prefix); it != values_.end() && it->first.starts_with(prefix);
       ++it) {
    const std::string rest = it->first.substr(prefix.size());
    if (rest.find('.') == std::string::npos) out[rest] = it->second;
  }
  return out;
}

}  // namespace syncline
