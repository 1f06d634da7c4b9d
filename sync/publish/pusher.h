// `git push` of the branch and the own ref, by the git program: there people's credentials, proxies
// and hooks work. Never forced: the own ref has one writer and always fast-forwards; a branch that
// does not is somebody else's work to be fetched first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include "sync/context/sync_context.h"
#include "syncline/result.h"

namespace syncline {

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
