// A failure as the command reports it: what happened, what was kept, what to try.
#pragma once

#include <string>
#include <string_view>

#include "syncline/result.h"

namespace syncline {

struct Failure {
  Error error;
  std::string kept;   // what is unchanged or safe; empty where nothing was at stake
  std::string stage;  // reached by the record error.seq; empty without one
};

// The same for a user who has just run `syncline repair`: a hint to run it would lead back to
// itself.
inline constexpr std::string_view kBeyondRepairHint =
    "put .git/syncline/journal back from a backup, or see what `syncline repair --accept-loss "
    "--dry-run` would give up";
Error hint_beyond_repair(Error error);

// Lines for people, each ended by a newline.
std::string failure_text(const Failure& failure);

}  // namespace syncline
