#include "tools/arguments.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

TEST(Arguments, SecondsTakeFractions) {
  EXPECT_EQ(parse_seconds("timeout", "10").value(), 10'000);
  EXPECT_EQ(parse_seconds("timeout", "0.25").value(), 250);
  EXPECT_EQ(parse_seconds("timeout", ".5").value(), 500);
  EXPECT_EQ(parse_seconds("timeout", "0").value(), 0);
}

TEST(Arguments, ATinyTimeLimitIsNotNone) {
  EXPECT_EQ(parse_seconds("timeout", "0.0001").value(), 1);
}

TEST(Arguments, AHugeTimeLimitIsCappedNotOverflowing) {
  EXPECT_EQ(parse_seconds("timeout", "1e300").value(), kTimeoutMsMax);
}

TEST(Arguments, SecondsRefuseWhatIsNoTime) {
  for (const char* text : {"", "x", "-1", "nan", "inf", "1s", " 1", "1 ", "0x10"}) {
    const auto parsed = parse_seconds("timeout", text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    EXPECT_NE(parsed.error().message.find("--timeout"), std::string::npos);
  }
}

TEST(Arguments, NumbersAreDecimalDigitsOnly) {
  EXPECT_EQ(parse_number("--from", "010").value(), 10u);
  EXPECT_EQ(parse_number("--from", "18446744073709551615").value(), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", "0x10", "1.0", "1 ", "18446744073709551616"}) {
    EXPECT_FALSE(parse_number("--from", text)) << text;
  }
}

TEST(Arguments, ListsNameTheBadPart) {
  EXPECT_EQ(parse_number_list("--levels", "5,10,50", 1000).value(),
            (std::vector<uint64_t>{5, 10, 50}));
  for (const char* text : {"", "5,", ",5", "5,,6", "0", "1001", "5;6"}) {
    EXPECT_FALSE(parse_number_list("--levels", text, 1000)) << text;
  }
}

TEST(Arguments, OnlyDoubleDashAndALetterIsAnOption) {
  EXPECT_TRUE(split_option("--title"));
  EXPECT_EQ(split_option("--title=a=b")->name, "title");
  EXPECT_EQ(*split_option("--title=a=b")->value, "a=b");
  EXPECT_EQ(*split_option("--title=")->value, "");
  for (const char* text : {"-", "--", "---", "--- a", "-x", "-5", "--5", "-- x", "--a b", "a", "",
                           "--\xc3\xa9", "--=x"}) {
    EXPECT_FALSE(split_option(text)) << text;
  }
}

TEST(Arguments, GlobalOptionsAreTakenInBothForms) {
  GlobalOptions globals;
  size_t index = 0;
  const std::vector<std::string> arguments{"--store",       "/a b", "--json", "--timeout=2.5",
                                           "--store=/last", "-h",   "verb"};
  while (take_global_option(arguments, index, globals).value()) {
  }
  EXPECT_EQ(index, 6u);
  EXPECT_EQ(*globals.store, "/last");
  EXPECT_EQ(*globals.timeout_ms, 2500);
  EXPECT_TRUE(globals.json);
  EXPECT_TRUE(globals.help);
  EXPECT_FALSE(globals.version);
}

TEST(Arguments, AFlagWithAValueIsRefused) {
  GlobalOptions globals;
  size_t index = 0;
  EXPECT_FALSE(take_global_option({"--json=yes"}, index, globals));
}

TEST(Arguments, AForgottenValueDoesNotEatTheNextOption) {
  GlobalOptions globals;
  size_t index = 0;
  const auto taken = take_global_option({"--store", "--json"}, index, globals);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().hint.find("--store=--json"), std::string::npos);
}

}  // namespace
}  // namespace syncline
