#include "engine/roles/role_context.h"

#include <utility>

#include "engine/place/database_place.h"
#include "journal/base/try.h"
#include "sync/syncer.h"

namespace syncline {

RoleContext::RoleContext(const StorePlaces& store_places, const Identity& identity,
                         std::shared_ptr<const Config> store_config, Directory& directory,
                         Journal& store_journal, Clock& store_clock, bool take_over)
    : places(store_places),
      config(std::move(store_config)),
      database_file(syncline::database_file(places, *config)),
      branch(config->sync.branch.empty() ? identity.branch : config->sync.branch),
      branch_was_born(identity.ready && branch == identity.branch),
      take_over_database(take_over),
      store_directory(directory),
      journal(store_journal),
      clock(store_clock) {}

Result<std::unique_ptr<Syncer>> RoleContext::open_syncer() const {
  SyncOptions options = config->sync;
  options.branch = branch;
  options.branch_was_born = branch_was_born;
  options.follows_renames = config->sync.branch.empty();
  return Syncer::open(places.root, store_directory, journal, clock, std::move(options),
                      *places.platform);
}

Result<std::unique_ptr<Syncer>> RoleContext::open_current_syncer() const {
  TRY_ASSIGN(auto syncer, open_syncer());
  TRY(syncer->committer().refresh());
  TRY_ASSIGN([[maybe_unused]] const std::string told, syncer->follow_branch());
  return syncer;
}

}  // namespace syncline
