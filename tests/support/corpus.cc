#include "tests/support/corpus.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace syncline {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): the standard library's distributions differ between
// implementations, and the corpus must not.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }
  uint64_t below(uint64_t bound) { return next() % bound; }

 private:
  uint64_t state_;
};

constexpr std::array<std::string_view, 32> kWords{
    "library", "shared",  "runtime", "development", "files",   "contains", "package",  "provides",
    "tool",    "network", "secure",  "graphical",   "command", "line",     "data",     "format",
    "module",  "support", "system",  "server",      "client",  "parser",   "language", "bindings",
    "the",     "for",     "and",     "with",        "of",      "this",     "is",       "a"};
constexpr std::array<std::string_view, 6> kForeignWords{"библиотека", "文書",  "ライブラリ",
                                                        "für",        "مكتبة", "🚀"};
constexpr std::array<std::string_view, 6> kSections{"libs",  "admin",  "net",
                                                    "utils", "python", "games"};

std::string description(Random& random) {
  const bool foreign = random.below(50) == 0;
  uint64_t words = 30 + random.below(120);
  if (random.below(100) == 0) words = 2000 + random.below(4000);
  std::string text;
  for (uint64_t word = 0; word < words; ++word) {
    if (word > 0) text += word % 12 == 0 ? '\n' : ' ';
    if (foreign && random.below(5) == 0) {
      text += kForeignWords[random.below(kForeignWords.size())];
    } else {
      text += kWords[random.below(kWords.size())];
    }
  }
  return text;
}

}  // namespace

std::string json_quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      quoted += '\\';
      quoted += character;
    } else if (byte < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", byte);
      quoted += escape.data();
    } else {
      quoted += character;
    }
  }
  return quoted + "\"";
}

std::string package_line(uint64_t number, uint64_t seed) {
  Random random(seed * 1'000'003 + number);
  const std::string name = std::string(kWords[random.below(24)]) + "-" +
                           std::string(kWords[random.below(24)]) + std::to_string(number % 97);
  const std::string version =
      std::to_string(random.below(9)) + "." + std::to_string(random.below(40)) + "-1";
  std::string line = R"({"kind":"package","key":)";
  line += json_quoted("package-" + std::to_string(seed) + "-" + std::to_string(number));
  line += R"(,"fields":{"name":)" + json_quoted(name);
  line += R"(,"version":)" + json_quoted(version);
  line += R"(,"architecture":"amd64","section":)" +
          json_quoted(std::string(kSections[random.below(kSections.size())]));
  line += R"(,"priority":"optional","maintainer":"Someone <someone@example.org>")";
  line += R"(,"homepage":"https://example.org/)" + name + "\"";
  line += R"(,"description":)" + json_quoted(description(random)) + "}}\n";
  return line;
}

std::string package_corpus(uint64_t count, uint64_t seed, uint64_t first) {
  std::string corpus;
  for (uint64_t number = first; number < first + count; ++number) {
    corpus += package_line(number, seed);
  }
  return corpus;
}

std::vector<HostileText> hostile_texts() {
  using namespace std::string_literals;
  return {
      {"Chinese", "数据库写入失败：事务回滚"},
      {"Cyrillic", "Ошибка записи в журнал"},
      {"Emoji", "🚀🔥 deploy broke 👩‍👩‍👧‍👦"},
      {"RightToLeft", "\u202Eفشل الكتابة\u202C שלום"},
      {"ZeroWidth", "a\u200Cb\u200D\uFEFFc"},
      {"FiveHundredCharacters", std::string(500, 'x')},
      {"FiveHundredWideCharacters",
       [] {
         std::string text;
         for (int count = 0; count < 500; ++count) text += "漢";
         return text;
       }()},
      {"Quotes", R"(it's "quoted" `twice` \ once)"},
      {"SqlInjection", "'; DROP TABLE notes; --"},
      {"ShellInjection", "$(touch pwned) `touch pwned` ; touch pwned | touch pwned & touch pwned"},
      {"Newlines", "first\nsecond\r\nthird"},
      {"TrailerForgery", "x\n\nSyncline-Range: 1-999999\nSyncline-Store: 00"},
      {"ControlCharacters", "bell\a back\b escape\x1b[2J tab\t"},
      {"Nul", "before\0after"s},
      {"InvalidUtf8", "\xff\xfe broken \xc3(", false},
      {"OverlongUtf8", "\xc0\xaf..\xc0\xaf", false},
      {"SurrogateUtf8", "\xed\xa0\x80", false},
      {"ParentDirectories", "../../x"},
      {"AbsolutePath", "/etc/passwd"},
      {"GitHook", ".git/hooks/x"},
      {"GitHfs", ".g\u200Cit/config"},
      {"GitNtfs", "GIT~1/config"},
      {"WindowsDevice", "CON"},
      {"Dots", "...."},
      {"OnlyPunctuation", "!!!,,,;;;///"},
      {"Spaces", "   "},
      {"Dash", "-rf --help --store=/"},
      {"Percent", "%s%n%d {} {0}"},
      {"TemplateSlots", "{id} {path} {{title}} ${title}"},
      {"MarkdownBreaks", "---\ntitle: other\n---\n# H"},
  };
}

}  // namespace syncline
