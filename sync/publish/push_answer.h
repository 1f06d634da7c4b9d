// What `git push --porcelain` said: which refs the remote took, why not the others, and what a
// person can do about it.
//
// Pure. Threading: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline {

struct RefAnswer {
  std::string ref;  // full name, at the remote
  bool arrived = false;
  std::string reason;      // why not, in git's or the remote's words
  bool is_behind() const;  // the remote has commits there that are not in what was pushed
  bool is_a_race() const;  // somebody was moving it at that moment: which way is not known yet
};

struct PushAnswer {
  std::vector<RefAnswer> refs;  // none where git did not come to ask the remote for any
  std::string remote_said;      // what the remote's own hooks said, one line

  const RefAnswer* find(std::string_view ref) const;
};

PushAnswer parse_push_answer(std::string_view output, std::string_view error_text);

// What to try where a remote does not take a ref for this reason.
std::string refused_ref_hint(const RefAnswer& refused, bool is_own_ref, std::string_view remote);
// What to try where the remote could not be asked at all. `said`: git's words, all lines.
std::string unanswered_hint(std::string_view said, std::string_view remote);

}  // namespace syncline
