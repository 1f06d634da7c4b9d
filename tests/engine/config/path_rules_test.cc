#include "engine/config/path_rules.h"
#include "engine/config/slug.h"
#include "engine/config/utf8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace syncline {
namespace {

void expect_refused(const std::string& path) {
  const Status status = check_path(path);
  ASSERT_FALSE(status) << path;
  EXPECT_EQ(status.error().code, Code::kUnsafePath) << path;
  EXPECT_TRUE(is_valid_utf8(status.error().message)) << path;
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos) << path;
}

TEST(CheckPath, PlainPathsPass) {
  for (const std::string path :
       {"notes/0000/hello-1.md", "a", "memory/heuristics/c.md", "a b/c.d.e", ".memory/x", "x.git/y",
        "git/y", ".gitx", ".github/workflows/x.yml", "com/x", "lpt10.md", "con-1.md", "console.txt",
        "aux1", "日本語/файл.md", "a~b", "..a/b..c"}) {
    const Status status = check_path(path);
    EXPECT_TRUE(status) << path << ": " << (status ? "" : status.error().message);
  }
}

TEST(CheckPath, LeavingTheStoreIsRefused) {
  for (const std::string path : {"", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", ".", "./a",
                                 "a/./b", "a//b", "a/", "a/../../../etc/passwd"}) {
    expect_refused(path);
  }
}

TEST(CheckPath, WhateverReadsAsDotGitIsRefused) {
  for (const std::string path : {".git",
                                 ".git/hooks/x",
                                 "a/.git/x",
                                 ".GIT/config",
                                 ".Git",
                                 "git~1",
                                 "GIT~1/x",
                                 "a/git~2",
                                 ".git.",
                                 ".git ",
                                 ".git. . ",
                                 ".git...",
                                 ".git::$INDEX_ALLOCATION/x",
                                 ".git:x",
                                 ".g\u200cit/x",
                                 "\u202e.git",
                                 ".gi\ufefft",
                                 ".git\u200d",
                                 ".\u206agit",
                                 "a\\.git\\x",
                                 ".git\\x"}) {
    expect_refused(path);
  }
}

TEST(CheckPath, FilesThatGitActsUponAreRefused) {
  for (const std::string path :
       {".gitmodules", ".gitattributes", ".gitignore", "a/.gitignore", ".GitModules", "gitmod~1",
        "gi7eba~1", "GI7D29~1", "~1000000", ".gitmodules ", ".gitmodules:$DATA"}) {
    expect_refused(path);
  }
}

TEST(CheckPath, WhatWindowsReadsOtherwiseIsRefused) {
  for (const std::string path :
       {"con",     "CON",       "con.md",  "a/prn/b", "aux.tar.gz", "nul", "com1", "COM9.txt",
        "lpt1.md", "com\u00b9", "con .md", "CONIN$",  "conout$.x",  "a.",  "a ",   "a/b./c",
        "a?b",     "a*b",       "a<b",     "a|b",     "a\"b",       "c:x"}) {
    expect_refused(path);
  }
}

TEST(CheckPath, WhatTurnsTheTextAroundItIsRefused) {
  for (const std::string turn : {"\u061c", "\u200f", "\u202e", "\u2066", "\u2067", "\u2069"}) {
    EXPECT_FALSE(check_path("a" + turn + "gpj.md")) << turn;
  }
}

TEST(CheckPath, ControlCharactersAndBadTextAreRefused) {
  for (const std::string& path :
       {std::string("a\nb"), std::string("a\tb"), std::string("a\0b", 3), std::string("a\x7f"),
        std::string("a\u0085"), std::string("a\u2028"), std::string("a\xff"), std::string("\xc3"),
        std::string("\xed\xa0\x80")}) {
    expect_refused(path);
  }
}

TEST(CheckPath, OptionsAndLongNamesAreRefused) {
  expect_refused("-rf");
  expect_refused("a/--exec=x");
  expect_refused(std::string(kPathComponentBytesMax + 1, 'a'));
  EXPECT_TRUE(check_path(std::string(kPathComponentBytesMax, 'a')));
  std::string longest;
  while (longest.size() < kPathBytesMax) longest += "abcdefg/";
  longest.resize(kPathBytesMax - 1);
  longest += 'x';
  EXPECT_TRUE(check_path(longest));
  expect_refused(longest + "y");
}

