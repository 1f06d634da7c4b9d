#include "sync/git/object_reader.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "journal/base/try.h"
#include "sync/git/libgit2.h"
#include "sync/git/pack_index.h"

namespace syncline {
namespace {

// Whether the object directory holds it, found without libgit2, which passes over what it can not
// open for want of memory, descriptors or rights, and then answers as if it were not there.
Result<bool> is_there(const std::string& objects_path, const ObjectId& id) {
  TRY_ASSIGN(const std::unique_ptr<Directory> objects, open_posix_directory(objects_path));
  const std::string hex = id.hex();
  const Result<FileInfo> loose =
      objects->info(fmt::format("{}/{}", hex.substr(0, 2), hex.substr(2)));
  if (loose) return true;
  if (loose.error().code != Code::kNotFound) return loose.error();
  const Result<std::vector<std::string>> names = objects->list("pack");
  if (!names && names.error().code == Code::kNotFound) return false;
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!name.ends_with(".idx")) continue;
    const Result<PackIndex> index =
        PackIndex::open(*objects, "pack/" + name.substr(0, name.size() - 4));
    if (!index && index.error().code == Code::kUnsupported) continue;
    if (!index && index.error().code == Code::kNotFound) continue;
    if (!index) return index.error();
    std::vector<ObjectId> wanted = {id};
    TRY_ASSIGN(const bool found, index->strike_out(wanted));
    if (found) return true;
  }
  return false;
}

// How often packs may come and go before those that went are let go of. libgit2 adds new ones to
// its list, and keeps the index of each mapped that it has read from, also of one that was
// consolidated away.
constexpr int kPackChangesMax = 16;

// Libgit2 opens these by name, and waits for ever where one is a FIFO.
Status check_regular(const std::string& objects_path) {
  TRY_ASSIGN(const std::unique_ptr<Directory> objects, open_posix_directory(objects_path));
  std::vector<std::string> names = {"info/alternates"};
  const auto packs = objects->list("pack");
  if (!packs && packs.error().code != Code::kNotFound) return packs.error();
  for (const std::string& name : packs ? *packs : std::vector<std::string>()) {
    if (name.ends_with(".idx") || name == "multi-pack-index") names.push_back("pack/" + name);
  }
  for (const std::string& name : names) {
    const Result<FileInfo> info = objects->info(name);
    if (!info && info.error().code == Code::kNotFound) continue;
    if (!info) return info.error();
    // A link is git's to follow, to something that is not waited for.
    if (info->type != FileInfo::Type::kOther) continue;
    return make_error(Code::kUnsupported,
                      fmt::format("{}/{} is not a regular file", objects_path, name),
                      "move it out of the way");
  }
  return {};
}

class OdbReader final : public ObjectReader {
 public:
  OdbReader(const Libgit2& git, std::string objects_path, git_odb* odb)
      : git_(git), objects_path_(std::move(objects_path)), odb_(odb) {}
  ~OdbReader() override {
    MutexLock lock(libgit2_mutex());
    git_.git_odb_free(odb_);
  }
  OdbReader(const OdbReader&) = delete;
  OdbReader& operator=(const OdbReader&) = delete;

  Result<std::optional<Object>> read(const ObjectId& id) override {
    MutexLock lock(libgit2_mutex());
    TRY(let_go_of_old_packs());
    const git_oid oid = to_git_oid(id);
    git_odb_object* found = nullptr;
    // On a miss git_odb_read itself looks for packs that have appeared since.
    int code = git_.git_odb_read(&found, odb_, &oid);
    if (code < 0 && code != GIT_ENOTFOUND) {
      // A pack that a gc has taken away between two looks answers in various ways; a fresh list of
      // packs tells damage from change.
      TRY(reopen());
      code = git_.git_odb_read(&found, odb_, &oid);
    }
    if (code == GIT_ENOTFOUND) {
      TRY_ASSIGN(const bool there, is_there(objects_path_, id));
      if (!there) return std::optional<Object>();
      TRY(reopen());
      code = git_.git_odb_read(&found, odb_, &oid);
      if (code == GIT_ENOTFOUND) {
        return make_error(Code::kIo,
                          fmt::format("object {} is there and can not be read", id.hex()),
                          "see to file descriptors, memory and the rights of .git/objects");
      }
    }
    if (code < 0) {
      const bool by_system = libgit2_failed_by_system(git_);
      Error error = libgit2_error(git_, code, fmt::format("reading object {}", id.hex()));
      if (by_system) return error;
      error.code = Code::kCorrupt;
      error.hint = "git fsck tells more";
      return error;
    }
    const git_object_t type = git_.git_odb_object_type(found);
    const char* data = static_cast<const char*>(git_.git_odb_object_data(found));
    Object object{static_cast<ObjectType>(type),
                  std::string(data, git_.git_odb_object_size(found))};
    git_.git_odb_object_free(found);
    return std::optional<Object>(std::move(object));
  }

