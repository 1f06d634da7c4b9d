// Making a store, and giving a copied or moved one its identity.
//
// The order, so that what a crash interrupts anywhere is finished by running init again:
// repository → store directory → identity, not ready (it fixes the store id) → syncline.toml →
// journal with its first configuration frame → tables → the commit of syncline.toml → identity,
// ready. On the way init removes the temporary files of one that crashed.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "engine/config/database_fit.h"
#include "engine/config/profiles.h"
#include "engine/place/database_place.h"
#include "engine/place/ignored_kinds.h"
#include "engine/projection/schema.h"
#include "engine/store/init_place.h"
#include "engine/store/store_copy.h"
#include "engine/store/store_impl.h"
#include "engine/verify/lost_keys.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/os/whole_file.h"
#include "journal/record/control_frame.h"
#include "sync/git/merge_driver.h"
#include "sync/git/own_excludes.h"
#include "sync/repository.h"
#include "sync/repository_commit.h"

namespace syncline {

namespace {

StoreId random_store_id(Random& random) {
  StoreId id;
  for (size_t i = 0; i < id.bytes.size(); i += sizeof(uint64_t)) {
    store_le(id.bytes.data() + i, random.next_u64());
  }
  return id;
}

std::string tag_of(const StoreId& store) {
  return store.hex().substr(0, 6);
}

// The configuration in the work tree, written there from the profile when there is none.
Result<Config> settle_config(Making& making, const std::string& profile) {
  Result<std::string> text = read_file(*making.root, kConfigFile, kConfigBytesMax);
  if (!text && text.error().code == Code::kNotFound) {
    TRY_ASSIGN(const std::string fresh, profile_text(profile));
    TRY(replace_file(*making.root, kConfigFile, as_bytes(fresh)));
    return parse_config(fresh);
  }
  if (!text) return std::move(text).error();
  return parse_config(std::move(*text));
}

// The journal with its first frame, the database with its tables.
Status make_projections(Making& making, const Identity& identity,
                        const std::shared_ptr<const Config>& config, Clock& clock,
                        std::vector<std::string>& notes) {
  JournalOptions options;
  options.segment_bytes_max = config->segment_bytes_max;
  std::optional<KeptKeys> below;
  if (!identity.kept.empty()) {
    TRY_ASSIGN(const auto kept, making.store->open_directory(identity.kept));
    TRY_ASSIGN(below, keys_of_lost_store(*kept, making.places, *config, identity.first_seq));
  }
  const Status created = Journal::create(*making.store, identity.store, clock, options,
                                         identity.first_seq, keep_below(identity.store, below));
  if (!created && created.error().code != Code::kExists) return created;
  TRY_ASSIGN(auto journal,
             Journal::open(*making.store, identity.store, clock,
                           making.places.platform->make_ring(/*many_groups=*/false), options));
  TRY(journal->append_control(Operation::kConfig, encode(ConfigFrame{config->text}),
                              clock.now_ms()));
  TRY(replace_file(*making.store, kConfigCopyFile, as_bytes(config->text), /*durable=*/false));
  TRY(prepare_database_place(making.repository, *making.root, *config));
  // Rows of another store's records stay, as foreign ones.
  const bool beside_others = !identity.tag.empty() || !identity.kept.empty();
  Roles roles(making.places, identity, config, *making.store, *journal, clock, beside_others);
  return roles.apply.with_applier([&](Applier& applier) -> Status {
    TRY(applier.step());
    for (std::string& told : applier.take_notes()) notes.push_back(std::move(told));
    TRY_ASSIGN(auto obstacles, obstacles_in_tables(applier.database(), *config));
    std::ranges::move(obstacles, std::back_inserter(notes));
    return applier.checkpoint();
  });
}

Status adopt_identity(Making& making, Identity identity) {
  TRY_ASSIGN(identity.bound, making.common->identity());
  return write_identity(*making.store, identity);
}

// While this lives nobody has the store open, and nobody can open it. An opener that waits
// meanwhile finds another identity afterwards.
class ClosedStore {
 public:
  static Result<ClosedStore> close(Directory& store) {
    ClosedStore closed;
    TRY_ASSIGN(closed.append_lock_, store.open_lock(kAppendLockName));
    TRY_ASSIGN(closed.open_lock_, store.open_lock(kOpenLockName));
    TRY_ASSIGN(const bool append_held, closed.append_lock_->try_lock(FileLock::Mode::kExclusive));
    TRY_ASSIGN(const bool open_held, closed.open_lock_->try_lock(FileLock::Mode::kExclusive));
    if (append_held && open_held) return closed;
    return make_error(Code::kBusy, "other processes have the store open: nothing was moved",
                      "end them, then run this again");
  }

