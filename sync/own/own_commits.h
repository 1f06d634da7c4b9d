// What the store's own ref holds, read without the journal: for salvage, which puts back what the
// journal has lost. Writes nothing. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "journal/record/control_frame.h"
#include "sync/git/git_platform.h"
#include "syncline/result.h"

namespace syncline {

class OwnCommits {
 public:
  // Opens the ref's tip; where the ref is missing there are no commits.
  static Result<OwnCommits> open(const std::string& common_dir_path, Directory& common_dir,
                                 const StoreId& store, GitPlatform& platform);

  // The file at `path` in the tip's tree; empty where it has none.
  Result<std::optional<std::string>> file(std::string_view path);
  // The batch frames that belong to the commits, newest first.
  Result<std::vector<BatchFrame>> batches();

 private:
  std::string store_;  // hex, as trailers have it
  std::unique_ptr<ObjectReader> reader_;
  std::unique_ptr<ObjectStore> objects_;
  ObjectId tip_;
};

}  // namespace syncline
