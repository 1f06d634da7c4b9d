#include "sync/own/own_commits.h"

#include <utility>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/ref_store.h"
#include "sync/git/tree.h"

namespace syncline {
namespace {

// "Name <email> seconds zone" of the header line; empty where there is none.
std::string_view author_line(std::string_view content) {
  constexpr std::string_view kAuthor = "\nauthor ";
  const size_t at = content.find(kAuthor);
  if (at == std::string_view::npos || at > content.find("\n\n")) return {};
  const size_t begin = at + kAuthor.size();
  return content.substr(begin, content.find('\n', begin) - begin);
}

}  // namespace

Result<OwnCommits> OwnCommits::open(const std::string& common_dir_path, Directory& common_dir,
                                    const StoreId& store, GitPlatform& platform) {
  OwnCommits commits;
  commits.store_ = store.hex();
  TRY_ASSIGN(commits.tip_, RefStore(common_dir).read(own_ref_of(commits.store_)));
  TRY_ASSIGN(commits.reader_, platform.open_object_reader(common_dir_path + "/objects"));
  commits.objects_ = std::make_unique<ObjectStore>(*commits.reader_);
  return commits;
}

Result<std::optional<std::string>> OwnCommits::file(std::string_view path) {
  if (tip_.is_zero()) return std::optional<std::string>{};
  TRY_ASSIGN(const ObjectStore::Content content, objects_->require(tip_, ObjectType::kCommit));
  TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
  TRY_ASSIGN(const std::optional<FoundEntry> entry, find_in_tree(*objects_, commit.tree, path));
  if (!entry || entry->mode == kModeDirectory) return std::optional<std::string>{};
  TRY_ASSIGN(const ObjectStore::Content blob, objects_->require(entry->id, ObjectType::kBlob));
  return std::optional<std::string>(*blob);
}

Result<std::vector<BatchFrame>> OwnCommits::batches() {
  std::vector<BatchFrame> batches;
  for (ObjectId at = tip_; !at.is_zero();) {
    TRY_ASSIGN(const ObjectStore::Content content, objects_->require_once(at, ObjectType::kCommit));
    TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
    const std::optional<CommitTrailers> trailers = parse_trailers(commit.message);
    if (!trailers || trailers->store != store_) break;
    const std::string_view author = author_line(*content);
    const size_t open = author.find(" <"), close = author.find('>');
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    BatchFrame batch{.first_seq = trailers->first_seq,
                     .last_seq = trailers->last_seq,
                     .parent = commit.parents.empty() ? ObjectId{} : commit.parents.front(),
                     .tree = commit.tree,
                     .commit = at,
                     .author_name = std::string(author.substr(0, open)),
                     .author_email = std::string(author.substr(open + 2, close - open - 2))};
    if (!parse_kinds(commit.message).empty()) batch.version = kBatchNamesKinds;
    at = batch.parent;
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace syncline
