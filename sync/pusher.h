// `git push` of the branch and the own ref, by the git program: there people's credentials, proxies
// and hooks work. Never forced: the own ref has one writer and always fast-forwards; a branch that
// does not is somebody else's work to be fetched first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "journal/result.h"
#include "sync/sync_context.h"

namespace syncline {

// What was pushed, and where to: a cache for the case that a person squashed our commits, so that
// their trailers no longer tell. Written without a sync, believed only while the tip is the same.
inline constexpr std::string_view kPushedFile = "pushed";

class Pusher {
 public:
  explicit Pusher(SyncContext& context) : context_(context) {}

  // kNotFound without the remote; kRetryLater where it was refused or could not be reached, with
  // what git said; kTimeout when the deadline passed: what had arrived stays there. kUnsupported
  // where git refuses to work in this repository at all (another user's): with git's own reason and
  // remedy, before a hook of that repository could run.
  Status push(Deadline deadline);
  // Up to where the remote has the branch, as of the last push or fetch; nothing without a remote.
  Result<std::optional<uint64_t>> pushed();

 private:
  Result<bool> has_remote();
  Status ask_git(Deadline deadline);
  // "refs/remotes/<remote>/<branch>"
  std::string tracking_ref() const;

  SyncContext& context_;
  ObjectId known_tip_;  // of the tracking ref, and what it holds
  uint64_t known_pushed_ = 0;
};

}  // namespace syncline
