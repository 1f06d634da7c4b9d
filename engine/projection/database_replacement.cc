#include "engine/projection/database_replacement.h"

#include <fmt/format.h>

#include "engine/projection/carried_rows.h"
#include "engine/projection/projection.h"
#include "engine/projection/schema.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {

namespace {
constexpr std::string_view kUnfinishedCopy = "database.copy.new";
}  // namespace

Status check_database(const DatabaseFile& file) {
  TRY_ASSIGN(const auto database, Database::open(file, Database::Access::kRead));
  TRY(read_applied_state(*database));
  return database->quick_check();
}

Result<std::string> DatabaseReplacement::replace(uint64_t begins_after) {
  bool copied = false;
  if (begins_after != 0) {
    TRY_ASSIGN(copied, copy(begins_after));
  }
  TRY_ASSIGN(const std::string directory, make_kept_directory());
  if (!copied) TRY(note_to_carry(directory));
  TRY_ASSIGN(const std::string kept, move_aside(directory));
  if (!copied) {
    return fmt::format("{} was damaged: kept in {}, and rebuilt from the journal", file_.path,
                       kept);
  }
  TRY(move_copy_in());
  return fmt::format("a sync of {} failed: kept in {}, and what it held was carried over",
                     file_.path, kept);
}

Result<std::optional<std::string>> DatabaseReplacement::finish() {
  const auto there = store_directory_.info(kDatabaseCopy);
  if (!there && there.error().code == Code::kNotFound) return std::optional<std::string>{};
  if (!there) return there.error();
  TRY_ASSIGN(const std::string directory, make_kept_directory());
  TRY_ASSIGN(const std::string kept, move_aside(directory));
  TRY(move_copy_in());
  return std::optional<std::string>(fmt::format(
      "the copy of {} was put in its place; what was there is kept in {}", file_.path, kept));
}

Result<bool> DatabaseReplacement::copy(uint64_t begins_after) {
  if (const Status removed = store_directory_.remove_file(kUnfinishedCopy);
      !removed && removed.error().code != Code::kNotFound) {
    return removed.error();
  }
  if (const Status sound = check_database(file_); !sound) {
    if (sound.error().code == Code::kCorrupt) return false;
    return sound.error();
  }
  {
    TRY_ASSIGN(const auto database, Database::open(file_, Database::Access::kRead));
    TRY_ASSIGN(const AppliedState state, read_applied_state(*database));
    if (state.applied.seq < begins_after) return false;
    TRY(database->copy_into(fmt::format("{}/{}", places_.store_dir, kUnfinishedCopy)));
  }
  TRY_ASSIGN(const auto file, store_directory_.open_file(kUnfinishedCopy, {.write = true}));
  TRY(file->sync_data());
  TRY(file->close());
  TRY(store_directory_.rename(kUnfinishedCopy, kDatabaseCopy));
  TRY(store_directory_.sync_directory("."));
  return true;
}

Result<std::string> DatabaseReplacement::make_kept_directory() {
  std::string directory = kept_path_of(fmt::format("database-{}", clock_.now_ms()));
  TRY(store_directory_.make_directories(directory, /*private_mode=*/true));
  TRY(store_directory_.sync_directory(kKeptDirectory));
  TRY(store_directory_.sync_directory("."));
  return directory;
}

std::string DatabaseReplacement::name() const {
  return file_.path.substr(file_.path.rfind('/') + 1);
}

Result<std::string> DatabaseReplacement::move_aside(const std::string& directory) {
  std::string kept = fmt::format("{}/{}", places_.store_dir, directory);
  // The database goes first: SQLite ignores a log without its database, but takes a database
  // without its log for an older state.
  for (const std::string suffix : {"", "-wal", "-shm", "-journal"}) {
    const std::string from = file_.path + suffix;
    TRY_ASSIGN(const bool there, places_.platform->is_there(from));
    if (there) {
      TRY(places_.platform->move_file(from, fmt::format("{}/{}{}", kept, name(), suffix)));
    }
  }
  return kept;
}

// One whose rows were still to be carried over is not forgotten for one that has none of them yet.
Status DatabaseReplacement::note_to_carry(const std::string& directory) {
  const auto noted = read_file(store_directory_, kDatabaseCarry);
  if (!noted && noted.error().code != Code::kNotFound) return noted.error();
  if (noted) {
    TRY_ASSIGN(const bool there, places_.platform->is_there(kept_database(*noted)));
    if (there) return {};
  }
  return replace_file(store_directory_, kDatabaseCarry, as_bytes(directory), /*durable=*/true);
}

std::string DatabaseReplacement::kept_database(const std::string& directory) const {
  return fmt::format("{}/{}/{}", places_.store_dir, directory, name());
}

Result<bool> DatabaseReplacement::carry_is_due() {
  const auto there = store_directory_.info(kDatabaseCarry);
  if (!there && there.error().code != Code::kNotFound) return there.error();
  return there.has_value();
}

Result<std::string> DatabaseReplacement::carry(
    Database& fresh, const std::vector<std::pair<std::string, std::string>>& kinds) {
  TRY_ASSIGN(const std::string directory, read_file(store_directory_, kDatabaseCarry));
  const std::string kept = kept_database(directory);
  std::string told;
  TRY_ASSIGN(const bool there, places_.platform->is_there(kept));
  if (there) {
    const auto damaged = Database::open(DatabaseFile(kept, file_.vfs), Database::Access::kRead);
    if (damaged) {
      TRY(carry_once(**damaged, fresh, directory, kinds, told));
    } else if (damaged.error().code == Code::kCorrupt || damaged.error().code == Code::kIo) {
      // A disk that does not give it any more must not keep records from being applied.
      told =
          fmt::format("not carried over: nothing of it could be read: {}", damaged.error().message);
    } else {
      return damaged.error();
    }
  }
  return told;
}

Status DatabaseReplacement::carried() {
  TRY(store_directory_.remove_file(kDatabaseCarry));
  return store_directory_.sync_directory(".");
}

Status DatabaseReplacement::carry_once(
    Database& damaged, Database& fresh, const std::string& directory,
    const std::vector<std::pair<std::string, std::string>>& kinds, std::string& told) {
  TRY_ASSIGN(Transaction transaction, Transaction::begin(fresh));
  TRY_ASSIGN(const auto carried, read_meta_text(fresh, "carried"));
  if (carried == directory) return {};
  TRY_ASSIGN(const CarriedRows rows, carry_rows(damaged, fresh, kinds));
  told = rows.text();
  TRY(write_meta_text(fresh, "carried", directory));
  return transaction.commit();
}

Status DatabaseReplacement::move_copy_in() {
  TRY(places_.platform->move_file(fmt::format("{}/{}", places_.store_dir, kDatabaseCopy),
                                  file_.path));
  const Status trusted = store_directory_.remove_file(kDatabaseSuspect);
  if (!trusted && trusted.error().code != Code::kNotFound) return trusted;
  return store_directory_.sync_directory(".");
}

}  // namespace syncline
