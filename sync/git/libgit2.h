// libgit2, loaded when git is first needed.
//
// The `syncline` binary is not linked against libgit2: loading it and what it depends on costs
// about 4 ms of CPU, more than a one-shot `record` can spend. So its functions are called through a
// table, typed by the header's own declarations and filled by dlopen. To use one more function, add
// a line to the list below.
//
// The library stays loaded and initialised for the life of the process. Set once at load: owner
// validation on (another user's repository is kUnsupported), strict hash verification on (an
// object's bytes match its name), fsync on for whatever libgit2 itself writes, a bound on open pack
// files, and no cache of objects. Threading: the table may be used from any thread, by one at a
// time: who reads objects holds libgit2_mutex().
#pragma once

#include <git2.h>

#include <string_view>

#include "journal/base/mutex.h"
#include "journal/record/object_id.h"
#include "syncline/result.h"

#define SYNCLINE_LIBGIT2_FUNCTIONS(X) \
  X(git_libgit2_init)                 \
  X(git_libgit2_opts)                 \
  X(git_error_last)                   \
  X(git_repository_free)              \
  X(git_repository_init_ext)          \
  X(git_repository_init_options_init) \
  X(git_odb_open)                     \
  X(git_odb_free)                     \
  X(git_odb_read)                     \
  X(git_odb_refresh)                  \
  X(git_odb_object_free)              \
  X(git_odb_object_data)              \
  X(git_odb_object_size)              \
  X(git_odb_object_type)

namespace syncline {

struct Libgit2 {
#define SYNCLINE_LIBGIT2_MEMBER(function) decltype(&::function) function = nullptr;
  SYNCLINE_LIBGIT2_FUNCTIONS(SYNCLINE_LIBGIT2_MEMBER)
#undef SYNCLINE_LIBGIT2_MEMBER
};

// The table, loaded by the first call. Every call answers kUnsupported where the library or one of
// the functions is missing: folding then waits, and recording goes on.
Result<const Libgit2*> load_libgit2();

// The packs that libgit2 has open are shared by all object databases of a process. Where it has too
// many open it closes one, whoever reads from it, and it takes their locks in no fixed order.
Mutex& libgit2_mutex();

// An Error from the code a libgit2 function returned, with libgit2's own sentence: GIT_ENOTFOUND is
// kNotFound, GIT_ELOCKED kBusy, GIT_EOWNER kUnsupported, the rest kIo. Call it before any other
// libgit2 function of this thread.
Error libgit2_error(const Libgit2& git, int code, std::string_view what);

// Was libgit2's last failure of this thread the system's (a call refused, no memory), and not one
// of what was read?
bool libgit2_failed_by_system(const Libgit2& git);

git_oid to_git_oid(const ObjectId& id);

}  // namespace syncline
