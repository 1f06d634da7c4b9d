#include "sync/git/staged_paths.h"

#include "journal/base/try.h"
#include "sync/git/index_file.h"

namespace syncline {

Result<StagedPaths> StagedPaths::read(Directory& git_dir) {
  StagedPaths staged;
  const Result<IndexFile> index = IndexFile::open(git_dir);
  if (!index) return index.error().code == Code::kIo ? Result<StagedPaths>(index.error()) : staged;
  std::unordered_set<std::string> paths;
  const Status read = index->for_each([&](const IndexEntry& entry) -> Status {
    paths.emplace(entry.path);
    return {};
  });
  if (read) staged.paths_ = std::move(paths);
  return staged;
}

}  // namespace syncline
