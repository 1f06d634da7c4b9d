#include "engine/store/init_place.h"

#include <fmt/format.h>

#include "engine/config/profiles.h"
#include "engine/place/database_place.h"
#include "engine/verify/lost_store.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {

namespace {

// Where a profile's records have always been, whoever wrote them.
struct ProfileTrace {
  std::string_view profile, path;
};
constexpr ProfileTrace kTraces[] = {{"elf", "memory/index.db"},
                                    {"elf", "memory/failures"},
                                    {"elf", "memory/successes"},
                                    {"elf", "memory/heuristics"},
                                    {"packages", "packages/0000"}};

Status check_not_nested(const std::string& place, const InitOptions& options,
                        StorePlatform& platform) {
  if (options.nested) return {};
  const std::string outer = outer_work_tree(place, platform);
  if (outer.empty()) return {};
  return make_error(
      Code::kInvalid,
      fmt::format("{} is inside the git repository {}: a store there would be a repository of its "
                  "own within it",
                  place, outer),
      fmt::format("`syncline init {}` makes that repository the store; `syncline init --nested {}` "
                  "makes one of its own, which the outer one does not track",
                  outer, place));
}

// Of the configuration that is there, or that init is about to write.
Result<Config> config_at(Directory& root, const InitOptions& options) {
  Result<std::string> text = read_file(root, kConfigFile, kConfigBytesMax);
  if (!text && text.error().code == Code::kNotFound) text = profile_text(profile_for_new(options));
  if (!text) return std::move(text).error();
  return parse_config(std::move(*text));
}

// In which files another store may have sections, whose numbers are not to be given again.
Result<HoldsSections> find_section_files(Directory& root, const InitOptions& options) {
  Result<Config> config = config_at(root, options);
  // A store that is there goes on by the last configuration that could be read; for a new one this
  // was refused already.
  if (!config) return HoldsSections();
  return section_files(std::make_shared<const Config>(std::move(*config)));
}

// What init would refuse later, refused while nothing is made. A store that is there, or half made,
// has its database already.
Status check_before_making(const std::string& place, const InitOptions& options,
                           StorePlatform& platform) {
  TRY_ASSIGN(const auto root, platform.open_directory(place));
  auto found = find_places(place, platform);
  StorePlaces places;
  if (found) {
    TRY(check_owner(*found));
    TRY_ASSIGN(const bool there,
               platform.is_there(found->store_dir + "/" + std::string(kIdentityFile)));
    if (there) return {};
    places = std::move(*found);
  } else if (found.error().code == Code::kNoStore) {
    places.platform = &platform;
    places.root = place;
  } else {
    return std::move(found).error();
  }
  TRY_ASSIGN(const Config config, config_at(*root, options));
  TRY(check_outside_config(config));
  return check_new_database(places, *root, config);
}

}  // namespace

std::string profile_for_new(const InitOptions& options) {
  return options.profile.empty() ? "notes" : options.profile;
}

Result<Making> begin_making(const std::string& directory, const InitOptions& options,
                            StorePlatform& platform) {
  TRY_ASSIGN(const std::string place, absolute_directory(directory));
  TRY(check_not_nested(place, options, platform));
  TRY(platform.make_directories(place));
  TRY_ASSIGN(const auto top, platform.open_directory(place));
  TRY_ASSIGN(auto alone, top->open_own_lock());
  TRY(lock_and_tell(*alone, FileLock::Mode::kExclusive, kForever, platform.clock(),
                    options.on_lock_wait));
  TRY(check_before_making(place, options, platform));
  TRY_ASSIGN(const HoldsSections holds_sections, find_section_files(*top, options));
  TRY_ASSIGN(RepositoryState repository,
             open_or_create_repository(place, platform, holds_sections));
  TRY_ASSIGN(StorePlaces places, find_places(repository.work_tree, platform));
  TRY_ASSIGN(StoreDirectories directories, make_store_directories(std::move(places)));
  return Making{std::move(directories), std::move(alone), std::move(repository)};
}

std::string fitting_profile(Directory& root, const std::string& used) {
  for (const ProfileTrace& trace : kTraces) {
    if (trace.profile == used) continue;
    const auto there = root.info(trace.path);
    // Whatever leads there is no directory: then nothing of a profile is below it.
    if (!there) continue;
    return fmt::format(
        "{} is here already, which the profile {} is for: `syncline init --profile "
        "{}` changes this store's, as long as it holds no records",
        trace.path, trace.profile, trace.profile);
  }
  return {};
}

}  // namespace syncline