 private:
  std::unique_ptr<FileLock> append_lock_, open_lock_;
};

// For `init --moved`, where syncline.toml names another place for the database.
Status take_database_along(Making& making, const Config& config) {
  TRY_ASSIGN(const auto apply_role, making.store->open_lock(kApplyLockName));
  TRY(apply_role->lock(FileLock::Mode::kExclusive, kForever));
  TRY_ASSIGN(Identity identity, read_identity(*making.store));
  TRY(prepare_database_place(making.repository, *making.root, config));
  return move_database(making.places, *making.root, *making.store, identity, config);
}

// For a copy that is to be a store of its own, and for a store that has lost its identity: what is
// there is moved below `kept`. Init then finds a repository with another store's records and no
// journal, as in a clone.
Status set_old_store_aside(Making& making, const std::string& kept, bool with_identity = true) {
  TRY_ASSIGN(const ClosedStore closed, ClosedStore::close(*making.store));
  TRY(making.store->make_directories(kept, /*private_mode=*/true));
  TRY(making.store->sync_directory(kKeptDirectory));
  TRY_ASSIGN(const auto names, making.store->list("."));
  // Journal and identity go last: until then an init after a crash finds the old store, and does
  // this again.
  std::vector<std::string> last;
  for (const std::string& name : names) {
    if (name == kKeptDirectory || name.ends_with(".lock")) continue;
    if (name == kIdentityFile && !with_identity) continue;
    if (name == kJournalDirectory || name == kIdentityFile) {
      last.push_back(name);
      continue;
    }
    TRY(making.store->rename(name, kept + "/" + name));
  }
  std::ranges::sort(last, std::greater<>());
  for (const std::string& name : last) TRY(making.store->rename(name, kept + "/" + name));
  TRY(making.store->sync_directory(kept));
  return making.store->sync_directory(".");
}

// Makes the identity of the store that goes on above one that is given up. The old identity stays
// until everything else is kept, and the new one replaces it in one step: so that after a crash
// anywhere this is done again.
Result<Identity> follow_lost_store(Making& making, const Identity& lost, Random& random) {
  TRY(set_old_store_aside(making, lost.kept, /*with_identity=*/false));
  Identity as_it_was = lost;
  as_it_was.ready = true;
  as_it_was.accepting_loss = false;
  TRY_ASSIGN(const auto kept, making.store->open_directory(lost.kept));
  TRY(write_identity(*kept, as_it_was));
  Identity fresh = lost;
  fresh.accepting_loss = false;
  fresh.store = random_store_id(random);
  fresh.tag = tag_of(fresh.store);
  TRY(write_identity(*making.store, fresh));
  return fresh;
}

// Once `.git` has its name, all that can be left in the hidden repository are files with which
// libgit2 probed the file system and which could not be removed then.
Status remove_hidden_repository(Directory& root) {
  const auto names = root.list(kHiddenRepository);
  if (!names && names.error().code == Code::kNotFound) return {};
  if (!names) return names.error();
  for (const std::string& name : *names) {
    TRY(root.remove_file(std::string(kHiddenRepository) + "/" + name));
  }
  return root.remove_directory(kHiddenRepository);
}

// An init that died while it wrote one of these files has left a temporary file beside it.
Status remove_left_temporaries(Making& making) {
  TRY(remove_hidden_repository(*making.root));
  TRY(remove_temporaries(*making.root, kConfigFile));
  for (const std::string_view name : {kIdentityFile, kConfigCopyFile, kCacheTokenFile}) {
    TRY(remove_temporaries(*making.store, name));
  }
  TRY(remove_temporaries(*making.common, "info/attributes"));
  return remove_temporaries(*making.common, "info/exclude");
}

constexpr std::string_view kNoMergeDriver =
    "another program is changing .git/config, so git was not told how to merge files of sections: "
    "`syncline repair` does it";

// There are traces of a store, and no identity to go on with: going on as if the store were new
// could give ids and keys a second time.
Error refuse_without_identity(const Making& making, bool journal_there) {
  if (journal_there) {
    return make_error(Code::kDisagree,
                      fmt::format("{} holds a journal, but the file `identity` that says whose is "
                                  "gone",
                                  making.places.store_dir),
                      "put that file back from a backup; `syncline init --new-identity` keeps the "
                      "journal aside and makes a store of its own");
  }
  const size_t others = making.repository.foreign_stores.size();
  return make_error(
      Code::kDisagree,
      fmt::format("this repository has commits of {} other store{}, but no journal: it is a "
                  "clone, or the journal was lost",
                  others, others == 1 ? "" : "s"),
      "`syncline init --new-identity` makes a store of its own beside them");
}

// The store whose projection the database is, by its id; empty where there is none.
Result<std::string> owner_of_database(const DatabaseFile& file) {
  TRY_ASSIGN(const auto database, open_to_read(file));
  if (database == nullptr) return std::string{};
  TRY_ASSIGN(const bool known, database->has_table("syncline_meta"));
  if (!known) return std::string{};
  TRY_ASSIGN(const auto owner, read_meta_text(*database, "store"));
  return owner.value_or(std::string{});
}

// `.git` was replaced, and the database of the store that was in it is still here: its rows stay,
// and the new store goes on above them, if it was asked to be one of its own.
Status go_on_beside_rows(const Making& making, const Config& config, bool new_identity,
                         Identity& identity) {
  // For a syncline.toml of the branch alone a tag is given unasked.
  const bool asked = !making.repository.config_committed || !identity.kept.empty() ||
                     !making.repository.foreign_stores.empty();
  if (!identity.tag.empty() && asked) return {};
  TRY_ASSIGN(const std::string owner, owner_of_database(database_file(making.places, config)));
  if (owner.empty() || owner == identity.store.hex()) return {};
  if (!new_identity) {
    return make_error(
        Code::kDisagree,
        fmt::format("{} is the projection of store {}, whose journal is not in this repository",
                    config.database, owner),
        "put the .git directory back that it was made with; or `syncline init --new-identity` "
        "keeps its rows and goes on above them");
  }
  identity.tag = tag_of(identity.store);
  return write_identity(*making.store, identity);
}

Result<bool> holds_records(Making& making, const Identity& identity, Clock& clock) {
  TRY_ASSIGN(const auto journal,
             Journal::open(*making.store, identity.store, clock,
                           making.places.platform->make_ring(/*many_groups=*/false), {}));
  return journal->end().seq >= identity.first_seq;
}

// The database that init made for a profile which is given up, unless a person has put something
// into it.
Status remove_unused_database(Making& making, const Config& config) {
  {
    auto opened = Database::open(database_file(making.places, config), Database::Access::kRead);
    if (!opened && opened.error().code == Code::kNotFound) return {};
    if (!opened) return std::move(opened).error();
    TRY_ASSIGN(
        Statement tables,
        (*opened)->prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE "
                           "'syncline!_%' ESCAPE '!' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"));
    while (true) {
      TRY_ASSIGN(const bool row, tables.step());
      if (!row) break;
      const std::string name(tables.text(0));
      const bool ours = std::ranges::any_of(
          config.kinds, [&](const KindSpec& kind) { return kind.table == name; });
      if (!ours) return {};
      TRY_ASSIGN(Statement rows, (*opened)->prepare(fmt::format("SELECT 1 FROM {} LIMIT 1",
                                                                quote_identifier(name))));
      TRY_ASSIGN(const bool filled, rows.step());
      if (filled) return {};
    }
  }
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    const Status removed = making.root->remove_file(config.database + suffix);
    if (!removed && removed.error().code != Code::kNotFound) return removed;
  }
  return {};
}

