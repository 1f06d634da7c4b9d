// Finding a store, and opening it:
//
//   places → owner → directories, identity → configuration → claims (git, database) → journal,
//   which recovers where nobody else has it open → identity once more → roles; a damaged database
//   is rebuilt → watermarks → write queue → threads
//
// Nothing is changed before the journal is open. Failure: the store is as it was, and the sentence
// says what to do.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "engine/place/database_place.h"
#include "engine/projection/database_claims.h"
#include "engine/projection/database_replacement.h"
#include "engine/store/store_impl.h"
#include "engine/store/store_parts.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "syncline/store.h"

namespace syncline {

namespace {

// It says nothing about the place that was looked at.
bool is_passing(const Error& error) {
  return error.sys_errno == EMFILE || error.sys_errno == ENFILE || error.sys_errno == ENOMEM ||
         error.sys_errno == EIO;
}

}  // namespace

Result<std::string> Store::discover(const std::string& start) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path at = fs::canonical(start, error);
  if (error) return errno_error(error.value(), fmt::format("opening {}", start));
  while (true) {
    const auto places = find_places(at.string(), system_store_platform());
    if (places) {
      TRY_ASSIGN(const bool there, system_store_platform().is_there(places->store_dir + "/" +
                                                                    std::string(kIdentityFile)));
      if (there) return places->root;
    } else if (is_passing(places.error())) {
      return places.error();
    }
    if (at == at.parent_path()) break;
    at = at.parent_path();
  }
  return make_error(Code::kNoStore, fmt::format("no store at {} or above it", start),
                    "make one with `syncline init`, or name one with --store");
}

