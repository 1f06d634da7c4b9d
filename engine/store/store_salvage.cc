// Store::salvage: puts back what was durable, is damaged in the journal, and is still known
// elsewhere.
//
// The store is closed while this runs: a journal whose damage a claim covers does not open, and a
// segment may only be replaced while nobody reads it.
#include <fmt/format.h>

#include "engine/projection/database_claims.h"
#include "engine/projection/schema.h"
#include "engine/store/store_impl.h"
#include "engine/verify/frame_finder.h"
#include "engine/verify/lost_store.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/contents/salvage.h"

namespace syncline {

Result<RepairReport> Store::salvage(const std::string& root, bool dry_run,
                                    StorePlatform* on_platform) {
  StorePlatform& platform = platform_or_system(on_platform);
  TRY_ASSIGN(StorePlaces found, find_places(root, platform));
  TRY_ASSIGN(const StoreParts parts,
             open_store_parts(std::move(found), "make it one with `syncline init`"));
  const StorePlaces& places = parts.places;
  const Identity& identity = parts.identity;
  TRY_ASSIGN(const LoadedConfig loaded, load_bound_config(parts));
  const auto& config = loaded.config;

  const DatabaseFile file = database_file(places, *config);
  const std::unique_ptr<Database> database = open_if_sound(platform, file, identity.store);
  TRY_ASSIGN(std::vector<DurableClaim> claims, claims_of_git(parts));
  if (database != nullptr) {
    TRY_ASSIGN(const auto known, database_claims(*database, identity.store, config->database));
    claims.insert(claims.end(), known.begin(), known.end());
  }
  // Where git cannot be read, rows and files have to suffice.
  Result<OwnCommits> commits =
      OwnCommits::open(places.common_dir, *parts.common, identity.store, platform);
  TRY_ASSIGN(KnownIds known_ids, read_known_ids(*parts.store, identity.store));
  FrameFinder finder(*config, identity.tag, database.get(), commits ? &*commits : nullptr,
                     *parts.root, std::move(known_ids));
  const std::string kept = kept_path_of(fmt::format("journal-{}", platform.clock().now_ms()));
  TRY_ASSIGN(const SalvageReport salvaged,
             salvage_journal(*parts.store, identity.store, finder, claims, kept, dry_run));
  RepairReport report;
  for (const SalvagedFrame& frame : salvaged.put_back) {
    report.healed.push_back(
        {.cls = FindingClass::kJournalDamaged,
         .seq = frame.seq,
         .detail = fmt::format("segment {} offset {}: put back from {}", frame.position.segment,
                               frame.position.offset, frame.source)});
  }
  if (!salvaged.left.empty()) {
    report.left.push_back({.cls = FindingClass::kJournalDamaged, .detail = salvaged.left});
  }
  if (!salvaged.put_back.empty() && !dry_run) report.kept_in = places.store_dir + "/" + kept;
  return report;
}

}  // namespace syncline
