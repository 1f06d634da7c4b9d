#include "engine/roles/role_context.h"

#include <utility>

#include "engine/place/database_place.h"

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

}  // namespace syncline