// Gives the store another profile, if it holds no records and its syncline.toml is as init wrote
// it: from here on it is one that an init has left half made, which this one goes on with. Else a
// sentence that says why its profile stays.
Result<std::string> give_profile_up(Making& making, Identity& identity, const Config& config,
                                    const InitOptions& options, Clock& clock) {
  const auto stays = [&](std::string_view why) {
    return fmt::format("its profile stays {}: {}", config.profile, why);
  };
  constexpr std::string_view kHoldsRecords = "it holds records";
  TRY_ASSIGN(const std::string text, profile_text(options.profile));
  const auto untouched = profile_text(config.profile);
  if (!untouched || *untouched != config.text) {
    return stays(fmt::format("{} has been changed since; edit it instead", kConfigFile));
  }
  TRY_ASSIGN(bool recorded, holds_records(making, identity, clock));
  if (recorded) return stays(kHoldsRecords);
  TRY_ASSIGN(const Config wanted, parse_config(text));
  TRY(check_new_database(making.places, *making.root, wanted));
  {
    TRY_ASSIGN(const ClosedStore closed, ClosedStore::close(*making.store));
    identity.ready = false;
    TRY(write_identity(*making.store, identity));
  }
  // Nobody can record any more; somebody may have, until then.
  TRY_ASSIGN(recorded, holds_records(making, identity, clock));
  if (recorded) {
    identity.ready = true;
    TRY(write_identity(*making.store, identity));
    return stays(kHoldsRecords);
  }
  TRY(remove_unused_database(making, config));
  TRY(replace_file(*making.root, kConfigFile, as_bytes(text)));
  return std::string();
}