TEST(Slug, IsLowerCaseAsciiWithSingleDashes) {
  EXPECT_EQ(slug("Hello, World!", 100, "title"), "hello-world");
  EXPECT_EQ(slug("  --a__b--  ", 100, "title"), "a-b");
  EXPECT_EQ(slug("../../x", 100, "title"), "x");
  EXPECT_EQ(slug(".git/hooks/x", 100, "title"), "git-hooks-x");
  EXPECT_EQ(slug("'; DROP TABLE notes; --", 100, "title"), "drop-table-notes");
  EXPECT_EQ(slug("$(rm -rf /)", 100, "title"), "rm-rf");
  EXPECT_EQ(slug("libstdc++6", 100, "name"), "libstdc-6");
  EXPECT_EQ(slug("日本 x 語", 100, "title"), "x");
}

TEST(Slug, IsCutWithoutADashAtItsEnd) {
  EXPECT_EQ(slug("abc def", 4, "title"), "abc");
  EXPECT_EQ(slug("abc def", 5, "title"), "abc-d");
  EXPECT_EQ(slug(std::string(500, 'x'), 100, "title"), std::string(100, 'x'));
}

TEST(Slug, NothingLeftBecomesFieldAndHash) {
  const std::string chinese = slug("你好", 100, "title");
  EXPECT_EQ(chinese.size(), 14u);
  EXPECT_TRUE(chinese.starts_with("title-")) << chinese;
  EXPECT_NE(chinese, slug("再见", 100, "title"));
  EXPECT_EQ(chinese, slug("你好", 100, "title"));
  EXPECT_TRUE(slug("", 100, "title").starts_with("title-"));
  EXPECT_TRUE(slug("…", 100, "file_name").starts_with("file-name-"));
  EXPECT_LE(slug("你好", 12, "a_long_field_name").size(), 12u);
  EXPECT_EQ(slug("你好", 8, "title").size(), 8u);
}

TEST(Slug, DeviceNamesAreMadeOthers) {
  for (const std::string text : {"con", "AUX", "nul", "com1", "LPT9", "(prn)"}) {
    const std::string result = slug(text, 100, "domain");
    EXPECT_TRUE(check_path(result + ".md")) << result;
    EXPECT_GT(result.size(), 8u) << result;
  }
}

TEST(Slug, AnyBytesGiveASafeComponent) {
  std::mt19937_64 random(7);
  const std::string alphabet = "aZ09-_./\\~: \n\t\0gitGITcon\xc3\xa9\xe2\x80\x8c\xff$'\"";
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text) {
      c = random() % 4 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    }
    const size_t length_max = 8 + random() % 100;
    const std::string result = slug(text, length_max, "title");
    ASSERT_FALSE(result.empty());
    ASSERT_LE(result.size(), length_max);
    ASSERT_NE(result.front(), '-');
    ASSERT_NE(result.back(), '-');
    ASSERT_EQ(result.find("--"), std::string::npos);
    ASSERT_TRUE(std::ranges::all_of(result, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }));
    ASSERT_TRUE(check_path(result)) << result;
    ASSERT_TRUE(check_path(result + ".md")) << result;
  }
}

TEST(Utf8, OnlyScalarValuesInShortestFormAreValid) {
  for (const std::string text :
       {"", "a", "é", "\u07ff", "\u0800", "\xed\x9f\xbf", "\ue000", "\uffff", "\U00010000",
        "\U0010ffff", "ascii and é and more ascii"}) {
    EXPECT_TRUE(is_valid_utf8(text));
  }
  for (const std::string text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "12345678\xff", "1234567\xc3"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
  EXPECT_EQ(utf8_length("aé你😀"), 4u);
}

// Every sequence of up to three bytes, against the definition by decoding and encoding again.
TEST(Utf8, ValidityAgreesWithDecodingForAllShortSequences) {
  const auto encode = [](uint32_t code) {
    std::string out;
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
      out += static_cast<char>(0xe0 | (code >> 12));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
    return out;
  };
  std::vector<bool> three(1u << 24), two(1u << 16);
  const auto number = [](const std::string& bytes) {
    size_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  };
  for (uint32_t code = 0x80; code < 0x10000; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const std::string bytes = encode(code);
    (bytes.size() == 2 ? two : three)[number(bytes)] = true;
  }
  for (uint32_t value = 0; value < 1u << 24; ++value) {
    const char bytes[] = {static_cast<char>(value >> 16), static_cast<char>(value >> 8),
                          static_cast<char>(value)};
    const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    const bool expected = three[value] || (ascii(bytes[0]) && two[value & 0xffff]) ||
                          (ascii(bytes[2]) && two[value >> 8]) ||
                          (ascii(bytes[0]) && ascii(bytes[1]) && ascii(bytes[2]));
    ASSERT_EQ(is_valid_utf8({bytes, 3}), expected) << value;
  }
}

}  // namespace
}  // namespace syncline
