#include "sync/publish/push_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sync/git/commit_text.h"
#include "sync/git/git_words.h"

namespace syncline {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "!\trefs/heads/main:refs/heads/main\t[remote rejected] (hook declined)"
bool read_ref_line(std::string_view line, RefAnswer& answer) {
  const size_t names = line.find('\t');
  if (names != 1) return false;
  const size_t summary = line.find('\t', names + 1);
  if (summary == std::string_view::npos) return false;
  const std::string_view both = line.substr(names + 1, summary - names - 1);
  const size_t colon = both.rfind(':');
  if (colon == std::string_view::npos) return false;
  answer.ref = both.substr(colon + 1);
  answer.arrived = line.front() != '!';
  std::string_view reason = line.substr(summary + 1);
  if (const size_t open = reason.find('('); open != std::string_view::npos) {
    reason = reason.substr(open + 1, reason.rfind(')') - open - 1);
  }
  if (!answer.arrived) answer.reason = one_line(reason);
  return true;
}

}  // namespace

// Git finds this before it sends anything.
bool RefAnswer::is_behind() const {
  return !arrived && (reason == "fetch first" || reason == "non-fast-forward");
}

// And the remote this, of two pushes at once.
bool RefAnswer::is_a_race() const {
  constexpr auto kReasons = std::to_array<std::string_view>(
      {"failed to update ref", "incorrect old value provided", "cannot lock ref",
       "reference already exists", "failed to lock"});
  return !arrived &&
         std::ranges::any_of(kReasons, [this](std::string_view part) { return has(reason, part); });
}

const RefAnswer* PushAnswer::find(std::string_view ref) const {
  const auto found = std::ranges::find(refs, ref, &RefAnswer::ref);
  return found == refs.end() ? nullptr : &*found;
}

PushAnswer parse_push_answer(std::string_view output, std::string_view error_text) {
  PushAnswer answer;
  while (!output.empty()) {
    RefAnswer ref;
    if (read_ref_line(take_line(output), ref)) answer.refs.push_back(std::move(ref));
  }
  constexpr std::string_view kRemote = "remote: ";
  for (std::string_view rest = error_text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (!line.starts_with(kRemote)) continue;
    const std::string words = one_line(line.substr(kRemote.size()));
    if (words.empty()) continue;
    if (!answer.remote_said.empty()) answer.remote_said += "; ";
    answer.remote_said += words;
  }
  return answer;
}

std::string refused_ref_hint(const RefAnswer& refused, bool is_own_ref, std::string_view remote) {
  if (has(refused.reason, "currently checked out")) {
    return "push to a bare repository, or let that one take it: git -C <its directory> config "
           "receive.denyCurrentBranch updateInstead";
  }
  if (has(refused.reason, "shallow")) return fmt::format("git fetch --unshallow {}", remote);
  if (is_own_ref) {
    return fmt::format(
        "whoever runs {} can let it take refs/syncline/* (transfer.hideRefs, receive.hideRefs, its "
        "hooks and protection rules); until then the store's own ref has no copy there",
        remote);
  }
  return fmt::format(
      "whoever runs {0} can let you push to it, or name a branch that it takes: check that out and "
      "set [sync] branch in syncline.toml",
      remote);
}

std::string unanswered_hint(std::string_view said, std::string_view remote) {
  if (std::string remedy = safe_directory_remedy(said); !remedy.empty()) return remedy;
  if (has(said, "does not appear to be a git repository") || has(said, "not found") ||
      has(said, "does not exist")) {
    return fmt::format("git remote get-url {0}; git remote set-url {0} URL", remote);
  }
  return fmt::format("git ls-remote {} shows whether it can be reached; then try again", remote);
}

}  // namespace syncline
