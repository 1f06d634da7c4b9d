#include "engine/store/store_parts.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/own/own_claims.h"

namespace syncline {

namespace {

Result<StoreDirectories> open_around_store(StorePlaces places) {
  StoreDirectories directories;
  directories.places = std::move(places);
  StorePlatform& platform = *directories.places.platform;
  TRY_ASSIGN(directories.root, platform.open_directory(directories.places.root));
  TRY_ASSIGN(directories.common, platform.open_directory(directories.places.common_dir));
  return directories;
}

}  // namespace

StorePlatform& platform_or_system(StorePlatform* platform) {
  return platform != nullptr ? *platform : system_store_platform();
}

Result<StoreDirectories> make_store_directories(StorePlaces places) {
  TRY_ASSIGN(StoreDirectories directories, open_around_store(std::move(places)));
  TRY(directories.common->make_directories(kStoreDirectory, /*private_mode=*/true));
  TRY(directories.common->sync_directory("."));
  TRY_ASSIGN(directories.store,
             directories.places.platform->open_directory(directories.places.store_dir));
  return directories;
}

Result<StoreParts> open_store_parts(StorePlaces places, std::string_view hint) {
  TRY_ASSIGN(StoreDirectories directories, open_around_store(std::move(places)));
  StoreParts parts{std::move(directories), {}};
  const auto unless_missing = [&](Error error) {
    if (error.code != Code::kNotFound) return error;
    return make_error(Code::kNoStore, fmt::format("{} is not a store", parts.places.root),
                      std::string(hint));
  };
  auto store = parts.places.platform->open_directory(parts.places.store_dir);
  if (!store) return unless_missing(std::move(store).error());
  parts.store = std::move(*store);
  auto identity = read_identity(*parts.store);
  if (!identity) return unless_missing(std::move(identity).error());
  parts.identity = std::move(*identity);
  const std::string& home = parts.identity.home;
  if (home.empty() || home == home_name(parts.places)) return parts;
  // Rows and files are in one work tree, whichever the call comes from.
  TRY_ASSIGN(StorePlaces at_home, places_of_home(parts.places, home));
  parts.places = std::move(at_home);
  TRY_ASSIGN(parts.root, parts.places.platform->open_directory(parts.places.root));
  return parts;
}

Status check_ready(const Identity& identity) {
  if (identity.ready) return {};
  if (!identity.kept.empty()) {
    return make_error(Code::kDisagree, "giving up what this store has lost was interrupted",
                      "run `syncline repair --accept-loss` again: it goes on where it stopped");
  }
  if (identity.read_only) {
    return make_error(Code::kNoStore, "making this copy of a store was interrupted",
                      "remove it, and make it again");
  }
  return make_error(Code::kNoStore, "making this store was interrupted",
                    "run `syncline init` again: it goes on where it stopped");
}

Result<LoadedConfig> load_config(const StoreDirectories& directories) {
  const auto parse = [](Result<std::string> text) -> Result<std::shared_ptr<const Config>> {
    if (!text) return std::move(text).error();
    TRY_ASSIGN(Config config, parse_config(std::move(*text)));
    TRY(check_outside_config(config));
    return std::make_shared<const Config>(std::move(config));
  };
  auto written = parse(read_file(*directories.root, kConfigFile, kConfigBytesMax));
  if (written) return LoadedConfig{std::move(*written), {}};
  auto journalled = parse(read_file(*directories.store, kConfigCopyFile, kConfigBytesMax));
  if (!journalled) return std::move(written).error();
  LoadedConfig loaded{std::move(*journalled), {}};
  if (written.error().code != Code::kNotFound) {
    loaded.doubt = fmt::format(
        "{} is not followed: {}; the configuration that was recorded with last holds until that is "
        "mended",
        kConfigFile, written.error().message);
  }
  return loaded;
}

Result<LoadedConfig> load_bound_config(const StoreParts& parts) {
  TRY(check_identity(parts.identity, *parts.common));
  return load_config(parts);
}

Result<std::vector<DurableClaim>> claims_of_git(const StoreParts& parts) {
  return own_claims(parts.places.common_dir, *parts.common, *parts.store, parts.identity.store,
                    *parts.places.platform);
}

}  // namespace syncline
