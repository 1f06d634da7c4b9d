// Store::salvage: what is durable, damaged in the journal and still known elsewhere is put back.
//
// The store is closed while this runs: a journal with damage under a claim does not open, and a
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
#include "sync/own/own_claims.h"

namespace syncline {
Result<RepairReport> Store::salvage(const std::string& root, bool dry_run,
                                    StorePlatform* on_platform) {
  StorePlatform& platform = platform_or_system(on_platform);
  TRY_ASSIGN(const StorePlaces places, find_places(root, platform));
  TRY_ASSIGN(const auto common, platform.open_directory(places.common_dir));
  TRY_ASSIGN(const auto directory, platform.open_directory(places.store_dir));
  TRY_ASSIGN(const Identity identity, read_identity(*directory));
  TRY(check_identity(identity, *common));
  TRY_ASSIGN(const auto config, load_config(places, *directory));
  TRY_ASSIGN(const auto work_tree, platform.open_directory(places.root));

  const DatabaseFile file = database_file(places, *config);
  const std::unique_ptr<Database> database = open_if_sound(platform, file, identity.store);
  TRY_ASSIGN(std::vector<DurableClaim> claims,
             own_claims(places.common_dir, *common, *directory, identity.store, platform));
  if (database != nullptr) {
    TRY_ASSIGN(const auto known, database_claims(*database, identity.store, config->database));
    claims.insert(claims.end(), known.begin(), known.end());
  }
  // Without git, rows and files have to do.
  Result<OwnCommits> commits =
      OwnCommits::open(places.common_dir, *common, identity.store, platform);
  TRY_ASSIGN(KnownIds known_ids, read_known_ids(*directory, identity.store));
  FrameFinder finder(*config, identity.tag, database.get(), commits ? &*commits : nullptr,
                     *work_tree, std::move(known_ids));
  const std::string kept = kept_path_of(fmt::format("journal-{}", platform.clock().now_ms()));
  TRY_ASSIGN(const SalvageReport salvaged,
             salvage_journal(*directory, identity.store, finder, claims, kept, dry_run));
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
