#include "sync/publish/pusher.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/git_config.h"
#include "sync/git/git_paths.h"
#include "sync/git/ref_store.h"
#include "sync/git/subprocess.h"
#include "sync/own/own_history.h"

namespace syncline {
namespace {

// Git's line " ! [rejected]  <ref> -> <ref> (fetch first)", or "(non-fast-forward)".
bool refused_as_behind(std::string_view said, std::string_view ref) {
  while (!said.empty()) {
    const size_t end = std::min(said.find('\n'), said.size());
    const std::string_view line = said.substr(0, end);
    const auto has = [&](std::string_view text) { return line.find(text) != line.npos; };
    if (has("[rejected]") && has(ref) && (has("(fetch first)") || has("(non-fast-forward)"))) {
      return true;
    }
    said.remove_prefix(std::min(end + 1, said.size()));
  }
  return false;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") + 1 - first);
}

}  // namespace

Result<bool> Pusher::has_remote() {
  TRY_ASSIGN(const std::optional<std::string> text, read_small_file(context_.common_dir, "config"));
  const GitConfig config = GitConfig::parse(text.value_or(""));
  return config.get("remote." + context_.options.remote + ".url").has_value();
}

std::string Pusher::tracking_ref() const {
  return fmt::format("refs/remotes/{}/{}", context_.options.remote,
                     short_branch_name(context_.options.branch));
}

Status Pusher::ask_git(Deadline deadline) {
  std::vector<std::string> command = git_command(context_.work_tree);
  command.insert(command.end(), {"rev-parse", "--git-dir"});
  TRY_ASSIGN(const CommandResult result, context_.platform.run_command(command, {}, deadline));
  if (result.exit_code == 0) return {};
  const std::string_view said = trimmed(result.error_text);
  // Git's first line says why, its last one what to do.
  const size_t first_end = said.find('\n');
  const size_t last_begin = said.rfind('\n');
  std::string remedy;
  if (last_begin != std::string_view::npos) remedy = trimmed(said.substr(last_begin));
  return make_error(
      Code::kUnsupported,
      fmt::format("git refuses to push from {}: {}", context_.work_tree, said.substr(0, first_end)),
      std::move(remedy));
}

Status Pusher::push(Deadline deadline) {
  const std::string& remote = context_.options.remote;
  TRY_ASSIGN(const bool there, has_remote());
  if (!there) {
    return make_error(Code::kNotFound, fmt::format("the repository has no remote {}", remote),
                      fmt::format("git remote add {} URL", remote));
  }
  const std::string& branch = context_.options.branch;
  TRY_ASSIGN(const ObjectId tip, context_.refs.read(branch));
  TRY_ASSIGN(const ObjectId own, context_.refs.read(context_.own_ref));
  std::vector<std::string> command = git_command(context_.work_tree);
  command.insert(command.end(), {"push", "--quiet", "--no-follow-tags", "--", remote});
  if (!tip.is_zero()) command.push_back(fmt::format("{}:{}", branch, branch));
  if (!own.is_zero()) command.push_back(fmt::format("{}:{}", context_.own_ref, context_.own_ref));
  if (tip.is_zero() && own.is_zero()) return {};
  TRY(ask_git(deadline));

  const uint64_t published = context_.state.published;
  TRY_ASSIGN(const CommandResult result,
             context_.platform.run_command(command, {"LC_ALL=C"}, deadline));
  if (result.exit_code != 0) {
    // Our ref has one writer, which only adds to it. If it cannot be fast-forwarded, the remote has
    // it from a copy of this store, or from this store before it was restored from a backup.
    if (refused_as_behind(result.error_text, context_.own_ref)) {
      return make_error(
          Code::kDisagree,
          fmt::format("{} of the remote {} holds records that this store does not: the store was "
                      "put back from an older copy, or a copy of it has gone on under its name",
                      context_.own_ref, remote),
          "go on above what was pushed, under a new name: `syncline repair --accept-loss`");
    }
    std::string said(trimmed(result.error_text));
    std::ranges::replace(said, '\n', ' ');
    return make_error(Code::kRetryLater,
                      fmt::format("git push to {} answered {}: {}", remote, result.exit_code, said),
                      "where the remote has commits that are not here: git pull --rebase");
  }
  // Only commits that were on the branch before the push began are known to have arrived.
  if (tip == context_.state.branch_commit) {
    known_tip_ = tip;
    known_pushed_ = published;
    const std::string text = fmt::format("{} {} {} {}\n", remote, branch, tip.hex(), published);
    TRY(replace_file(context_.store_directory, kPushedFile, as_bytes(text), /*durable=*/false));
  }
  TRY_ASSIGN(const std::optional<uint64_t> seq, pushed());
  if (seq) context_.journal.set_watermark(Watermark::kPushed, *seq);
  return {};
}

Result<std::optional<uint64_t>> Pusher::pushed() {
  TRY_ASSIGN(const bool there, has_remote());
  if (!there) return std::optional<uint64_t>{};
  TRY_ASSIGN(const ObjectId tip, context_.refs.read(tracking_ref()));
  if (tip.is_zero()) return std::optional<uint64_t>(0);
  if (tip == known_tip_) return std::optional<uint64_t>(known_pushed_);

  TRY_ASSIGN(const std::optional<std::string> noted,
             read_small_file(context_.store_directory, kPushedFile));
  std::istringstream words(noted.value_or(""));
  std::string remote, branch, commit;
  uint64_t seq = 0;
  words >> remote >> branch >> commit >> seq;
  const bool holds = words && remote == context_.options.remote &&
                     branch == context_.options.branch && commit == tip.hex();
  if (!holds) {
    seq = 0;
    TRY_ASSIGN(const FoundTrailers found,
               find_trailers(context_.objects, tip, context_.store().hex(), kCommitsLookedAtMax,
                             /*found_max=*/1));
    if (!found.ranges.empty()) seq = found.ranges.front().last_seq;
    if (tip == context_.state.branch_commit) seq = context_.state.published;
  }
  known_tip_ = tip;
  known_pushed_ = seq;
  return std::optional<uint64_t>(seq);
}

}  // namespace syncline