namespace {

// A database that knows nothing claims nothing.
Result<std::vector<DurableClaim>> claims_of_database(const DatabaseFile& file, const StoreId& store,
                                                     const std::string& name) {
  TRY_ASSIGN(const auto database, open_to_read(file));
  if (database == nullptr) return std::vector<DurableClaim>();
  return database_claims(*database, store, name);
}

struct KnownDurable {
  std::vector<DurableClaim> claims;
  bool database_damaged = false;  // it claims nothing, and is to be rebuilt
};

// What others know to have been durable of the journal, asked at every open. It cannot be left to
// the process that recovers the log alone: whether this one does is known only once the journal has
// its locks, and one that joins compares the log with the claims too, for database or ref may have
// been put back since the first of them asked (Journal::Impl::join).
Result<KnownDurable> gather_claims(const StoreParts& parts, const Config& config,
                                   StorePlatform& platform) {
  KnownDurable durable;
  std::vector<DurableClaim>& claims = durable.claims;
  TRY_ASSIGN(claims, claims_of_git(parts));
  const DatabaseFile database = database_file(parts.places, config);
  TRY_ASSIGN(const bool there, platform.is_there(database.path));
  if (const auto copy = parts.store->info(kDatabaseCopy); copy) {
    durable.database_damaged = true;  // its replacement was begun, and is finished by the rebuild
  } else if (copy.error().code != Code::kNotFound) {
    return copy.error();
  } else if (there) {
    const auto known = claims_of_database(database, parts.identity.store, config.database);
    if (known) {
      claims.insert(claims.end(), known->begin(), known->end());
    } else if (known.error().code == Code::kCorrupt) {
      durable.database_damaged = true;
    } else {
      return known.error();
    }
  }
  return durable;
}

// What database and git said when the last one-shot caller left them; empty where either was
// changed since, or where the database is being replaced.
std::optional<OpenMemo> recall_memo(const StoreParts& parts, const Config& config) {
  if (parts.store->info(kDatabaseCopy)) return std::nullopt;
  const StoreId& store = parts.identity.store;
  const auto git = git_fingerprint(*parts.common, *parts.store, store);
  const auto database = database_fingerprint(*parts.root, config.database);
  if (!git || !database) return std::nullopt;
  const Memos memos = Journal::recall(*parts.store, store);
  const auto of_git = git_memo(memos, *git);
  auto of_database = database_memo(memos, *database);
  if (!of_git || !of_database) return std::nullopt;
  return OpenMemo{std::move(*of_database), *of_git};
}

// Says that this caller is there, as early as it can: the others leave to it what is pending. Where
// it cannot, they find themselves the last ones, and do more than they have to.
std::unique_ptr<FileLock> announce(Directory& store) {
  auto lock = store.open_lock(kCallersLockName);
  if (!lock || !(*lock)->try_lock(FileLock::Mode::kShared)) return nullptr;
  return std::move(*lock);
}

// The journal does not hold what was acknowledged. Every verb that opens the store says so, and
// what can be done about it.
Error journal_refused(Error error) {
  if (error.code == Code::kNotFound) {
    error = make_error(Code::kCorrupt, "segment 1 offset 0: the journal is lost: " + error.message);
  }
  if (error.code != Code::kCorrupt) return error;
  if (error.sys_errno == EIO) {
    error.hint =
        "nothing was changed; check the disk and the system's log: once it gives the bytes again, "
        "nothing is lost; if it never does, `syncline repair` puts back what is known elsewhere";
    return error;
  }
  error.hint =
      "nothing was changed; `syncline repair` puts back what is still known elsewhere; for the "
      "rest put .git/syncline/journal back from a backup, or go on without it: `syncline repair "
      "--accept-loss`";
  return error;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& root, const StoreOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  TRY_ASSIGN(StorePlaces places, find_places(root, impl->platform));
  TRY(check_owner(places));
  const std::string called_in = places.root;
  TRY_ASSIGN(StoreParts parts,
             open_store_parts(std::move(places), "make it one with `syncline init`"));
  if (parts.places.root != called_in) {
    TRY(check_owner(parts.places));
    impl->notes.add(
        fmt::format("rows and files of this repository's store are in {}", parts.places.root));
  }
  TRY(check_ready(parts.identity));
  auto announced = options.one_shot ? announce(*parts.store) : nullptr;
  if (const Status bound = check_identity(parts.identity, *parts.common); !bound) {
    if (!options.read_only || bound.error().code != Code::kDisagree) return bound.error();
    impl->notes.add(bound.error().message + ": it is read, and nothing is written");
    impl->unbound = bound.error();
  }
  TRY_ASSIGN(LoadedConfig loaded, load_config(parts));
  impl->config = std::move(loaded.config);
  if (!loaded.doubt.empty()) impl->notes.add(std::move(loaded.doubt));
  TRY(check_known_database(parts.identity, *parts.store, *impl->config));
  std::optional<OpenMemo> memo = recall_memo(parts, *impl->config);
  KnownDurable
      durable;  // nothing that the control page's mark does not say too, where a memo holds
  if (!memo) {
    TRY_ASSIGN(durable, gather_claims(parts, *impl->config, impl->platform));
  }

  impl->places = std::move(parts.places);
  impl->identity = std::move(parts.identity);
  impl->store_directory = std::move(parts.store);
  TRY(impl->open_journal(durable.claims));
  impl->roles = std::make_unique<Roles>(impl->places, impl->identity, impl->config,
                                        *impl->store_directory, *impl->journal, impl->clock);
  if (!options.background) impl->roles->expect_short_life();
  impl->roles->tell_waits(options.on_wait);
  if (durable.database_damaged && !options.read_only) TRY(impl->roles->apply.rebuild_database());
  if (impl->journal->recovery().alone) TRY(impl->restore_watermarks(memo ? &*memo : nullptr));
  impl->make_queue(std::move(memo));
  if (options.background) TRY(impl->start_background());
  impl->roles->last_caller.adopt(std::move(announced));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Status Store::Impl::open_journal(std::span<const DurableClaim> claims) {
  JournalOptions journal_options;
  journal_options.segment_bytes_max = config->segment_bytes_max;
  journal_options.open_deadline = options.open_deadline;
  journal_options.beside = options.read_only && options.beside_writers;
  journal_options.on_wait = options.on_lock_wait;
  // A one-shot command appends one group: setting a ring up costs more than it could save.
  auto ring = platform.make_ring(/*many_groups=*/options.background);
  auto opened = Journal::open(*store_directory, identity.store, clock, std::move(ring),
                              journal_options, claims);
  if (!opened) return journal_refused(std::move(opened).error());
  journal = std::move(*opened);
  // The identity is read a second time: until the journal was open somebody could have set the
  // store aside and made another one. From here on nobody can.
  TRY_ASSIGN(const Identity now, read_identity(*store_directory));
  if (now.store != identity.store || !now.ready) {
    return make_error(Code::kRetryLater, "the store was given another identity meanwhile",
                      "run the command again");
  }
  const RecoveryReport& recovery = journal->recovery();
  if (recovery.torn) {
    notes.add(fmt::format(
        "a torn tail of {} bytes was cut at segment {} offset {}: nothing acknowledged was in it",
        recovery.torn_bytes, recovery.torn_at.segment, recovery.torn_at.offset));
  }
  if (recovery.abandoned) {
    notes.add(
        "a flush had failed or was interrupted: its segment was left, what it held was copied");
  }
  return {};
}

Status Store::Impl::restore_watermarks(const OpenMemo* memo) {
  ReceiptLookup::Progress progress;
  if (memo != nullptr) {
    progress = {memo->database.applied.seq, memo->git.committed, memo->git.published};
  } else {
    TRY_ASSIGN(ReceiptLookup records, lookup());
    TRY_ASSIGN(progress, records.progress());
  }
  journal->set_watermark(Watermark::kApplied, progress.applied);
  journal->set_watermark(Watermark::kCommitted, progress.committed);
  journal->set_watermark(Watermark::kPublished, progress.published);
  return {};
}

void Store::Impl::make_queue(std::optional<OpenMemo> memo) {
  WriteQueueOptions queue_options;
  if (memo) queue_options.memo = std::move(memo->database);
  queue_options.id_floor = identity.id_floor;
  // A group lies in one segment: small segments want small groups.
  queue_options.limits.group_bytes_max =
      std::min(queue_options.limits.group_bytes_max, config->segment_bytes_max);
  // Started fifty at a time, one-shot commands reach this point milliseconds apart.
  if (options.one_shot) {
    queue_options.gather = {.for_all = true, .quiet_ns = 4'000'000, .longest_ns = 20'000'000};
  }
  queue_options.on_durable = [this] { wake_apply(); };
  queue_options.on_unwritten = [this](const PendingWrite& write) {
    notes.add(fmt::format("a record that nobody waits for was not written{}: {}",
                          write.key.empty() ? "" : fmt::format(" (key \"{}\")", write.key),
                          write.error->message));
  };
  queue = std::make_unique<WriteQueue>(platform, *store_directory, *journal,
                                       database_file(places, *config), std::move(queue_options));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// A child has none of the threads that would have to be joined.
Store::~Store() {
  if (!impl_->process.is_this_process()) {
    [[maybe_unused]] Impl* const left = impl_.release();
    return;
  }
  // Here, and not by ~Impl(): those who follow the log use this Store until they have ended.
  static_cast<void>(impl_->close(kForever));
}

const Config& Store::config() const {
  return *impl_->config;
}

}  // namespace syncline
