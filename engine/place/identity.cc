#include "engine/place/identity.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <optional>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/git_paths.h"
#include "sync/git/ownership.h"

namespace syncline {

namespace {

constexpr std::string_view kMainHome = "main";

std::optional<uint64_t> parse_u64(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<StorePlaces> find_places(const std::string& root, StorePlatform& platform) {
  auto paths = git_paths_at(root, platform);
  if (!paths && paths.error().code == Code::kNotFound) {
    return make_error(Code::kNoStore, fmt::format("{} is not a git work tree", root),
                      "make it a store with `syncline init`");
  }
  if (!paths) return std::move(paths).error();
  return StorePlaces{&platform, paths->work_tree, paths->git_dir, paths->common_dir,
                     paths->common_dir + "/" + std::string(kStoreDirectory)};
}

std::string home_name(const StorePlaces& places) {
  const std::string prefix = places.common_dir + "/";
  if (places.git_dir.starts_with(prefix)) return places.git_dir.substr(prefix.size());
  return std::string(kMainHome);
}

Result<StorePlaces> places_of_home(const StorePlaces& places, const std::string& home) {
  std::string top;
  if (home == kMainHome) {
    constexpr std::string_view kDotGit = "/.git";
    if (places.common_dir.ends_with(kDotGit)) {
      top = places.common_dir.substr(0, places.common_dir.size() - kDotGit.size());
    }
  } else {
    TRY_ASSIGN(const auto common, places.platform->open_directory(places.common_dir));
    // "<work tree>/.git"
    TRY_ASSIGN(const auto link, read_small_file(*common, home + "/gitdir"));
    if (link && link->ends_with("/.git")) top = link->substr(0, link->size() - 5);
  }
  if (!top.empty()) {
    const auto found = find_places(top, *places.platform);
    if (found && found->common_dir == places.common_dir && home_name(*found) == home) return found;
  }
  constexpr std::string_view kHint =
      "`syncline init --moved` here makes this work tree the store's";
  if (top.empty()) {
    return make_error(Code::kNoStore,
                      "this repository's store is in another work tree of it, which cannot be told "
                      "from here",
                      fmt::format("name it by --store; {}", kHint));
  }
  return make_error(
      Code::kNoStore,
      fmt::format("this repository's store is in its work tree {}, which is not there any more",
                  top),
      std::string(kHint));
}

Status check_owner(const StorePlaces& places) {
  GitPaths paths;
  paths.platform = places.platform;
  paths.work_tree = places.root;
  paths.git_dir = places.git_dir;
  paths.common_dir = places.common_dir;
  return check_owner(paths);
}

Result<Identity> read_identity(Directory& store_directory) {
  TRY_ASSIGN(const std::string text, read_file(store_directory, kIdentityFile, 1u << 16));
  std::map<std::string, std::string, std::less<>> entries;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    if (line.empty() || line.front() == '#') continue;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) {
      entries.emplace(line, "");
    } else {
      entries.emplace(line.substr(0, space), line.substr(space + 1));
    }
  }
  const auto damaged = [](std::string_view what) {
    return make_error(Code::kCorrupt, fmt::format("the store's identity file is damaged: {}", what),
                      "restore .git/syncline/identity, or `syncline init --new-identity`");
  };
  Identity identity;
  const auto bytes = from_hex(entries["store"]);
  if (!bytes || bytes->size() != identity.store.bytes.size()) return damaged("store id");
  std::copy(bytes->begin(), bytes->end(), identity.store.bytes.begin());
  const auto inode = parse_u64(entries["inode"]);
  const auto file_system = parse_u64(entries["file_system"]);
  const auto floor = parse_u64(entries["id_floor"]);
  // A store that began with record 1 does not write the line.
  const auto first = entries.contains("first_seq") ? parse_u64(entries["first_seq"]) : 1;
  if (!inode || !file_system || !floor || !first || *first == 0) return damaged("numbers");
  identity.bound = {*inode, *file_system};
  identity.id_floor = *floor;
  identity.first_seq = *first;
  identity.ready = entries["state"] == "ready";
  identity.accepting_loss = entries["state"] == "accepting-loss";
  identity.kept = entries["kept"];
  identity.read_only = entries["mode"] == "read-only";
  identity.home = entries["home"];
  identity.branch = entries["branch"];
  identity.tag = entries["tag"];
  identity.database = entries["database"];
  return identity;
}

Status write_identity(Directory& store_directory, const Identity& identity) {
  const std::string text = fmt::format(
      "# Who this store is, and what it is bound to. Written by `syncline init`.\n"
      "store {}\nstate {}\nmode {}\ninode {}\nfile_system {}\nhome {}\nbranch {}\ntag {}\ndatabase "
      "{}\n"
      "id_floor {}\nfirst_seq {}\nkept {}\n",
      identity.store.hex(),
      identity.accepting_loss ? "accepting-loss"
      : identity.ready        ? "ready"
                              : "initialising",
      identity.read_only ? "read-only" : "read-write", identity.bound.inode,
      identity.bound.file_system_id, identity.home, identity.branch, identity.tag,
      identity.database, identity.id_floor, identity.first_seq, identity.kept);
  return replace_file(store_directory, kIdentityFile, as_bytes(text));
}

Status check_identity(const Identity& identity, Directory& common_directory) {
  TRY_ASSIGN(const Directory::Identity here, common_directory.identity());
  if (here == identity.bound) return {};
  return make_error(
      Code::kDisagree,
      "this store was copied, moved or restored: its git directory is not the one it was made in",
      "if the original is gone, `syncline init --moved`; if this is a copy beside it, "
      "`syncline init --new-identity`");
}

}  // namespace syncline