// Written while nobody has the copy open: whoever reads it then begins anew with a store.
Status promote(Making& making, Identity& identity, const InitOptions& options, InitReport& report) {
  if (!identity.read_only) {
    report.notes.emplace_back("it takes records already");
    return {};
  }
  TRY(check_identity(identity, *making.common));
  TRY_ASSIGN(const ClosedStore closed, ClosedStore::close(*making.store));
  identity.read_only = false;
  if (!options.merge_program.empty()) {
    TRY_ASSIGN(const bool set,
               set_merge_driver(*making.common, identity.store.hex(), options.merge_program));
    if (!set) report.notes.emplace_back(kNoMergeDriver);
  }
  TRY(write_identity(*making.store, identity));
  report.notes.push_back(fmt::format(
      "it takes records now, as store {}: what it was made of is not to be used any more",
      identity.store.hex()));
  return {};
}

// Everything from the first lock on; `making` has its place to itself.
Result<InitReport> make_store(Making& making, const InitOptions& options, StorePlatform& platform) {
  Clock& clock = platform.clock();
  InitReport report;
  report.root = making.places.root;
  report.created_repository = making.repository.created;

  // One init at a time, in all work trees of the repository: whatever is half made here was then
  // left by one that died.
  TRY_ASSIGN(const auto alone, making.store->open_lock(kInitLockName));
  TRY(lock_and_tell(*alone, FileLock::Mode::kExclusive, kForever, clock, options.on_lock_wait));
  Result<Identity> identity = read_identity(*making.store);
  if (!identity && identity.error().code != Code::kNotFound) return std::move(identity).error();
  if (identity && identity->accepting_loss) {
    TRY(check_identity(*identity, *making.common));
    TRY_ASSIGN(identity, follow_lost_store(making, *identity, platform.random()));
  }
  if (identity && identity->read_only) TRY(check_ready(*identity));  // half a copy stays one
  if (options.promote && identity) TRY(promote(making, *identity, options, report));
  if (identity && identity->ready) {
    const Status bound = check_identity(*identity, *making.common);
    if (!bound && !options.moved && !options.new_identity) return bound.error();
    if (!bound && options.new_identity) {
      TRY(set_old_store_aside(making, kept_path_of("identity-" + identity->store.hex())));
      alone->unlock();
      return make_store(making, options, platform);
    }
    const std::string here = home_name(making.places);
    const bool elsewhere = !identity->home.empty() && identity->home != here;
    if (elsewhere && !options.moved) {
      report.existed = true;
      report.store_id = identity->store.hex();
      TRY_ASSIGN(const StorePlaces home, places_of_home(making.places, identity->home));
      report.root = home.root;
      TRY_ASSIGN(making.root, platform.open_directory(home.root));
      TRY_ASSIGN(const LoadedConfig loaded, load_config(making));
      report.profile = loaded.config->profile;
      return report;
    }
    if (elsewhere || (options.moved && identity->home.empty())) identity->home = here;
    if (!bound || elsewhere) TRY(adopt_identity(making, *identity));
    TRY_ASSIGN(const LoadedConfig loaded, load_config(making));
    const auto& config = loaded.config;
    const Status known = check_known_database(*identity, *making.store, *config);
    if (!known && !options.moved) return known.error();
    if (!known) TRY(take_database_along(making, *config));
    bool stays = options.profile.empty() || options.profile == config->profile;
    if (!stays) {
      TRY_ASSIGN(std::string why, give_profile_up(making, *identity, *config, options, clock));
      stays = !why.empty();
      if (stays) report.notes.push_back(std::move(why));
    }
    if (stays) {
      report.existed = bound.has_value() && known.has_value() && !elsewhere;
      TRY_ASSIGN([[maybe_unused]] const size_t converted,
                 switch_conversions_off(making.repository, config->sync.own_paths, clock));
      TRY(write_own_excludes(*making.common, config->sync.excluded));
      TRY_ASSIGN(auto ignored, ignored_kinds(making.places.root, *config, platform));
      std::ranges::move(ignored, std::back_inserter(report.notes));
      if (std::string tracked = tracked_database(making.places, *config); !tracked.empty()) {
        report.notes.push_back(std::move(tracked));
      }
      report.store_id = identity->store.hex();
      report.profile = config->profile;
      return report;
    }
  }
  TRY(remove_left_temporaries(making));
  if (!identity) {
    const auto journal = making.store->info(kJournalDirectory);
    if (!journal && journal.error().code != Code::kNotFound) return journal.error();
    const bool traces = journal || !making.repository.foreign_stores.empty();
    if (traces && !options.new_identity)
      return refuse_without_identity(making, journal.has_value());
    if (journal)
      TRY(set_old_store_aside(making, kept_path_of(fmt::format("store-{}", clock.now_ms()))));
    Identity fresh;
    fresh.store = random_store_id(platform.random());
    TRY_ASSIGN(fresh.bound, making.common->identity());
    fresh.branch = making.repository.branch;
    if (!making.repository.foreign_stores.empty() || making.repository.config_committed) {
      fresh.tag = tag_of(fresh.store);
      fresh.id_floor = making.repository.highest_id_in_paths;
    }
    TRY(write_identity(*making.store, fresh));
    identity = fresh;
  }
  identity->home = home_name(making.places);
  TRY_ASSIGN(Config settled, settle_config(making, profile_for_new(options)));
  TRY(check_outside_config(settled));
  auto config = std::make_shared<const Config>(std::move(settled));
  if (identity->database != config->database) {
    TRY(check_new_database(making.places, *making.root, *config));
    identity->database = config->database;
    TRY(write_identity(*making.store, *identity));
  }
  TRY(go_on_beside_rows(making, *config, options.new_identity, *identity));
  TRY_ASSIGN(const size_t converted,
             switch_conversions_off(making.repository, config->sync.own_paths, clock));
  if (converted > 0) {
    // One of them may be the configuration.
    TRY_ASSIGN(Config again, settle_config(making, profile_for_new(options)));
    config = std::make_shared<const Config>(std::move(again));
  }
  TRY(make_projections(making, *identity, config, clock, report.notes));
  SyncOptions sync = config->sync;
  sync.branch = identity->branch;
  const std::string paths[] = {std::string(kConfigFile)};
  {
    // Nobody else syncs meanwhile, so a lock that is this store's own was left by an init that
    // died.
    TRY_ASSIGN(const auto sync_role, making.store->open_lock(kSyncLockName));
    TRY(sync_role->lock(FileLock::Mode::kExclusive, kForever));
    TRY(commit_paths(making.repository, paths, "syncline: a store of records", sync, clock,
                     identity->store.hex()));
    if (!options.merge_program.empty()) {
      TRY_ASSIGN(const bool set,
                 set_merge_driver(*making.common, identity->store.hex(), options.merge_program));
      if (!set) report.notes.emplace_back(kNoMergeDriver);
    }
  }
  TRY(making.root->sync_file_system());
  identity->ready = true;
  TRY(write_identity(*making.store, *identity));
  report.store_id = identity->store.hex();
  report.profile = config->profile;
  TRY_ASSIGN(auto ignored, ignored_kinds(making.places.root, *config, platform));
  std::ranges::move(ignored, std::back_inserter(report.notes));
  if (options.profile.empty()) {
    std::string fits = fitting_profile(*making.root, config->profile);
    if (!fits.empty()) report.notes.push_back(std::move(fits));
  }
  return report;
}

}  // namespace

Result<InitReport> Store::init(const std::string& directory, const InitOptions& options) {
  // A wrong name must leave nothing half made, and must not succeed where a store is already.
  if (const auto text = profile_text(profile_for_new(options)); !text) return text.error();
  StorePlatform& platform = platform_or_system(options.platform);
  if (options.promote) {  // nothing is to be made
    TRY_ASSIGN(StorePlaces places, find_places(directory, platform));
    TRY_ASSIGN(
        [[maybe_unused]] const StoreParts parts,
        open_store_parts(std::move(places),
                         "give a directory that `syncline replay` or `syncline backup` has made"));
  }
  TRY_ASSIGN(Making making, begin_making(directory, options, platform));
  return make_store(making, options, platform);
}

}  // namespace syncline
