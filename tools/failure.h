// A failure as the command tells it: what happened, what was kept, what to try.
#pragma once

#include <string>
#include <string_view>

#include "syncline/result.h"

namespace syncline {

struct Failure {
  Error error;
  std::string kept;   // what stays as it was, or what is safe; empty where nothing was at stake
  std::string stage;  // reached by the record error.seq; empty without one
};

// What to try where the error itself does not say.
std::string_view default_hint(Code code);

// For who has asked `syncline repair` already: a hint that sends there leads back to itself.
inline constexpr std::string_view kBeyondRepairHint =
    "put .git/syncline/journal back from a backup, or see what `syncline repair --accept-loss "
    "--dry-run` would give up";
Error hint_beyond_repair(Error error);

// Lines for people, each ended by a newline.
std::string failure_text(const Failure& failure);

}  // namespace syncline
