#include "engine/store/store_copy.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "journal/base/try.h"
#include "sync/git/own_excludes.h"

namespace syncline {

Result<RepositoryState> make_empty_repository(const std::string& directory,
                                              StorePlatform& platform) {
  const auto there = platform.open_directory(directory);
  if (!there && there.error().code != Code::kNotFound) return there.error();
  std::vector<std::string> names;
  if (there) {
    TRY_ASSIGN(names, (*there)->list("."));
  }
  if (!names.empty()) {
    return make_error(Code::kExists, fmt::format("{} is not empty", directory),
                      "name a directory that is empty or not there");
  }
  return open_or_create_repository(directory, platform);
}

Result<StoreParts> begin_copy(const Identity& source, const RepositoryState& repository,
                              StorePlatform& platform) {
  TRY_ASSIGN(StorePlaces places, find_places(repository.work_tree, platform));
  StoreParts parts;
  TRY_ASSIGN(static_cast<StoreDirectories&>(parts), make_store_directories(std::move(places)));
  parts.identity = source;
  TRY_ASSIGN(parts.identity.bound, parts.common->identity());
  parts.identity.home = home_name(parts.places);
  parts.identity.read_only = true;
  parts.identity.ready = false;
  parts.identity.kept.clear();  // what was kept of a lost store is not copied
  return parts;
}

Status prepare_database_place(const RepositoryState& repository, Directory& root,
                              const Config& config) {
  TRY_ASSIGN(const auto common_dir, repository.platform->open_directory(repository.common_dir));
  TRY(write_own_excludes(*common_dir, config.sync.excluded));
  const auto parent = std::filesystem::path(config.database).parent_path();
  return parent.empty() ? Status() : root.make_directories(parent.string());
}

}  // namespace syncline
