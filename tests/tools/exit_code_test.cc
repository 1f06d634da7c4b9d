#include "tools/exit_code.h"

#include <gtest/gtest.h>

#include <cerrno>

#include <map>

#include "engine/store/default_hint.h"
#include "tools/failure.h"

namespace syncline {
namespace {

// The table callers rely on, written out a second time on purpose.
const std::map<Code, int>& promised_codes() {
  static const std::map<Code, int> codes{
      {Code::kInvalid, 64},   {Code::kKeyConflict, 64},    {Code::kNotFound, 1},
      {Code::kExists, 1},     {Code::kNoStore, 10},        {Code::kTimeout, 11},
      {Code::kBusy, 75},      {Code::kCorrupt, 12},        {Code::kDisagree, 12},
      {Code::kUnsafePath, 6}, {Code::kOutcomeUnknown, 74}, {Code::kRetryLater, 75},
      {Code::kReadOnly, 1},   {Code::kUnsupported, 1},     {Code::kIo, 1},
      {Code::kInternal, 1},
  };
  return codes;
}

TEST(ExitCode, EveryErrorHasItsPromisedCode) {
  for (const auto& [code, expected] : promised_codes()) {
    EXPECT_EQ(to_int(exit_code(make_error(code, "x"))), expected) << code_name(code);
  }
  // All codes are in the table: the last one is kInternal.
  EXPECT_EQ(promised_codes().size(), static_cast<size_t>(Code::kInternal) + 1);
}

TEST(ExitCode, WhatPassesByItselfIsRetryLater) {
  for (const int sys_errno : {ENOSPC, EDQUOT, EFBIG, EROFS}) {
    EXPECT_EQ(to_int(exit_code(errno_error(sys_errno, "write"))), 75) << sys_errno;
  }
}

TEST(ExitCode, EveryErrorEndsInWhatToTry) {
  for (const auto& [code, expected] : promised_codes()) {
    const std::string text =
        failure_text({.error = make_error(code, "what happened"), .kept = {}, .stage = {}});
    const size_t last_line = text.rfind('\n', text.size() - 2) + 1;
    EXPECT_TRUE(text.substr(last_line).starts_with("  try:  ")) << code_name(code) << ": " << text;
  }
}

// verify prints these too, and it is verify that names what is damaged.
TEST(ExitCode, NoHintSendsToVerify) {
  for (const auto& [code, expected] : promised_codes()) {
    EXPECT_EQ(default_hint(code).find("syncline verify"), std::string_view::npos)
        << code_name(code);
  }
}

TEST(ExitCode, NoHintOfRepairSendsToRepair) {
  for (const Code code : {Code::kCorrupt, Code::kDisagree}) {
    for (const char* hint : {"", "`syncline repair --dry-run` says what can be mended",
                             "`syncline repair`, or else `syncline repair --accept-loss`"}) {
      EXPECT_EQ(hint_beyond_repair(make_error(code, "damaged", hint)).hint, kBeyondRepairHint);
    }
    for (const char* hint : {"check the disk", "run `syncline repair --accept-loss` again"}) {
      EXPECT_EQ(hint_beyond_repair(make_error(code, "damaged", hint)).hint, hint);
    }
  }
  EXPECT_EQ(hint_beyond_repair(make_error(Code::kBusy, "held")).hint, "");
}

TEST(ExitCode, AFileSystemThatIsReadOnlyMayNotStaySo) {
  EXPECT_EQ(to_int(exit_code(errno_error(EROFS, "write"))), 75);
  EXPECT_EQ(to_int(exit_code(make_error(Code::kReadOnly, "made by replay"))), 1);
}

TEST(ExitCode, TwoIsNeverUsedAndFailureIsNeverZero) {
  for (int value = 0; value <= static_cast<int>(Code::kInternal); ++value) {
    for (const uint64_t seq : {0u, 7u}) {
      Error error = make_error(static_cast<Code>(value), "x");
      error.seq = seq;
      EXPECT_NE(to_int(exit_code(error)), 2);
      EXPECT_NE(to_int(exit_code(error)), 0);
    }
  }
}

TEST(ExitCode, ADurableRecordNeverAnswersNothingWritten) {
  for (const auto& [code, plain] : promised_codes()) {
    Error error = make_error(code, "x");
    error.seq = 12;
    const int answered = to_int(exit_code(error));
    EXPECT_NE(answered, 1) << code_name(code);
    EXPECT_NE(answered, 75) << code_name(code);
    if (plain != 1 && plain != 75) {
      EXPECT_EQ(answered, plain) << code_name(code);
    }
  }
}

TEST(ExitCode, SignalsAnswerAsShellsWriteThem) {
  EXPECT_EQ(exit_code_for_signal(2), 130);
  EXPECT_EQ(exit_code_for_signal(15), 143);
}

}  // namespace
}  // namespace syncline
