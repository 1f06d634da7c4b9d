// Store::backup_into and restore_into: the whole store copied as it is at one moment.
//
// The copies are taken in the order database ─► repository ─► journal, and the sync role is held
// meanwhile, so that nothing is folded or trimmed: whatever the first two claim to have been
// durable is in the journal that is copied last. Others go on recording and applying. Then the copy
// is made whole from its own journal: what the database lacks is applied, and files that no commit
// of the branch holds yet are written. Only then is its identity ready; a copy that was interrupted
// is none.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/projection/database_replacement.h"
#include "engine/store/store_copy.h"
#include "engine/store/store_impl.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/journal_copy.h"
#include "sync/repository_copy.h"

namespace syncline {

namespace {

// What of an open store is copied.
struct CopySource {
  const StorePlaces& places;
  std::shared_ptr<const Config> config;
  Directory& store_directory;
  Journal& journal;
  Clock& clock;
  StorePlatform& platform;
  Notes& notes;
};

// A store's content on its way into an empty place.
class StoreCopy {
 public:
  StoreCopy(CopySource source, const RepositoryState& repository, StoreParts parts)
      : source_(std::move(source)), repository_(repository), parts_(std::move(parts)) {}

  // With the role that folds and trims, or from a store that nobody writes to.
  Status take(const std::string& branch) {
    parts_.identity.branch = branch;
    TRY(write_identity(*parts_.store, parts_.identity));
    const Config& config = *source_.config;
    TRY(prepare_database_place(repository_, *parts_.root, config));
    TRY(copy_database());
    TRY(copy_repository(source_.places.root, repository_, branch, config.sync.remote));
    TRY(source_.journal.flush_all());
    TRY(copy_journal(source_.store_directory, *parts_.store, source_.journal.durable()));
    TRY_ASSIGN(const HeldPaths held,
               load_held_paths(source_.store_directory, source_.journal.store()));
    if (!held.empty()) TRY(save_held_paths(*parts_.store, parts_.identity.store, held));
    return put_config(config);
  }

  // What the copies lack of each other comes out of the journal.
  Result<CopyReport> make_whole() {
    JournalOptions options;
    options.segment_bytes_max = source_.config->segment_bytes_max;
    TRY_ASSIGN(const auto journal,
               Journal::open(*parts_.store, parts_.identity.store, source_.clock,
                             source_.platform.make_ring(/*many_groups=*/true), options));
    Roles roles(parts_.places, parts_.identity, source_.config, *parts_.store, *journal,
                source_.clock);
    TRY(roles.apply.try_turns());
    CopyReport report{.journaled = journal->durable().seq};
    TRY(roles.sync.with_syncer([&](Syncer& syncer, OutcomeSource& outcomes) -> Status {
      TRY(syncer.committer().recover(outcomes));
      report.committed = syncer.committed();
      report.published = syncer.published();
      return {};
    }));
    TRY(roles.apply.with_applier([&](Applier& applier) -> Status {
      report.applied = applier.applied().seq;
      std::vector<uint64_t> unpublished(report.applied -
                                        std::min(report.applied, report.published));
      std::iota(unpublished.begin(), unpublished.end(), report.published + 1);
      TRY_ASSIGN(const HeldPaths held, load_held_paths(*parts_.store, parts_.identity.store));
      if (!held.empty()) {
        // Which records are those, the journal tells: all are looked at.
        unpublished.resize(report.applied);
        std::iota(unpublished.begin(), unpublished.end(), 1);
      }
      TRY(applier.restore_files(std::move(unpublished)));
      return applier.checkpoint();
    }));
    return report;
  }

  Status finish(bool takes_records) {
    TRY(parts_.root->sync_file_system());
    parts_.identity.read_only = !takes_records;
    parts_.identity.ready = true;
    return write_identity(*parts_.store, parts_.identity);
  }

 private:
  // A database that is lost or damaged is built anew from the journal.
  Status copy_database() {
    const DatabaseFile from = database_file(source_.places, *source_.config);
    const Status sound = check_database(from);
    if (!sound && sound.error().code != Code::kCorrupt) return sound;
    TRY_ASSIGN(const bool there, source_.platform.is_there(from.path));
    if (!sound || !there) {
      source_.notes.add(
          "the database could not be read: the copy's is built from the journal, without what "
          "people have added to it");
      return {};
    }
    TRY_ASSIGN(const auto database, Database::open(from, Database::Access::kRead));
    return database->copy_into(database_file(parts_.places, *source_.config).path);
  }

  // The settings that hold, where the branch has others or none.
  Status put_config(const Config& config) {
    const auto there = read_file(*parts_.root, kConfigFile);
    if (there && *there == config.text) return {};
    return replace_file(*parts_.root, kConfigFile, as_bytes(config.text));
  }

  const CopySource source_;
  const RepositoryState& repository_;
  StoreParts parts_;
};

}  // namespace

Result<CopyReport> Store::Impl::copy_into(const std::string& directory, bool takes_records) {
  TRY_ASSIGN(const RepositoryState repository, make_empty_repository(directory, platform));
  TRY_ASSIGN(StoreParts parts, begin_copy(identity, repository, platform));
  StoreCopy copy({.places = places,
                  .config = config,
                  .store_directory = *store_directory,
                  .journal = *journal,
                  .clock = clock,
                  .platform = platform,
                  .notes = notes},
                 repository, std::move(parts));
  const auto take = [&](Syncer& syncer) { return copy.take(syncer.branch()); };
  if (identity.read_only || unbound) {
    TRY(roles->sync.read_syncer(take));
  } else {
    TRY(roles->sync.with_syncer(
        [&](Syncer& syncer, OutcomeSource& /*outcomes*/) { return take(syncer); }));
  }
  TRY_ASSIGN(const CopyReport report, copy.make_whole());
  TRY(copy.finish(takes_records));
  return report;
}

Result<CopyReport> Store::backup_into(const std::string& directory) {
  TRY(impl_->check_process());
  return impl_->copy_into(directory, /*takes_records=*/false);
}

Result<CopyReport> Store::restore_into(const std::string& directory) {
  TRY(impl_->check_process());
  if (!impl_->identity.read_only) {
    return make_error(Code::kInvalid,
                      fmt::format("{} takes records itself: it is no backup", impl_->places.root),
                      "give a directory that `syncline backup` or `syncline replay` has made");
  }
  return impl_->copy_into(directory, /*takes_records=*/true);
}

}  // namespace syncline
