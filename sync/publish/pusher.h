// `git push` of the branch and the own ref, by the git program, with which the user's credentials,
// proxies and hooks work. Never forced: the own ref has one writer and always fast-forwards, and a
// branch that does not has somebody else's work. That is fetched and brought in (remote_merge.h),
// and then the push is tried again, a few times, since somebody may push again meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/publish/push_answer.h"
#include "syncline/result.h"

namespace syncline {

class Pusher {
 public:
  explicit Pusher(SyncContext& context) : context_(context) {}

  // Does the work while nobody writes into the work tree, with everything published before it.
  using Alone = std::function<Status(const std::function<Status(OutcomeSource&)>& work)>;

  // kNotFound without the remote; kRetryLater, with the words of git and of the remote, where the
  // remote took not every ref, or could not be reached, or a person has to settle what cannot be
  // merged; kTimeout when the deadline passed. What had arrived by then stays there, and is noted.
  // kDisagree where the remote has records of this store that this store has not. kUnsupported,
  // with git's reason and remedy, where git refuses to work in this repository (another user's),
  // before a hook of that repository could run.
  Status push(Deadline deadline, const Alone& alone);
  // Sentences for people about what the last pushes have brought in.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

  // How far the remote has the branch, as of the last push or fetch; empty without a remote. What
  // somebody has taken away there since, by force, does not count any more.
  Result<std::optional<uint64_t>> pushed();

 private:
  struct Noted {  // what the remote had after our last push
    ObjectId tip;
    uint64_t seq = 0;
  };
  Result<bool> has_remote();
  // Whether a push and a fetch keep the remote's branches below refs/remotes.
  Result<bool> tracks_branches();
  Status ask_git(Deadline deadline);
  // One try. Empty where there is nothing to push. What is held (ignored_paths.h) stays here.
  Result<std::optional<PushAnswer>> try_push(bool own_is_held, Deadline deadline);
  Error refusal(const PushAnswer& answer) const;
  Status note_arrival(const ObjectId& tip);
  Result<Noted> noted();
  Result<uint64_t> seq_at(const ObjectId& tip, const Noted& last);
  Result<uint64_t> seq_by_trailers(const ObjectId& tip);
  uint64_t known_here(uint64_t seq) const;

  SyncContext& context_;
  std::vector<std::string> notes_;
  ObjectId known_tip_;        // of the remote's branch, and what it holds
  ObjectId known_published_;  // the commit published last, when that was looked at
  uint64_t known_pushed_ = 0;
};

}  // namespace syncline
