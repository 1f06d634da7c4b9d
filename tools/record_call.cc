#include "tools/record_call.h"

#include <fmt/format.h>

#include <string>

#include "journal/base/clock.h"

namespace syncline {
namespace {

std::string kept_sentence(Code code) {
  return code == Code::kOutcomeUnknown ? "the record may or may not be in; nothing else was changed"
                                       : "nothing was written";
}

}  // namespace

int fail_short_of_stage(const Session& session, Store& store, const Receipt& receipt, Stage wait,
                        std::string_view besides) {
  Error error = make_error(
      Code::kTimeout,
      fmt::format("seq {} was recorded, but is not {} yet", receipt.seq, stage_name(wait)),
      "it is not lost and comes by itself or by `syncline sync`; do not record it again");
  error.seq = receipt.seq;
  if (receipt.stage >= Stage::kApplied) {
    const auto status = store.status();
    if (status && status->git != "ok") {
      error.message += ": " + status->git;
      error.hint =
          "it is not lost: once that is over, the next call or `syncline sync` brings it there; do "
          "not record it again";
    }
  }
  error.message += besides;
  return session.fail(error, {}, std::string(stage_name(receipt.stage)));
}

int fail_record(const Session& session, Store& store, const Error& error) {
  if (error.seq == 0) return session.fail(error, kept_sentence(error.code));
  const auto receipt = store.show(error.seq);
  const Stage stage = receipt ? receipt->stage : Stage::kJournaled;
  return session.fail(error, {}, std::string(stage_name(stage)));
}

void lend_a_hand(Store& store, const Session& session, Deadline deadline) {
  if (system_clock().passed(deadline)) return;
  if (const Status lent = store.lend_a_hand(); !lent) {
    session.note(
        fmt::format("what is recorded is safe; what comes after waits: {}", lent.error().message));
  }
}

}  // namespace syncline
