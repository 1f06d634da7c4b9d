// How one attempt at a piece of work ended: the only way in which this directory says "again".
//
// People change the work tree while records are applied to it, so a path may have changed between
// the look at it and the act. Whoever notices answers kRedo. That is no error: what was seen is
// stale, nothing else is wrong. Whoever made the attempt undoes it (rolls its transaction back,
// drops its directory handles) and makes another one, which looks at everything anew. After
// kAttemptsMax attempts it gives up with keeps_changing().
//
// What an abandoned attempt has written already is found by the next one, as after a death: its
// files and sections by their bytes, its decisions in the journal.
#pragma once

#include <cstdint>

#include "syncline/result.h"

namespace syncline {

enum class [[nodiscard]] Attempt : uint8_t { kDone, kRedo };

inline constexpr int kAttemptsMax = 8;

// kBusy: every attempt found the work tree changed.
Error keeps_changing();

}  // namespace syncline
