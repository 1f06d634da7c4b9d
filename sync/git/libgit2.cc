#include "sync/git/libgit2.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstring>

namespace syncline {
namespace {

constexpr char kLibraryName[] = "libgit2.so." LIBGIT2_SOVERSION;
// Each open pack holds a descriptor and a mapping; a store between two consolidations has dozens of
// packs, a neglected repository thousands. What is read again and again is in the ObjectStore.
constexpr size_t kOpenPacksMax = 16;

Result<Libgit2> load() {
  // RTLD_LOCAL: its dependencies' symbols stay out of the way of the archives linked statically.
  void* library = dlopen(kLibraryName, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return make_error(Code::kUnsupported,
                      fmt::format("cannot load {}: {}", kLibraryName,
                                  reason != nullptr ? reason : "no reason given"),
                      "install libgit2 1.5 (Debian: libgit2-1.5)");
  }
  Libgit2 git;
  const char* missing = nullptr;
#define SYNCLINE_LIBGIT2_LOAD(function)                                               \
  git.function = reinterpret_cast<decltype(git.function)>(dlsym(library, #function)); \
  if (git.function == nullptr) missing = #function;
  SYNCLINE_LIBGIT2_FUNCTIONS(SYNCLINE_LIBGIT2_LOAD)
#undef SYNCLINE_LIBGIT2_LOAD
  if (missing != nullptr) {
    return make_error(Code::kUnsupported, fmt::format("{} has no {}", kLibraryName, missing),
                      "install libgit2 1.5 (Debian: libgit2-1.5)");
  }
  if (const int code = git.git_libgit2_init(); code < 0) {
    return libgit2_error(git, code, "initialising libgit2");
  }
  const int results[] = {
      git.git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1),
      git.git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1),
      git.git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1),
      git.git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, kOpenPacksMax),
      // The ObjectStore is the cache; libgit2's own keeps up to 256 MiB of commits and trees.
      git.git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0),
  };
  for (const int code : results) {
    if (code < 0) return libgit2_error(git, code, "setting up libgit2");
  }
  return git;
}

}  // namespace

Result<const Libgit2*> load_libgit2() {
  static const Result<Libgit2> loaded = load();
  if (!loaded) return loaded.error();
  return &*loaded;
}

Mutex& libgit2_mutex() {
  static Mutex mutex;
  return mutex;
}

Error libgit2_error(const Libgit2& git, int code, std::string_view what) {
  const git_error* last = git.git_error_last();
  const char* text =
      last != nullptr && last->message != nullptr ? last->message : "no reason given";
  Error error = make_error(Code::kIo, fmt::format("{}: {}", what, text));
  switch (code) {
    case GIT_ENOTFOUND:
      error.code = Code::kNotFound;
      break;
    case GIT_ELOCKED:
      error.code = Code::kBusy;
      break;
    case GIT_EOWNER:
      error.code = Code::kUnsupported;
      error.hint =
          "the repository belongs to another user: use it as its owner, or add it to git's "
          "safe.directory";
      break;
    default:
      break;
  }
  return error;
}

bool libgit2_failed_by_system(const Libgit2& git) {
  const git_error* const last = git.git_error_last();
  return last != nullptr && (last->klass == GIT_ERROR_OS || last->klass == GIT_ERROR_NOMEMORY);
}

git_oid to_git_oid(const ObjectId& id) {
  git_oid oid;
  static_assert(sizeof oid.id == sizeof id.bytes);
  std::memcpy(oid.id, id.bytes.data(), sizeof oid.id);
  return oid;
}

}  // namespace syncline
