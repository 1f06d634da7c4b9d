// The files of a journal beside its segments, in the store's directory (.git/syncline).
#pragma once

#include <string_view>

namespace syncline {

inline constexpr std::string_view kControlName = "control";
inline constexpr std::string_view kAppendLockName = "append.lock";
inline constexpr std::string_view kFlushLockName = "flush.lock";
inline constexpr std::string_view kOpenLockName =
    "open.lock";  // shared by who has the journal open

// Whose claim the control page's durable mark is, in messages.
inline constexpr std::string_view kPageClaim = "durable mark of the control page";

}  // namespace syncline
