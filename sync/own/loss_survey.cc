#include "sync/own/loss_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/record/row_id.h"
#include "sync/git/commit.h"
#include "sync/git/commit_text.h"
#include "sync/git/git_config.h"
#include "sync/git/git_paths.h"
#include "sync/git/git_platform.h"
#include "sync/git/ref_store.h"
#include "sync/git/tree.h"
#include "sync/own/own_history.h"

namespace syncline {
namespace {

// "title-12-sa1b2c3" → "title-12": the tag of a store beside others is taken off.
std::string_view without_tag(std::string_view name) {
  const size_t tag = name.rfind("-s");
  constexpr size_t kTagBytes = 6;
  const bool has_tag =
      tag != std::string_view::npos && name.size() - tag == 2 + kTagBytes &&
      name.find_first_not_of("0123456789abcdef", tag + 2) == std::string_view::npos;
  return has_tag ? name.substr(0, tag) : name;
}

// Names of all refs that stand as files below `directory`.
Status add_loose_refs(Directory& common_dir, const std::string& directory,
                      std::set<std::string>& names) {
  const Result<std::vector<std::string>> listed = common_dir.list(directory);
  if (!listed && listed.error().code == Code::kNotFound) return {};
  if (!listed) return listed.error();
  for (const std::string& entry : *listed) {
    const std::string name = directory + "/" + entry;
    const Result<FileInfo> info = common_dir.info(name);
    if (!info && info.error().code == Code::kNotFound) continue;  // gone meanwhile
    if (!info) return info.error();
    if (info->type == FileInfo::Type::kDirectory) {
      TRY(add_loose_refs(common_dir, name, names));
    } else if (info->type == FileInfo::Type::kRegular && !name.ends_with(".lock")) {
      names.insert(name);
    }
  }
  return {};
}

Result<std::set<std::string>> all_refs(Directory& common_dir) {
  std::set<std::string> names;
  TRY(add_loose_refs(common_dir, "refs", names));
  const Result<std::string> packed = read_file(common_dir, "packed-refs");
  if (!packed && packed.error().code != Code::kNotFound) return packed.error();
  const std::string text = packed ? *packed : std::string();
  for (size_t at = text.find(" refs/"); at != std::string::npos; at = text.find(" refs/", at + 1)) {
    names.insert(text.substr(at + 1, text.find('\n', at) - at - 1));
  }
  return names;
}

// True when the remote has the ref, which is then fetched as `into`.
Result<bool> fetch_own_ref(const std::string& work_tree, const std::string& remote,
                           const std::string& own_ref, const std::string& into,
                           GitPlatform& platform, Deadline deadline) {
  std::vector<std::string> command = git_command(work_tree);
  command.insert(command.end(), {"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--",
                                 remote, fmt::format("+{}:{}", own_ref, into)});
  TRY_ASSIGN(const CommandResult result, platform.run_command(command, {"LC_ALL=C"}, deadline));
  if (result.exit_code == 0) return true;
  if (result.error_text.find("couldn't find remote ref") != std::string::npos) return false;
  std::string said = result.error_text;
  said.erase(said.find_last_not_of(" \n") + 1);
  std::ranges::replace(said, '\n', ' ');
  return make_error(
      Code::kRetryLater,
      fmt::format("the remote {} may hold records that are lost here, and does not answer: {}",
                  remote, said),
      fmt::format("try again when it can be reached, or take it out: git remote remove {}",
                  remote));
}

// Counting from 1 never comes near this: a heading with a higher number was made up.
constexpr uint64_t kHeadingIdMax = uint64_t{1} << 61;

// "## H-17: a rule", and beside another store's "## H-17-sa1b2c3: a rule" → 17.
uint64_t id_in_heading(std::string_view line) {
  const size_t begin = line.find_first_not_of("# ");
  if (!line.starts_with('#') || begin == std::string_view::npos) return 0;
  std::string_view word = without_tag(line.substr(begin, line.find_first_of(": ", begin) - begin));
  const size_t dash = word.rfind('-');
  if (dash == std::string_view::npos) return 0;
  word.remove_prefix(dash + 1);
  uint64_t id = 0;
  return parse_decimal(word, id) && id <= kHeadingIdMax ? id : 0;
}

}  // namespace

uint64_t highest_id_in_headings(std::string_view text) {
  uint64_t highest = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    highest = std::max(highest, id_in_heading(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return highest;
}

Status note_ids(ObjectStore& objects, const ObjectId& commit_id,
                const HoldsSections& holds_sections, uint64_t& highest) {
  TRY_ASSIGN(const std::optional<Object> object, objects.read(commit_id));
  if (!object || object->type != ObjectType::kCommit) return {};
  TRY_ASSIGN(const ParsedCommit commit, parse_commit(object->bytes));
  return walk_tree(objects, commit.tree,
                   [&](std::string_view path, uint32_t, const ObjectId& blob) -> Status {
                     highest = std::max(highest, id_in_path(path));
                     if (!holds_sections || !holds_sections(path)) return {};
                     TRY_ASSIGN(const std::optional<Object> file, objects.read(blob));
                     if (!file || file->type != ObjectType::kBlob) return {};
                     highest = std::max(highest, highest_id_in_headings(file->bytes));
                     return {};
                   });
}

uint64_t id_in_path(std::string_view path) {
  constexpr std::string_view kSuffix = ".md";
  if (!path.ends_with(kSuffix)) return 0;
  path.remove_suffix(kSuffix.size());
  path = without_tag(path);
  const size_t before = path.find_last_not_of("0123456789");
  if (before == std::string_view::npos || (path[before] != '-' && path[before] != '_')) return 0;
  uint64_t id = 0;
  return parse_decimal(path.substr(before + 1), id) && is_row_id(id) ? id : 0;
}

Result<RepositoryClaims> survey_repository(const std::string& work_tree, const StoreId& store,
                                           const std::string& remote, GitPlatform& platform,
                                           const HoldsSections& holds_sections, Deadline deadline) {
  TRY_ASSIGN(const GitPaths paths, git_paths_at(work_tree, platform));
  TRY_ASSIGN(const GitDirectories git, open_git_directories(paths));
  const std::string own_ref = own_ref_of(store.hex());
  RepositoryClaims claims;
  RefStore refs(*git.common_dir);
  TRY_ASSIGN(const std::optional<std::string> text, read_small_file(*git.common_dir, "config"));
  if (GitConfig::parse(text.value_or("")).get("remote." + remote + ".url")) {
    const std::string into = kept_ref_of(store.hex(), "remote");
    TRY_ASSIGN(const bool there,
               fetch_own_ref(work_tree, remote, own_ref, into, platform, deadline));
    if (there) {
      TRY_ASSIGN(claims.remote_tip, refs.read(into));
    }
  }
  TRY_ASSIGN(const std::set<std::string> names, all_refs(*git.common_dir));
  TRY_ASSIGN(const std::unique_ptr<ObjectReader> reader,
             platform.open_object_reader(git.paths.common_dir + "/objects"));
  ObjectStore objects(*reader);
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const Result<ObjectId> tip = refs.read(name);
    // A damaged ref says nothing; the others and the database may.
    if (!tip && tip.error().code == Code::kCorrupt) continue;
    if (!tip) return tip.error();
    if (tip->is_zero() || !seen.insert(tip->hex()).second) continue;
    TRY_ASSIGN(const std::vector<FoundRange> found,
               find_trailers(objects, *tip, store.hex(), UINT64_MAX, UINT64_MAX));
    for (const FoundRange& range : found) {
      claims.last_seq = std::max(claims.last_seq, range.last_seq);
    }
    TRY(note_ids(objects, *tip, holds_sections, claims.highest_id));
  }
  return claims;
}

}  // namespace syncline
