// What git still knows about a store whose journal is lost, damaged or older than it was: how far
// its records went, and which ids their files have. A store that gives up the loss continues above
// both.
#pragma once

#include <cstdint>
#include <string>

#include "journal/log/format.h"
#include "journal/record/object_id.h"
#include "syncline/deadline.h"
#include "syncline/result.h"

namespace syncline {

class GitPlatform;  // sync/git/git_platform.h

struct RepositoryClaims {
  uint64_t last_seq = 0;    // the last record that a commit of this store claims to hold
  uint64_t highest_id = 0;  // in the names of files, of whichever store
  ObjectId remote_tip;      // the store's own ref, as the remote has it; zero: not there
};

// Looks at every ref of the repository and, where there is a remote, at the store's own ref there,
// since the last records may survive only in what was pushed. That ref is fetched to
// refs/syncline-kept/<store id>/remote. kRetryLater when the remote does not answer: without its
// answer a sequence could be given a second time.
Result<RepositoryClaims> survey_repository(const std::string& work_tree, const StoreId& store,
                                           const std::string& remote, GitPlatform& platform,
                                           Deadline deadline);

// "notes/0001/some-title-1234.md" → 1234, and so with the tag of a store beside others behind it
// ("some-title-1234-sa1b2c3.md"); 0 where the name ends in no number, or in one that no row can
// have, since none of our files has such a name.
uint64_t id_in_path(std::string_view path);

}  // namespace syncline
