// `git push` of the branch and the own ref, by the git program, with which the user's credentials,
// proxies and hooks work. Never forced: the own ref has one writer and always fast-forwards, and a
// branch that does not has somebody else's work, which must be fetched first.
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

  // kNotFound without the remote; kRetryLater, with git's own words, where the push was refused or
  // the remote could not be reached; kTimeout when the deadline passed, and what had arrived by
  // then stays there. kUnsupported, with git's reason and remedy, where git refuses to work in this
  // repository (another user's), before a hook of that repository could run.
  Status push(Deadline deadline);
  // How far the remote has the branch, as of the last push or fetch; empty without a remote.
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
