#include "engine/place/database_place.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/git_paths.h"
#include "sync/git/index_file.h"

namespace syncline {
namespace {

constexpr std::string_view kSqliteHeader = {"SQLite format 3\0", 16};
constexpr std::array<std::string_view, 4> kSuffixes = {"", "-wal", "-shm", "-journal"};

// For stores made before the identity named the place: the configuration that was journalled last
// does.
std::string known_database(const Identity& identity, Directory& store_directory) {
  if (!identity.database.empty()) return identity.database;
  Result<std::string> copy = read_file(store_directory, kConfigCopyFile, kConfigBytesMax);
  if (!copy) return {};
  const auto config = parse_config(std::move(*copy));
  return config ? config->database : std::string();
}

// Those of the database's files that git's index holds.
Result<std::vector<std::string>> tracked_files(const StorePlaces& places,
                                               const std::string& database) {
  std::vector<std::string> found;
  if (places.git_dir.empty()) return found;
  TRY_ASSIGN(const GitPaths paths, git_paths_at(places.root, *places.platform));
  TRY_ASSIGN(const auto git_dir, places.platform->open_directory(paths.git_dir));
  const Result<IndexFile> index = IndexFile::open(*git_dir);
  if (!index && index.error().code == Code::kNotFound) return found;
  if (!index) return index.error();
  TRY(index->for_each([&](const IndexEntry& entry) -> Status {
    if (!entry.path.starts_with(database)) return {};
    const bool is_of_it = std::ranges::any_of(kSuffixes, [&](std::string_view suffix) {
      return entry.path.substr(database.size()) == suffix;
    });
    if (is_of_it) found.emplace_back(entry.path);
    return {};
  }));
  return found;
}

std::string untrack_commands(const std::string& paths) {
  return fmt::format("git rm --cached {0}, then git commit -m \"untrack {0}\"", paths);
}

// Whether there is anything in it.
Result<bool> check_is_sqlite(Directory& root, const std::string& path) {
  TRY_ASSIGN(const auto file, root.open_file(path, {}));
  std::array<std::byte, 16> head{};
  TRY_ASSIGN(const size_t count, file->read_at(0, head));
  const std::string_view found(reinterpret_cast<const char*>(head.data()), count);
  if (count == 0) return false;
  if (found == kSqliteHeader) return true;
  return make_error(Code::kUnsafePath, fmt::format("{} is no database: it is left as it is", path),
                    "name another file by `database` in syncline.toml");
}

// One that SQLite cannot read would be replaced by the first record: what it holds is a person's.
Status check_is_sound(const DatabaseFile& file, const std::string& path) {
  const auto sound = [&]() -> Status {
    TRY_ASSIGN(const auto database, Database::open(file, Database::Access::kRead));
    return database->quick_check();
  }();
  if (sound || sound.error().code != Code::kCorrupt) return sound;
  return make_error(
      Code::kUnsafePath,
      fmt::format("{} is damaged ({}): it is left as it is", path, sound.error().message),
      fmt::format(
          "sqlite3 {} .recover saves what it holds; move it out of the way, or name another "
          "file by `database` in syncline.toml",
          path));
}

}  // namespace

DatabaseFile database_file(const StorePlaces& places, const Config& config) {
  return {places.root + "/" + config.database, places.platform->sqlite_vfs(), places.root};
}

Status check_known_database(const Identity& identity, Directory& store_directory,
                            const Config& config) {
  const std::string known = known_database(identity, store_directory);
  if (known.empty() || known == config.database) return {};
  return make_error(
      Code::kDisagree,
      fmt::format("syncline.toml names the database {}, and this store has its own in {}",
                  config.database, known),
      fmt::format("put database = \"{}\" back into syncline.toml; or, to take the database to the "
                  "new place, `syncline init --moved`",
                  known));
}

Status check_new_database(const StorePlaces& places, Directory& root, const Config& config) {
  TRY_ASSIGN(const std::vector<std::string> tracked, tracked_files(places, config.database));
  if (!tracked.empty()) {
    const std::string paths = fmt::format("{}", fmt::join(tracked, " "));
    return make_error(
        Code::kUnsafePath, fmt::format("{} is tracked by git: a database cannot be", paths),
        untrack_commands(paths) + "; or name another file by `database` in syncline.toml");
  }
  for (const std::string_view suffix : kSuffixes) {
    const std::string path = config.database + std::string(suffix);
    const auto info = root.info(path);
    if (!info && info.error().code == Code::kNotFound) continue;
    if (!info) return info.error();
    if (info->type != FileInfo::Type::kRegular || info->links != 1) {
      return make_error(Code::kUnsafePath,
                        fmt::format("{} is a link, no regular file, or has another name", path),
                        "move it out of the way, or name another file by `database` in "
                        "syncline.toml");
    }
    if (!suffix.empty()) continue;
    TRY_ASSIGN(const bool filled, check_is_sqlite(root, path));
    if (filled) TRY(check_is_sound(database_file(places, config), path));
  }
  return {};
}

std::vector<std::string> database_files(const Config& config) {
  std::vector<std::string> files;
  for (const std::string_view suffix : kSuffixes) {
    files.push_back(fmt::format("{}{}", config.database, suffix));
  }
  return files;
}

std::string tracked_database(const StorePlaces& places, const Config& config) {
  return tracked_database(
      tracked_files(places, config.database).value_or(std::vector<std::string>()));
}

std::string tracked_database(const std::vector<std::string>& tracked) {
  if (tracked.empty()) return {};
  const std::string paths = fmt::format("{}", fmt::join(tracked, " "));
  return fmt::format(
      "{} is tracked by git, and changes with every record; it is rebuilt from the journal where "
      "it is missing: {}",
      paths, untrack_commands(paths));
}

Status move_database(const StorePlaces& places, Directory& root, Directory& store_directory,
                     Identity& identity, const Config& config) {
  const std::string known = known_database(identity, store_directory);
  TRY(check_new_database(places, root, config));
  const auto there = root.info(config.database);
  if (!there && there.error().code != Code::kNotFound) return there.error();
  if (const size_t slash = config.database.rfind('/'); slash != std::string::npos) {
    TRY(root.make_directories(config.database.substr(0, slash)));
  }
  // The database goes first: SQLite ignores a log without its database.
  for (const std::string_view suffix : kSuffixes) {
    if (there || known.empty()) break;
    const Status moved = root.rename(fmt::format("{}{}", known, suffix),
                                     fmt::format("{}{}", config.database, suffix));
    if (!moved && moved.error().code != Code::kNotFound) return moved;
  }
  TRY(root.sync_file_system());
  identity.database = config.database;
  return write_identity(store_directory, identity);
}

}  // namespace syncline
