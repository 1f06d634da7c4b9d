#include "sync/publish/pusher.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "journal/base/backoff.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit_text.h"
#include "sync/git/git_config.h"
#include "sync/git/git_paths.h"
#include "sync/git/git_words.h"
#include "sync/git/ref_store.h"
#include "sync/git/subprocess.h"
#include "sync/own/own_history.h"
#include "sync/publish/ignored_paths.h"
#include "sync/publish/remote_merge.h"

namespace syncline {
namespace {

// How often somebody may have pushed before us.
constexpr BackoffLimits kPushLimits = {
    .first_ns = 50'000'000, .longest_ns = 2'000'000'000, .tries_max = 8};

}  // namespace

Result<bool> Pusher::has_remote() {
  TRY_ASSIGN(const std::optional<std::string> text, read_small_file(context_.common_dir, "config"));
  const GitConfig config = GitConfig::parse(text.value_or(""));
  return config.get("remote." + context_.options.remote + ".url").has_value();
}

Result<bool> Pusher::tracks_branches() {
  TRY_ASSIGN(const std::optional<std::string> text, read_small_file(context_.common_dir, "config"));
  const std::string& remote = context_.options.remote;
  const auto fetch = GitConfig::parse(text.value_or("")).get("remote." + remote + ".fetch");
  if (!fetch) return false;
  return fetch->ends_with(fmt::format("refs/heads/*:refs/remotes/{}/*", remote)) ||
         fetch->ends_with(":" + RemoteMerge::tracking_ref(context_.options));
}

Status Pusher::ask_git(Deadline deadline) {
  std::vector<std::string> command = git_command(context_.work_tree);
  command.insert(command.end(), {"rev-parse", "--git-dir"});
  TRY_ASSIGN(const CommandResult result,
             context_.platform.run_command(command, {"LC_ALL=C"}, deadline));
  if (result.exit_code == 0) return {};
  std::string_view said = result.error_text;
  return make_error(
      Code::kUnsupported,
      fmt::format("git refuses to push from {}: {}", context_.work_tree, one_line(take_line(said))),
      safe_directory_remedy(result.error_text));
}

Status Pusher::push(Deadline deadline, const Alone& alone) {
  const std::string& remote = context_.options.remote;
  TRY_ASSIGN(const bool there, has_remote());
  if (!there) {
    return make_error(Code::kNotFound, fmt::format("the repository has no remote {}", remote),
                      fmt::format("git remote add {} URL", remote));
  }
  Backoff backoff(context_.platform.random(), kPushLimits);
  RemoteMerge merge(context_);
  bool own_is_told = false;
  const auto bring_in = [&](OutcomeSource& outcomes) -> Status {
    TRY_ASSIGN(std::string told, merge.bring_in(outcomes, deadline));
    if (!told.empty()) notes_.push_back(std::move(told));
    return {};
  };
  while (true) {
    // Each time: what was folded since the last try may be ignored.
    TRY_ASSIGN(const bool own_is_held, own_ref_is_held(context_));
    if (own_is_held && !std::exchange(own_is_told, true)) {
      notes_.push_back(held_own_ref_sentence(context_.own_ref));
    }
    TRY_ASSIGN(const std::optional<PushAnswer> answer, try_push(own_is_held, deadline));
    if (!answer) return {};
    const bool all = std::ranges::all_of(answer->refs, &RefAnswer::arrived);
    TRY_ASSIGN(const std::optional<uint64_t> seq, pushed());
    // It goes down where somebody has taken away by force what was there.
    if (seq) context_.journal.reset_watermark(Watermark::kPushed, *seq);
    if (all) return {};
    const RefAnswer* const branch = answer->find(context_.options.branch);
    const RefAnswer* const own = answer->find(context_.own_ref);
    const bool own_is_lost = own != nullptr && own->is_behind();
    const bool behind = branch != nullptr && (branch->is_behind() || branch->is_a_race());
    const bool may_pass = behind || (own != nullptr && own->is_a_race());
    if (own_is_lost || !may_pass || !backoff.may_try_again()) return refusal(*answer);
    context_.journal.count_retry(RetryCause::kOther);
    context_.clock.pause_ns(backoff.next_delay_ns());
    if (context_.clock.passed(deadline)) {
      return make_error(Code::kTimeout, "others kept pushing until the time limit", "try again");
    }
    if (!behind) continue;
    TRY_ASSIGN(const Noted last, noted());
    TRY(merge.fetch(last.tip, deadline));
    const Status brought = alone(bring_in);
    // A file that was applied since the publish, and is not tracked yet, may be what was in the
    // way.
    const bool unpublished =
        context_.journal.watermark(Watermark::kApplied) > context_.state.published;
    const bool may_try = unpublished && backoff.may_try_again();
    if (!brought && (brought.error().code != Code::kRetryLater || !may_try)) return brought;
  }
}

Result<std::optional<PushAnswer>> Pusher::try_push(bool own_is_held, Deadline deadline) {
  const std::string& remote = context_.options.remote;
  const std::string& branch = context_.options.branch;
  TRY_ASSIGN(const ObjectId tip, context_.refs.read(branch));
  ObjectId own;
  if (!own_is_held) {
    TRY_ASSIGN(own, context_.refs.read(context_.own_ref));
  }
  std::vector<std::string> command = git_command(context_.work_tree);
  command.insert(command.end(), {"push", "--porcelain", "--no-follow-tags", "--", remote});
  if (!tip.is_zero()) command.push_back(fmt::format("{}:{}", branch, branch));
  if (!own.is_zero()) command.push_back(fmt::format("{}:{}", context_.own_ref, context_.own_ref));
  if (tip.is_zero() && own.is_zero()) return std::optional<PushAnswer>{};
  TRY(ask_git(deadline));
  TRY_ASSIGN(const CommandResult result,
             context_.platform.run_command(command, {"LC_ALL=C"}, deadline));
  PushAnswer answer = parse_push_answer(result.output, result.error_text);
  const RefAnswer* const arrived = answer.find(branch);
  if (!tip.is_zero() && (result.exit_code == 0 || (arrived != nullptr && arrived->arrived))) {
    TRY(note_arrival(tip));
  }
  if (result.exit_code == 0) answer.refs.clear();
  const bool refused = !std::ranges::all_of(answer.refs, &RefAnswer::arrived);
  if (result.exit_code == 0 || refused) return std::optional(std::move(answer));
  return make_error(Code::kRetryLater,
                    fmt::format("git push to {} answered {}: {}", remote, result.exit_code,
                                one_line(result.error_text)),
                    unanswered_hint(result.error_text, remote));
}

Error Pusher::refusal(const PushAnswer& answer) const {
  const std::string& remote = context_.options.remote;
  const RefAnswer* const own = answer.find(context_.own_ref);
  // Our ref has one writer, which only adds to it. If it cannot be fast-forwarded, the remote has
  // it from a copy of this store, or from this store before it was restored from a backup.
  if (own != nullptr && own->is_behind()) {
    return make_error(
        Code::kDisagree,
        fmt::format("{} of the remote {} holds records that this store does not: the store was "
                    "put back from an older copy, or a copy of it has gone on under its name",
                    context_.own_ref, remote),
        "go on above what was pushed, under a new name: `syncline repair --accept-loss`");
  }
  std::string refused, arrived, hint;
  for (const RefAnswer& ref : answer.refs) {
    const std::string_view name = short_branch_name(ref.ref);
    if (ref.arrived) {
      arrived += fmt::format("; {} has arrived", name);
      continue;
    }
    refused += fmt::format("{}{} ({})", refused.empty() ? "" : " and ", name, ref.reason);
    if (!hint.empty()) continue;
    hint = ref.is_behind() || ref.is_a_race()
               ? "others push all the time: try again"
               : refused_ref_hint(ref, ref.ref == context_.own_ref, remote);
  }
  std::string said;
  if (!answer.remote_said.empty()) said = ", saying: " + answer.remote_said;
  return make_error(Code::kRetryLater,
                    fmt::format("the remote {} refused {}{}{}", remote, refused, said, arrived),
                    std::move(hint));
}

// ---- how far the remote has come ----

Status Pusher::note_arrival(const ObjectId& tip) {
  TRY_ASSIGN(const Noted last, noted());
  TRY_ASSIGN(known_pushed_, seq_at(tip, last));
  known_tip_ = tip;
  known_published_ = context_.state.branch_commit;
  const std::string text = fmt::format("{} {} {} {}\n", context_.options.remote,
                                       context_.options.branch, tip.hex(), known_pushed_);
  return replace_file(context_.store_directory, kPushedFile, as_bytes(text), /*durable=*/false);
}

Result<Pusher::Noted> Pusher::noted() {
  TRY_ASSIGN(const std::optional<std::string> text,
             read_small_file(context_.store_directory, kPushedFile));
  std::istringstream words(text.value_or(""));
  std::string remote, branch, commit;
  Noted read;
  words >> remote >> branch >> commit >> read.seq;
  const std::optional<ObjectId> tip = ObjectId::parse(commit);
  const bool holds =
      words && tip && remote == context_.options.remote && branch == context_.options.branch;
  if (!holds) return Noted{};
  read.tip = *tip;
  return read;
}

Result<std::optional<uint64_t>> Pusher::pushed() {
  TRY_ASSIGN(const bool there, has_remote());
  if (!there) return std::optional<uint64_t>{};
  TRY_ASSIGN(const Noted last, noted());
  TRY_ASSIGN(ObjectId tip, context_.refs.read(RemoteMerge::tracking_ref(context_.options)));
  if (tip.is_zero()) {
    // Where the remote's branches are not tracked here, our own push alone tells. Where they are,
    // the push made that ref, and a fetch has seen that the remote has the branch no more.
    TRY_ASSIGN(const bool tracked, tracks_branches());
    if (!tracked) tip = last.tip;
  }
  if (tip.is_zero()) return std::optional<uint64_t>(0);
  const ObjectId& published = context_.state.branch_commit;
  if (tip != known_tip_ || published != known_published_) {
    TRY_ASSIGN(known_pushed_, seq_at(tip, last));
    known_tip_ = tip;
    known_published_ = published;
  }
  return std::optional<uint64_t>(known_pushed_);
}

// Of a commit that goes on from one of ours, what that one held stands: the rest is people's own
// decision.
Result<uint64_t> Pusher::seq_at(const ObjectId& tip, const Noted& last) {
  const SyncState& state = context_.state;
  const bool on_this = state.branch == context_.options.branch && !state.branch_commit.is_zero();
  if (on_this && tip == state.branch_commit) return state.published;
  if (tip == last.tip) return known_here(last.seq);
  if (on_this) {
    TRY_ASSIGN(const bool all,
               reaches(context_.objects, tip, state.branch_commit, kCommitsLookedAtMax));
    if (all) return state.published;
  }
  if (!last.tip.is_zero()) {
    TRY_ASSIGN(const bool still, reaches(context_.objects, tip, last.tip, kCommitsLookedAtMax));
    if (still) return known_here(last.seq);
  }
  return seq_by_trailers(tip);
}

// As far as our commits there follow each other: one in between may have been taken away.
Result<uint64_t> Pusher::seq_by_trailers(const ObjectId& tip) {
  TRY_ASSIGN(std::vector<FoundRange> found,
             find_trailers(context_.objects, tip, context_.store().hex(), kCommitsLookedAtMax,
                           /*found_max=*/UINT64_MAX));
  std::ranges::sort(found, {}, &FoundRange::first_seq);
  uint64_t reached = 0;
  for (const FoundRange& range : found) {
    if (reached > 0 && range.first_seq > reached + 1) break;
    reached = std::max(reached, range.last_seq);
  }
  return known_here(reached);
}

// A store that was put back from an older copy has pushed more than it knows.
uint64_t Pusher::known_here(uint64_t seq) const {
  return std::min(seq, context_.journal.durable().seq);
}

}  // namespace syncline
