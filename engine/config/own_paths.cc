#include "engine/config/own_paths.h"

#include <algorithm>
#include <string_view>

#include "engine/config/kind_patterns.h"
#include "journal/base/layout.h"

namespace syncline {
namespace {

std::string escaped(std::string_view literal) {
  std::string text;
  for (const char c : literal) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

// Begins with a slash: it holds from the top of the work tree.
std::string pattern_of(const Pattern& path) {
  const Pattern::Part& first = path.parts().front();
  if (first.kind == Pattern::Part::Kind::kLiteral) {
    const size_t slash = first.literal.rfind('/');
    if (slash != std::string::npos) return "/" + escaped(first.literal.substr(0, slash)) + "/**";
  }
  std::string shape = "/";
  for (const Pattern::Part& part : path.parts()) {
    const bool literal = part.kind == Pattern::Part::Kind::kLiteral;
    if (literal || !shape.ends_with('*')) shape += literal ? escaped(part.literal) : "*";
  }
  return shape;
}

}  // namespace

std::string example_path(const KindSpec& kind) {
  std::vector<std::string_view> texts;
  for (const FieldSpec& field : kind.fields) texts.emplace_back(field.name);
  const Template path = kind.patterns->path.expand(texts, kind.fields, /*store_tag=*/"");
  constexpr int64_t kSomeTimeMs = 1'767'225'600'000;  // 2026-01-01
  return render(path, {1, kSomeTimeMs, {}});
}

std::vector<std::string> own_path_patterns(const Config& config) {
  std::vector<std::string> patterns = {"/" + std::string(kConfigFile)};
  for (const KindSpec& kind : config.kinds) patterns.push_back(pattern_of(kind.patterns->path));
  std::ranges::sort(patterns);
  const auto repeated = std::ranges::unique(patterns);
  patterns.erase(repeated.begin(), repeated.end());
  return patterns;
}

std::vector<std::string> database_patterns(const Config& config) {
  std::vector<std::string> patterns;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    patterns.push_back("/" + escaped(config.database) + suffix);
  }
  return patterns;
}

}  // namespace syncline
