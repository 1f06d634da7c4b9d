#include "tools/console.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

TEST(Printable, TextOfAnyLanguageStays) {
  EXPECT_EQ(printable("naïve 日本語 🙂"), "naïve 日本語 🙂");
}

TEST(Printable, EscapeSequencesCannotReachATerminal) {
  EXPECT_EQ(printable("\033[2J\a\r\n"), "\\x1b[2J\\x07\\x0d\\x0a");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("a\u061cb\u202e"), "a\\u{61c}b\\u{202e}");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{9b}31m");  // CSI as one C1 character
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "txt"),
            "\\u{202e}txt");  // right-to-left override
}

TEST(Printable, BrokenUtf8ShowsItsBytes) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

}  // namespace
}  // namespace syncline