 private:
  Status let_go_of_old_packs() {
    TRY_ASSIGN(const std::unique_ptr<Directory> objects, open_posix_directory(objects_path_));
    const Result<FileInfo> directory = objects->info("pack");
    if (!directory && directory.error().code == Code::kNotFound) return {};
    if (!directory) return directory.error();
    const std::pair changed{directory->mtime_s, directory->mtime_ns};
    if (changed == packs_changed_) return {};
    packs_changed_ = changed;
    return ++pack_changes_ < kPackChangesMax ? Status() : reopen();
  }

  Status reopen() {
    pack_changes_ = 0;
    git_odb* fresh = nullptr;
    if (const int code = git_.git_odb_open(&fresh, objects_path_.c_str()); code < 0) {
      return libgit2_error(git_, code, "opening " + objects_path_);
    }
    git_.git_odb_free(std::exchange(odb_, fresh));
    return {};
  }

  const Libgit2& git_;
  std::string objects_path_;
  git_odb* odb_;
  std::pair<int64_t, uint32_t> packs_changed_;  // when, as last seen
  int pack_changes_ = 0;                        // since it was opened
};

}  // namespace

Result<std::unique_ptr<ObjectReader>> open_object_reader(const std::string& objects_path) {
  TRY_ASSIGN(const Libgit2* git, load_libgit2());
  git_odb* odb = nullptr;
  TRY(check_regular(objects_path));
  MutexLock lock(libgit2_mutex());
  if (const int code = git->git_odb_open(&odb, objects_path.c_str()); code < 0) {
    return libgit2_error(*git, code, "opening " + objects_path);
  }
  return std::unique_ptr<ObjectReader>(std::make_unique<OdbReader>(*git, objects_path, odb));
}

const ObjectStore::Entry* ObjectStore::find(const ObjectId& id) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known->second);
  return &entries_.front();
}

Result<ObjectStore::Content> ObjectStore::require(const ObjectId& id, ObjectType type) {
  if (const Entry* entry = find(id); entry != nullptr && entry->type == type) return entry->content;
  TRY_ASSIGN(Content content, require_once(id, type));
  remember(id, type, content);
  return content;
}

Result<ObjectStore::Content> ObjectStore::require_once(const ObjectId& id, ObjectType type) {
  if (const Entry* entry = find(id); entry != nullptr && entry->type == type) return entry->content;
  TRY_ASSIGN(std::optional<Object> object, reader_.read(id));
  if (!object) {
    return make_error(Code::kCorrupt,
                      fmt::format("the repository has no {} {}", object_type_name(type), id.hex()),
                      "git fsck tells more");
  }
  if (object->type != type) {
    return make_error(Code::kCorrupt,
                      fmt::format("object {} is a {}, not a {}", id.hex(),
                                  object_type_name(object->type), object_type_name(type)));
  }
  return std::make_shared<const std::string>(std::move(object->bytes));
}

void ObjectStore::remember(const ObjectId& id, ObjectType type, Content content) {
  if (find(id) != nullptr) return;
  cache_bytes_ += content->size();
  entries_.push_front({id, type, std::move(content)});
  by_id_[id] = entries_.begin();
  // The newest stays even where it alone is over the bound: a directory that large is needed again
  // by the very next batch.
  while (cache_bytes_ > cache_bytes_max_ && entries_.size() > 1) {
    cache_bytes_ -= entries_.back().content->size();
    by_id_.erase(entries_.back().id);
    entries_.pop_back();
  }
}

}  // namespace syncline
