#include "engine/roles/roles.h"

#include <utility>

#include "journal/base/layout.h"

namespace syncline {

Roles::Roles(const StorePlaces& places, const Identity& identity,
             std::shared_ptr<const Config> config, Directory& store_directory, Journal& journal,
             Clock& clock, bool take_over_database)
    : context_(places, identity, std::move(config), store_directory, journal, clock,
               take_over_database),
      apply(context_),
      sync(context_, apply),
      last_caller(journal, clock, places.platform->random(), kCallersLockName) {}

}  // namespace syncline
