#include "sync/git/ref_store.h"

#include <fmt/format.h>

#include <algorithm>

#include <utility>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_text.h"

namespace syncline {
namespace {

constexpr int kSymbolicDepthMax = 5;
constexpr std::string_view kSymbolicPrefix = "ref: ";
constexpr std::string_view kPackedRefs = "packed-refs";
constexpr std::string_view kLockSuffix = ".lock";

std::string lock_name(std::string_view ref) {
  return fmt::format("{}{}", ref, kLockSuffix);
}

std::string_view trim_end(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

// The content of a ref's lock, as git writes it too.
std::string lock_content(const ObjectId& id) {
  return id.hex() + "\n";
}

// Makes the directories of `name`, each durable in the one above it.
Status make_durable_parents(Directory& directory, std::string_view name) {
  const std::string_view parent = parent_of(name);
  if (parent == ".") return {};
  TRY(directory.make_directories(parent));
  for (std::string_view at = parent; at != "."; at = parent_of(at)) {
    TRY(directory.sync_directory(parent_of(at)));
  }
  return {};
}

}  // namespace

std::string_view short_branch_name(std::string_view ref) {
  return ref.starts_with(kBranchPrefix) ? ref.substr(kBranchPrefix.size()) : ref;
}

RefLock::RefLock(RefLock&& other) noexcept
    : directory_(std::exchange(other.directory_, nullptr)),
      ref_(std::move(other.ref_)),
      old_id_(other.old_id_),
      new_id_(other.new_id_) {}

RefLock::~RefLock() {
  // A lock that cannot be removed here stays on disk and is reported as busy by whoever comes next,
  // or recognised by remove_stale_lock().
  if (directory_ != nullptr) static_cast<void>(abort().has_value());
}

Status RefLock::move() {
  TRY(directory_->rename(lock_name(ref_), ref_));
  directory_ = nullptr;
  return {};
}

Status RefLock::commit() {
  Directory& directory = *directory_;
  TRY(move());
  return directory.sync_directory(parent_of(ref_));
}

Status RefLock::abort() {
  Directory& directory = *std::exchange(directory_, nullptr);
  // Whoever announced the move takes that back next, and must not outlive the lock by a power cut.
  TRY(directory.remove_file(lock_name(ref_)));
  return directory.sync_directory(parent_of(ref_));
}

Result<RefStore::Value> RefStore::read_raw(std::string_view ref) {
  // Packing a ref writes packed-refs first and removes the loose file then; so a loose one that was
  // not there is looked for again after packed-refs did not have it either.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Result<std::string> loose = read_file(directory_, ref, 4096);
    if (loose) {
      const std::string_view text = trim_end(*loose);
      if (text.starts_with(kSymbolicPrefix)) {
        std::string_view target = text.substr(kSymbolicPrefix.size());
        while (target.starts_with(' ')) target.remove_prefix(1);
        if (!target.empty()) return Value{{}, std::string(target)};
      }
      if (text.size() >= kIdHexBytes) {
        if (const auto id = ObjectId::parse(text.substr(0, kIdHexBytes))) return Value{*id, {}};
      }
      return make_error(Code::kCorrupt,
                        fmt::format("{}/{} holds no object name ({} bytes)", directory_.path(), ref,
                                    loose->size()),
                        "git fsck and the reflog tell where it pointed to");
    }
    // A directory where the ref would be (refs/heads/a while reading refs/heads) is no ref either.
    const Result<FileInfo> info = directory_.info(ref);
    const bool is_directory = info && info->type == FileInfo::Type::kDirectory;
    if (loose.error().code != Code::kNotFound && !is_directory) return loose.error();
    TRY_ASSIGN(const ObjectId packed, read_packed(ref));
    if (!packed.is_zero()) return Value{packed, {}};
  }
  return Value{};
}

// Git writes it whole, with a first line that says how it is sorted and a line end behind every
// line. It does not sync it everywhere, so a power cut can leave it empty or cut short.
Result<std::string> RefStore::packed_refs() {
  Result<std::string> packed = read_file(directory_, kPackedRefs);
  if (!packed) {
    if (packed.error().code == Code::kNotFound) return std::string{};
    return std::move(packed).error();
  }
  if (packed->ends_with('\n') && packed->find('\0') == std::string::npos) return packed;
  return make_error(Code::kCorrupt,
                    fmt::format("{}/{} is {}: refs may be missing from it", directory_.path(),
                                kPackedRefs, packed->empty() ? "empty" : "cut short"),
                    "put it back from a copy; `git fsck --lost-found` and the reflog tell what the "
                    "refs were at");
}

Result<ObjectId> RefStore::read_packed(std::string_view ref) {
  TRY_ASSIGN(const std::string packed, packed_refs());
  std::string_view rest = packed;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim_end(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    // "# pack-refs with: …", "<id> <name>", and "^<id>" for the peeled tag above.
    if (line.size() <= kIdHexBytes + 1 || line[0] == '#' || line[0] == '^') continue;
    if (line.substr(kIdHexBytes + 1) != ref) continue;
    if (const auto id = ObjectId::parse(line.substr(0, kIdHexBytes))) return *id;
    return make_error(Code::kCorrupt, fmt::format("packed-refs holds no object name for {}", ref));
  }
  return ObjectId{};
}

Result<ObjectId> RefStore::read(std::string_view ref) {
  std::string name(ref);
  for (int depth = 0; depth < kSymbolicDepthMax; ++depth) {
    TRY_ASSIGN(Value value, read_raw(name));
    if (value.target.empty()) return value.id;
    name = std::move(value.target);
  }
  return make_error(Code::kCorrupt, fmt::format("symbolic ref {} is nested too deeply", ref));
}

Result<RefLock> RefStore::lock(std::string_view ref, const ObjectId& expected,
                               const ObjectId& new_id) {
  TRY_ASSIGN(PreparedRefLock prepared, prepare_lock(ref, new_id));
  return prepared.take(expected);
}

Result<PreparedRefLock> RefStore::prepare_lock(std::string_view ref, const ObjectId& new_id) {
  TRY_ASSIGN(auto file, prepare(ref, lock_content(new_id)));
  return PreparedRefLock(*this, std::string(ref), new_id, std::move(file));
}

Result<RefLock> PreparedRefLock::take(const ObjectId& expected) {
  TRY(refs_->create_lock(ref_, lock_content(new_id_), *file_));
  RefLock lock(refs_->directory_, ref_, expected, new_id_);
  TRY_ASSIGN(const ObjectId current, refs_->read(ref_));
  if (current != expected) {
    return make_error(Code::kDisagree,
                      fmt::format("{} is at {}, not at {}", ref_, current.hex(), expected.hex()));
  }
  return lock;
}

Status RefStore::make_durable(std::string_view ref) {
  return directory_.sync_directory(parent_of(ref));
}

Result<std::unique_ptr<PreparedFile>> RefStore::prepare(std::string_view ref,
                                                        std::string_view content) {
  const std::string name = lock_name(ref);
  auto file = directory_.prepare_whole_synced(name, as_bytes(content));
  if (file || file.error().code != Code::kNotFound) return file;
  TRY(make_durable_parents(directory_, name));
  return directory_.prepare_whole_synced(name, as_bytes(content));
}

Status RefStore::create_lock(std::string_view ref, std::string_view content,
                             PreparedFile& prepared) {
  Status created = prepared.create();
  if (!created && created.error().code == Code::kNotFound) {
    // New, or packing the last loose ref has removed the directory with it.
    TRY(make_durable_parents(directory_, lock_name(ref)));
    created = directory_.create_whole_synced(lock_name(ref), as_bytes(content));
  }
  if (created || created.error().code != Code::kExists) return created;
  return make_error(Code::kBusy,
                    fmt::format("{}/{} is there: another process moves this ref", directory_.path(),
                                lock_name(ref)),
                    "if no git command is running, remove the file");
}

Result<bool> RefStore::remove_damaged(std::string_view ref) {
  const auto damaged = [&]() -> Result<bool> {
    const Result<Value> value = read_raw(ref);
    if (value) return false;
    if (value.error().code != Code::kCorrupt) return value.error();
    // It may be packed-refs that is damaged: that is not ours to take away.
    const Result<FileInfo> own = directory_.info(ref);
    if (!own) return value.error();
    return own->type == FileInfo::Type::kRegular;
  };
  TRY_ASSIGN(const bool seen, damaged());
  if (!seen) return false;
  TRY_ASSIGN(const auto prepared, prepare(ref, {}));
  TRY(create_lock(ref, {}, *prepared));
  RefLock lock(directory_, std::string(ref), {}, {});
  TRY_ASSIGN(const bool still, damaged());
  if (still) {
    TRY(directory_.remove_file(ref));
    TRY(directory_.sync_directory(parent_of(ref)));
  }
  TRY(lock.abort());
  return still;
}

Status RefStore::compare_and_swap(std::string_view ref, const ObjectId& expected,
                                  const ObjectId& new_id) {
  TRY_ASSIGN(RefLock held, lock(ref, expected, new_id));
  return held.commit();
}

Status RefStore::append_reflog(std::string_view log, const ObjectId& old_id, const ObjectId& new_id,
                               const ReflogEntry& entry) {
  const std::string name = fmt::format("logs/{}", log);
  TRY(directory_.make_directories(parent_of(name)));
  TRY_ASSIGN(const std::unique_ptr<File> file,
             directory_.open_file(name, {.write = true, .create = true}));
  TRY_ASSIGN(const FileInfo info, file->info());
  const std::string line = fmt::format("{} {} {}\t{}\n", old_id.hex(), new_id.hex(),
                                       format_signature({entry.name, entry.email, entry.time_ms}),
                                       one_line(entry.message));
  TRY(file->write_at(info.size_bytes, as_bytes(line)));
  return file->close();
}

Result<bool> RefStore::remove_stale_lock(std::string_view ref, const ObjectId& expected,
                                         const ObjectId& new_id) {
  const std::string name = lock_name(ref);
  const Result<std::string> content = read_file(directory_, name, 4096);
  if (!content) {
    if (content.error().code == Code::kNotFound) return false;
    return content.error();
  }
  if (*content != lock_content(new_id)) return false;
  TRY_ASSIGN(const ObjectId current, read(ref));
  if (current != expected) return false;
  TRY(directory_.remove_file(name));
  TRY(directory_.sync_directory(parent_of(ref)));
  return true;
}

Result<std::optional<RefStore::SeenLock>> RefStore::look_at_lock(std::string_view ref) {
  const std::string name = lock_name(ref);
  const Result<FileInfo> info = directory_.info(name);
  if (!info) {
    if (info.error().code == Code::kNotFound) return std::optional<SeenLock>{};
    return info.error();
  }
  SeenLock seen{.holds = {}, .info = *info};
  if (info->type == FileInfo::Type::kRegular && info->size_bytes == kIdHexBytes + 1) {
    const Result<std::string> content = read_file(directory_, name, kIdHexBytes + 1);
    if (!content) {
      if (content.error().code == Code::kNotFound) return std::optional<SeenLock>{};
      return content.error();
    }
    const auto id = ObjectId::parse(trim_end(*content));
    if (id && *content == lock_content(*id)) seen.holds = *id;
  }
  return std::optional<SeenLock>(seen);
}

Result<bool> RefStore::remove_seen_lock(std::string_view ref, const SeenLock& seen) {
  TRY_ASSIGN(const std::optional<SeenLock> now, look_at_lock(ref));
  const bool same = now && now->holds == seen.holds && now->info.inode == seen.info.inode &&
                    now->info.ctime_s == seen.info.ctime_s &&
                    now->info.ctime_ns == seen.info.ctime_ns;
  if (!same) return false;
  TRY(directory_.remove_file(lock_name(ref)));
  TRY(directory_.sync_directory(parent_of(ref)));
  return true;
}

Result<std::optional<FileInfo>> RefStore::loose_info(std::string_view ref) {
  Result<FileInfo> info = directory_.info(ref);
  if (info && info->type == FileInfo::Type::kRegular) return std::optional<FileInfo>(*info);
  if (info || info.error().code == Code::kNotFound) return std::optional<FileInfo>{};
  return std::move(info).error();
}

Result<std::set<std::string>> RefStore::names_below(std::string_view prefix) {
  std::set<std::string> names;
  TRY(add_loose_below(std::string(prefix.substr(0, prefix.size() - 1)), prefix.size(), names));
  TRY_ASSIGN(const std::string packed, packed_refs());
  const std::string before = fmt::format(" {}", prefix);
  for (size_t at = packed.find(before); at != std::string::npos; at = packed.find(before, at + 1)) {
    const size_t begin = at + before.size();
    names.insert(packed.substr(begin, packed.find('\n', begin) - begin));
  }
  return names;
}

Status RefStore::add_loose_below(const std::string& directory, size_t prefix_size,
                                 std::set<std::string>& names) {
  const Result<std::vector<std::string>> entries = directory_.list(directory);
  if (!entries) {
    if (entries.error().code == Code::kNotFound) return {};
    return entries.error();
  }
  for (const std::string& entry : *entries) {
    const std::string ref = fmt::format("{}/{}", directory, entry);
    const Result<FileInfo> info = directory_.info(ref);
    if (!info) {
      if (info.error().code == Code::kNotFound) continue;
      return info.error();
    }
    if (info->type == FileInfo::Type::kDirectory) {
      TRY(add_loose_below(ref, prefix_size, names));
    } else if (!entry.ends_with(kLockSuffix)) {
      names.insert(ref.substr(prefix_size));
    }
  }
  return {};
}

}  // namespace syncline
