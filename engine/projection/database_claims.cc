#include "engine/projection/database_claims.h"

#include "engine/projection/schema.h"
#include "journal/base/try.h"

namespace syncline {

Result<std::vector<DurableClaim>> database_claims(Database& database, const StoreId& store,
                                                  const std::string& name) {
  std::vector<DurableClaim> claims;
  TRY_ASSIGN(const bool known, database.has_table("syncline_meta"));
  if (!known) return claims;
  TRY_ASSIGN(const auto projected, read_meta_text(database, "store"));
  if (projected != store.hex()) return claims;
  TRY_ASSIGN(const auto applied, read_applied_mark(database));
  if (applied) claims.push_back({*applied, "applied watermark of " + name});
  TRY_ASSIGN(const auto durable, read_durable_mark(database));
  if (durable) claims.push_back({*durable, "durable mark in " + name});
  return claims;
}

}  // namespace syncline
