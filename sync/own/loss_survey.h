// What git still knows about a store whose journal is lost, damaged or older than it was: how far
// its records went, and which ids their files have. A store that gives up the loss continues above
// both.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "journal/log/format.h"
#include "journal/record/object_id.h"
#include "syncline/deadline.h"
#include "syncline/result.h"

namespace syncline {

class GitPlatform;  // sync/git/git_platform.h
class ObjectStore;  // sync/git/object_store.h

// Of a path: may records have their sections in that file? Only such files are read.
using HoldsSections = std::function<bool(std::string_view path)>;

struct RepositoryClaims {
  uint64_t last_seq = 0;    // the last record that a commit of this store claims to hold
  uint64_t highest_id = 0;  // of files, by their names, and of sections, of whichever store
  ObjectId remote_tip;      // the store's own ref, as the remote has it; zero: not there
};

// Looks at every ref of the repository and, where there is a remote, at the store's own ref there,
// since the last records may survive only in what was pushed. That ref is fetched to
// refs/syncline-kept/<store id>/remote. kRetryLater when the remote does not answer: without its
// answer a sequence could be given a second time.
Result<RepositoryClaims> survey_repository(const std::string& work_tree, const StoreId& store,
                                           const std::string& remote, GitPlatform& platform,
                                           const HoldsSections& holds_sections, Deadline deadline);

// Raises `highest` to the highest id in the names of the commit's files and in the headings of
// their sections. Nothing where the object is no commit, or lies beyond the edge of a shallow
// clone.
Status note_ids(ObjectStore& objects, const ObjectId& commit_id,
                const HoldsSections& holds_sections, uint64_t& highest);

// "notes/0001/some-title-1234.md" → 1234, and so with the tag of a store beside others behind it
// ("some-title-1234-sa1b2c3.md"); 0 where the name ends in no number, or in one that no row can
// have, since none of our files has such a name.
uint64_t id_in_path(std::string_view path);

// The highest number that ends the first word of a heading: "## H-17: a rule" → 17; 0 where there
// is none.
uint64_t highest_id_in_headings(std::string_view text);

}  // namespace syncline
