// Handles of the directories that records' files go into, kept for one attempt.
//
// A handle follows its directory when a person moves it, and files would go where it went. So the
// handles are dropped after each attempt, and an attempt is believed only after check_in_place().
//
// Not thread-safe. Failure: kUnsafePath where something is in the way of a path (a link, a file
// where a directory must be, a name too long); kBusy where a directory went away while it was made;
// everything else is the file system's own error.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/apply/attempt.h"
#include "journal/os/file_system.h"

namespace syncline {

class ParentDirectories {
 public:
  explicit ParentDirectories(Directory& root) : root_(root) {}

  struct Place {
    Directory* directory = nullptr;  // null: the parent is not there yet
    std::string_view name;           // within `directory`; points into the path asked for
  };
  Result<Place> find(std::string_view path);
  Result<Place> make(std::string_view path);  // creates what is missing of the parents

  // kRedo: one of the directories is no longer the one that its path names.
  Result<Attempt> check_in_place();
  void clear() { open_.clear(); }

 private:
  Result<Directory*> open(std::string_view parent);

  Directory& root_;
  // By path. Null: the directory was not there when it was looked for.
  std::map<std::string, std::unique_ptr<Directory>, std::less<>> open_;
};

// True of an error of the file system that lies in the path itself: trying again later would not
// help.
bool is_unusable_path(const Error& error);

}  // namespace syncline
