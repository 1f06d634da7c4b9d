#include "sync/publish/merged_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_text.h"
#include "sync/git/merge_driver.h"
#include "sync/git/ref_store.h"
#include "sync/git/tree.h"
#include "sync/publish/publish_sections.h"

namespace syncline {
namespace {

constexpr size_t kNamedPathsMax = 5;

std::string_view take_word(std::string_view& rest, char end) {
  const size_t at = std::min(rest.find(end), rest.size());
  const std::string_view word = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return word;
}

struct StageLine {
  TreeValue value;
  int stage = 0;
  std::string path;
};

// "100644 <id> 2\trules/git.md" of `git merge-tree -z`.
std::optional<StageLine> read_stage(std::string_view line) {
  StageLine read;
  const std::string_view mode = take_word(line, ' ');
  const std::optional<ObjectId> blob = ObjectId::parse(take_word(line, ' '));
  const std::string_view stage = take_word(line, '\t');
  const auto [end, fault] =
      std::from_chars(mode.data(), mode.data() + mode.size(), read.value.mode, 8);
  if (fault != std::errc() || end != mode.data() + mode.size() || !blob) return {};
  if (!parse_decimal(stage, read.stage) || read.stage < 1 || read.stage > 3) return {};
  read.value.blob = *blob;
  read.path = line;
  return read;
}

}  // namespace

std::string branch_at_remote(const SyncOptions& options) {
  return fmt::format("{} on {}", short_branch_name(options.branch), options.remote);
}

Error takes_a_person(const SyncOptions& options, std::string_view why, std::string hint) {
  return make_error(
      Code::kRetryLater,
      fmt::format("{} has commits that are not here, and {}", branch_at_remote(options), why),
      std::move(hint));
}

std::string listed_paths(std::span<const std::string> paths) {
  std::string list;
  for (size_t i = 0; i < std::min(paths.size(), kNamedPathsMax); ++i) {
    if (i > 0) list += ", ";
    list += one_line(paths[i]);
  }
  if (paths.size() > kNamedPathsMax) {
    list += fmt::format(" and {} more", paths.size() - kNamedPathsMax);
  }
  return list;
}

Result<ObjectId> MergedTree::merge(const ObjectId& tip, const ObjectId& theirs, Deadline deadline) {
  std::vector<std::string> command = git_command(context_.work_tree);
  command.insert(command.end(),
                 {"-c", fmt::format("merge.{}.driver=false", kMergeDriver), "merge-tree",
                  "--write-tree", "-z", "--no-messages", tip.hex(), theirs.hex()});
  TRY_ASSIGN(const CommandResult merge,
             context_.platform.run_command(command, {"LC_ALL=C"}, deadline));
  const std::string pull = fmt::format("git pull --no-rebase {} {}", context_.options.remote,
                                       short_branch_name(context_.options.branch));
  std::string_view rest = merge.output;
  const std::optional<ObjectId> tree = ObjectId::parse(take_word(rest, '\0'));
  const bool whole = merge.output.size() < kOutputBytesMax;
  if ((merge.exit_code != 0 && merge.exit_code != 1) || !tree || !whole) {
    if (merge.error_text.find("unrelated histories") != std::string::npos) {
      return takes_a_person(
          context_.options, "it shares no commit with the branch here",
          fmt::format("if they belong together, git pull --no-rebase --allow-unrelated-histories "
                      "{0} {1}, then push again; if not, git remote set-url {0} URL",
                      context_.options.remote, short_branch_name(context_.options.branch)));
    }
    return takes_a_person(context_.options, "git cannot merge them: " + one_line(merge.error_text),
                          pull);
  }
  Conflicts conflicts;
  while (!rest.empty()) {
    const std::optional<StageLine> line = read_stage(take_word(rest, '\0'));
    if (!line)
      return takes_a_person(context_.options, "git merge-tree (2.38 or newer) was not understood",
                            pull);
    Conflict& conflict = conflicts[line->path];
    conflict.other |= !is_plain_file(line->value.mode);
    (line->stage == 1   ? conflict.base
     : line->stage == 2 ? conflict.ours
                        : conflict.theirs) = line->value;
  }
  if (merge.exit_code == 1 && conflicts.empty()) {
    return takes_a_person(context_.options, "git cannot merge them", pull);
  }
  TRY_ASSIGN(const ObjectId united, unite(*tree, conflicts));
  TRY_ASSIGN(const ObjectId tip_tree, tree_of(context_.objects, tip));
  TRY_ASSIGN(const ObjectId their_tree, tree_of(context_.objects, theirs));
  TRY(keep_new_objects(united, {tip_tree, their_tree}));
  return united;
}

Result<ObjectId> MergedTree::unite(const ObjectId& merged, const Conflicts& conflicts) {
  if (conflicts.empty()) return merged;
  std::set<std::string> paths;
  for (const auto& [path, conflict] : conflicts) paths.insert(path);
  JournalSections journal(context_, outcomes_, context_.state.committed);
  TRY_ASSIGN(const auto sections, journal.sections(paths, 1));

  std::vector<TreeChange> changes;
  std::vector<std::string> left;
  for (const auto& [path, conflict] : conflicts) {
    std::vector<WantedSection> recorded;
    if (const auto found = sections.find(path); found != sections.end()) {
      for (const SectionSource::Section& section : found->second) {
        recorded.push_back({section.text, section.id});
      }
    }
    TRY_ASSIGN(const std::optional<UnitedText> united, unite_file(conflict, recorded));
    if (!united) {
      left.push_back(path);
      continue;
    }
    TreeChange change{.path = path, .blob = {}};
    if (conflict.ours && conflict.theirs) {
      // Whichever side has changed the mode.
      const bool theirs_changed = !conflict.base || conflict.base->mode == conflict.ours->mode;
      change.mode = theirs_changed ? conflict.theirs->mode : conflict.ours->mode;
    } else {
      change.mode = (conflict.ours ? conflict.ours : conflict.theirs)->mode;
    }
    if (united->has_sections || (conflict.ours && conflict.theirs)) {
      TRY_ASSIGN(change.blob, context_.pack.add(ObjectType::kBlob, united->text));
      united_.insert(change.blob.hex());
    }
    changes.push_back(change);
  }
  if (!left.empty()) {
    return takes_a_person(
        context_.options,
        fmt::format("both sides changed {}, which takes a person", listed_paths(left)),
        fmt::format("git pull --no-rebase {} {}, settle the conflict and commit; then push again",
                    context_.options.remote, short_branch_name(context_.options.branch)));
  }
  return update_tree(context_.objects, context_.pack, merged, std::move(changes));
}

Result<std::optional<UnitedText>> MergedTree::unite_file(const Conflict& conflict,
                                                         std::span<const WantedSection> recorded) {
  const int sides = (conflict.ours ? 1 : 0) + (conflict.theirs ? 1 : 0);
  if (recorded.empty() || conflict.other || sides == 0) return std::optional<UnitedText>{};
  if (sides == 1 && !conflict.base) return std::optional<UnitedText>{};
  std::vector<ObjectStore::Content> held;
  const auto text_of =
      [&](const std::optional<TreeValue>& value) -> Result<std::optional<std::string_view>> {
    if (!value) return std::optional<std::string_view>{};
    TRY_ASSIGN(ObjectStore::Content content,
               context_.objects.require(value->blob, ObjectType::kBlob));
    held.push_back(std::move(content));
    return std::optional<std::string_view>(*held.back());
  };
  TextSides texts;
  TRY_ASSIGN(texts.base, text_of(conflict.base));
  TRY_ASSIGN(texts.ours, text_of(conflict.ours));
  TRY_ASSIGN(texts.theirs, text_of(conflict.theirs));
  return unite_sections(texts, heading_prefixes(recorded));
}

// Git has written what the merge made as loose objects, unsynced: ours go with the pack.
Status MergedTree::keep_new_objects(const ObjectId& merged, const std::vector<ObjectId>& known) {
  if (std::ranges::find(known, merged) != known.end()) return {};
  TRY_ASSIGN(const ObjectStore::Content tree, context_.objects.require(merged, ObjectType::kTree));
  TRY_ASSIGN([[maybe_unused]] const ObjectId added, context_.pack.add(ObjectType::kTree, *tree));
  TreeCursor cursor(*tree);
  while (const std::optional<TreeItem> item = cursor.next()) {
    if (!item->is_directory() && !is_plain_file(item->mode)) continue;
    std::vector<ObjectId> there;
    for (const ObjectId& root : known) {
      TRY_ASSIGN(const std::optional<FoundEntry> found,
                 find_in_tree(context_.objects, root, item->name));
      const bool alike = found && (found->mode == kModeDirectory) == item->is_directory();
      if (alike) there.push_back(found->id);
    }
    if (std::ranges::find(there, item->id) != there.end()) continue;
    if (item->is_directory()) {
      TRY(keep_new_objects(item->id, there));
      continue;
    }
    if (united_.contains(item->id.hex())) continue;
    TRY_ASSIGN(const ObjectStore::Content blob,
               context_.objects.require_once(item->id, ObjectType::kBlob));
    TRY_ASSIGN([[maybe_unused]] const ObjectId kept, context_.pack.add(ObjectType::kBlob, *blob));
  }
  if (cursor.damaged()) return make_error(Code::kCorrupt, "a tree object is malformed");
  return {};
}

}  // namespace syncline
