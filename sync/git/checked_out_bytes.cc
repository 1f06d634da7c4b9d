#include "sync/git/checked_out_bytes.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "journal/base/try.h"
#include "journal/os/whole_file.h"
#include "sync/git/git_platform.h"
#include "sync/git/index_file.h"
#include "sync/git/path_patterns.h"
#include "sync/git/sha1.h"
#include "sync/git/subprocess.h"
#include "sync/git/tree.h"
#include "sync/git/work_files.h"

namespace syncline {
namespace {

constexpr size_t kPathsOfACommand = 500;
constexpr uint64_t kAskedForMs = 60'000;

struct CheckedOut {
  std::string path;
  ObjectId blob;  // that the index names
  ObjectId seen;  // of its bytes
};

// Our files as the index has them; none where it cannot be read.
Status for_each_of_ours(const GitDirectories& git, std::span<const std::string> patterns,
                        const std::function<void(const IndexEntry&, const std::string&)>& visit) {
  const Result<IndexFile> index = IndexFile::open(*git.git_dir);
  if (!index) return {};
  std::string lines;
  for (const std::string& pattern : patterns) lines += pattern + '\n';
  const PathPatterns ours = PathPatterns::parse(lines);
  return index->for_each([&](const IndexEntry& entry) -> Status {
    if (entry.stage != 0 || entry.skip_worktree || entry.value.mode != kModeFile) return {};
    const std::string path(entry.path);
    if (ours.last_match(path, /*is_directory=*/false).value_or(false)) visit(entry, path);
    return {};
  });
}

// Those whose bytes are not the blob's: converted, or edited.
Result<std::vector<CheckedOut>> files_that_differ(const GitDirectories& git,
                                                  std::span<const std::string> patterns) {
  std::vector<CheckedOut> found;
  TRY(for_each_of_ours(git, patterns, [&](const IndexEntry& entry, const std::string& path) {
    const Result<std::string> text = read_file(*git.work_tree, path);
    if (!text) return;
    const ObjectId seen = hash_object(ObjectType::kBlob, *text);
    if (seen != entry.value.blob) found.push_back({path, entry.value.blob, seen});
  }));
  return found;
}

// What git would commit of each of them; nothing where it cannot be asked.
std::vector<std::string> ids_by_git(const GitDirectories& git, std::span<const CheckedOut> files,
                                    Clock& clock) {
  std::vector<std::string> command = git_command(git.paths.work_tree);
  command.insert(command.end(), {"hash-object", "--"});
  for (const CheckedOut& file : files) command.push_back(file.path);
  const auto asked = git.paths.platform->run_command(command, {}, clock.after_ms(kAskedForMs));
  std::vector<std::string> ids;
  if (!asked || asked->exit_code != 0) return ids;
  for (std::string_view rest = asked->output; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    ids.emplace_back(line);
  }
  return ids;
}

}  // namespace

Result<size_t> take_conversions_back(const GitDirectories& git, ObjectStore& objects,
                                     std::span<const std::string> patterns, Clock& clock) {
  size_t changed = 0;
  TRY_ASSIGN(const std::vector<CheckedOut> differ, files_that_differ(git, patterns));
  for (std::span<const CheckedOut> rest = differ; !rest.empty();) {
    const auto files = rest.first(std::min(rest.size(), kPathsOfACommand));
    rest = rest.subspan(files.size());
    const std::vector<std::string> ids = ids_by_git(git, files, clock);
    if (ids.size() != files.size()) continue;
    for (size_t i = 0; i < files.size(); ++i) {
      if (ids[i] != files[i].blob.hex()) continue;  // edited
      const Result<std::string> text = read_file(*git.work_tree, files[i].path);
      TRY_ASSIGN(const std::optional<Object> blob, objects.read(files[i].blob));
      if (!text || hash_object(ObjectType::kBlob, *text) != files[i].seen) continue;
      if (!blob || blob->type != ObjectType::kBlob) continue;
      TRY_ASSIGN(const bool replaced,
                 replace_work_file(*git.work_tree, files[i].path, *text, blob->bytes));
      if (replaced) ++changed;
    }
  }
  return changed;
}

Status refresh_sizes(const GitDirectories& git, std::span<const std::string> patterns,
                     Clock& clock) {
  std::vector<std::string> paths;
  TRY(for_each_of_ours(git, patterns, [&](const IndexEntry& entry, const std::string& path) {
    const Result<FileInfo> info = git.work_tree->info(path);
    if (!info || IndexStat::from(*info).size_bytes == entry.stat.size_bytes) return;
    const Result<std::string> text = read_file(*git.work_tree, path);
    if (text && hash_object(ObjectType::kBlob, *text) == entry.value.blob) paths.push_back(path);
  }));
  for (std::span<const std::string> rest = paths; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kPathsOfACommand));
    rest = rest.subspan(some.size());
    std::vector<std::string> command = git_command(git.paths.work_tree);
    command.insert(command.end(), {"update-index", "--"});
    command.insert(command.end(), some.begin(), some.end());
    // Where it cannot, the files are as good: `git add` of them does the same.
    [[maybe_unused]] const auto asked =
        git.paths.platform->run_command(command, {}, clock.after_ms(kAskedForMs));
  }
  return {};
}

}  // namespace syncline
