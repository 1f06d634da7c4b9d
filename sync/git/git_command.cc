#include "sync/git/git_command.h"

#include <algorithm>
#include <array>

namespace syncline {
namespace {

// Sorted. What reads, what goes to a remote, what tidies, and what git starts for itself.
constexpr auto kLeavesHeadAlone = std::to_array<std::string_view>({
    "annotate",
    "archive",
    "blame",
    "branch",
    "bugreport",
    "bundle",
    "cat-file",
    "check-attr",
    "check-ignore",
    "check-ref-format",
    "cherry",
    "clone",
    "column",
    "commit-graph",
    "commit-tree",
    "config",
    "count-objects",
    "credential",
    "credential-cache",
    "credential-store",
    "daemon",
    "describe",
    "diff",
    "diff-files",
    "diff-index",
    "diff-tree",
    "difftool",
    "fast-export",
    "fetch",
    "fetch-pack",
    "for-each-ref",
    "format-patch",
    "fsck",
    "fsmonitor--daemon",
    "gc",
    "grep",
    "gui",
    "hash-object",
    "help",
    "http-backend",
    "http-fetch",
    "http-push",
    "index-pack",
    "instaweb",
    "interpret-trailers",
    "lfs",
    "log",
    "ls-files",
    "ls-remote",
    "ls-tree",
    "maintenance",
    "merge-base",
    "multi-pack-index",
    "name-rev",
    "pack-objects",
    "pack-refs",
    "prune",
    "prune-packed",
    "push",
    "range-diff",
    "reflog",
    "remote",
    "remote-ext",
    "remote-fd",
    "remote-ftp",
    "remote-ftps",
    "remote-http",
    "remote-https",
    "repack",
    "rev-list",
    "rev-parse",
    "send-email",
    "send-pack",
    "shell",
    "shortlog",
    "show",
    "show-branch",
    "show-index",
    "show-ref",
    "status",
    "tag",
    "unpack-file",
    "unpack-objects",
    "update-server-info",
    "upload-archive",
    "upload-pack",
    "var",
    "verify-commit",
    "verify-pack",
    "verify-tag",
    "version",
    "web--browse",
    "whatchanged",
});
static_assert(std::ranges::is_sorted(kLeavesHeadAlone));

constexpr auto kMovesHead = std::to_array<std::string_view>({
    "add",    "am",    "apply", "bisect",    "checkout",  "cherry-pick",  "citool", "clean",
    "commit", "merge", "mv",    "pull",      "read-tree", "rebase",       "reset",  "restore",
    "revert", "rm",    "stash", "submodule", "switch",    "update-index",
});
static_assert(std::ranges::is_sorted(kMovesHead));

// Options of git itself whose value is the next word.
constexpr auto kTakesValue = std::to_array<std::string_view>({
    "-C",
    "-c",
    "--config-env",
    "--exec-path",
    "--git-dir",
    "--namespace",
    "--super-prefix",
    "--work-tree",
});

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// The words from the subcommand on.
std::span<const std::string_view> from_subcommand(std::span<const std::string_view> words) {
  if (words.empty()) return {};
  if (file_name(words.front()).starts_with("git-")) return words;
  for (size_t at = 1; at < words.size(); ++at) {
    if (!words[at].starts_with('-')) return words.subspan(at);
    if (std::ranges::find(kTakesValue, words[at]) != kTakesValue.end()) ++at;
  }
  return {};
}

}  // namespace

std::string_view git_subcommand(std::span<const std::string_view> words) {
  const auto rest = from_subcommand(words);
  if (rest.empty()) return {};
  const std::string_view name = file_name(rest.front());
  return name.starts_with("git-") ? name.substr(4) : rest.front();
}

bool moves_head(std::span<const std::string_view> words) {
  return std::ranges::binary_search(kMovesHead, git_subcommand(words)) && may_move_head(words);
}

bool may_move_head(std::span<const std::string_view> words) {
  const std::string_view name = git_subcommand(words);
  // Without one git prints its help.
  if (name.empty() || std::ranges::binary_search(kLeavesHeadAlone, name)) return false;
  const auto rest = from_subcommand(words);
  const bool lists = rest.size() > 1 && (rest[1] == "list" || rest[1] == "show");
  return !(lists && (name == "stash" || name == "worktree" || name == "notes"));
}

}  // namespace syncline
