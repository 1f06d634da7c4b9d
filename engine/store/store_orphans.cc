// Store::move_orphans: files of no record are moved to where repair keeps things.
//
// Each goes to .git/syncline/kept/orphans-<time>/<path>, by a rename where that is the same file
// system: a death between two of them leaves each file whole, in the one place or in the other.
//
// Left are the files that a row names, for the row would be left without its file, and sections:
// they stand in a file that people edit, and nothing tells whether it is being edited now.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/adopt/named_paths.h"
#include "engine/place/database_place.h"
#include "engine/store/store_impl.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {

namespace {

Finding orphan(std::string path, uint64_t id, std::string detail) {
  return {FindingClass::kForeignFile, 0, std::move(path), {}, id, {}, std::move(detail)};
}

}  // namespace

Result<RepairReport> Store::move_orphans(bool dry_run) {
  TRY(impl_->check_process());
  Impl& store = *impl_;
  TRY(store.check_writable());
  TRY_ASSIGN(const auto alone, store.lock_orphans(kForever));
  TRY_ASSIGN(const Orphans orphans, store.find_orphans(kForever));
  TRY_ASSIGN(const auto database,
             Database::open(database_file(store.places, *store.config), Database::Access::kRead));
  TRY_ASSIGN(const auto named, paths_of_rows(*database, *store.config, store.places.root, orphans));
  RepairReport report;
  const std::string kept = kept_path_of(fmt::format("orphans-{}", store.clock.now_ms()));
  for (const OrphanFile& file : orphans.files) {
    if (const auto row = named.find(file.path); row != named.end()) {
      report.left.push_back(orphan(file.path, row->second,
                                   fmt::format("row {} names it: `syncline adopt` takes both in",
                                               static_cast<int64_t>(row->second))));
      continue;
    }
    const std::string to = fmt::format("{}/{}", kept, file.path);
    if (!dry_run) {
      const size_t slash = to.rfind('/');
      TRY(store.store_directory->make_directories(to.substr(0, slash), /*private_mode=*/true));
      const Status moved = store.platform.move_file(store.places.root + "/" + file.path,
                                                    store.places.store_dir + "/" + to);
      if (!moved) {
        report.left.push_back(orphan(file.path, 0, moved.error().message));
        continue;
      }
      report.kept_in = store.places.store_dir + "/" + kept;
    }
    report.healed.push_back(orphan(file.path, 0, "a file of no record: moved aside"));
  }
  for (const OrphanSection& section : orphans.sections) {
    report.left.push_back(
        orphan(section.path, section.number,
               fmt::format("the section \"{}\" stands in a file that people edit: `syncline adopt` "
                           "takes it in",
                           section.heading)));
  }
  return report;
}

}  // namespace syncline
