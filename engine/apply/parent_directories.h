// Handles of the folders that records' files go into, kept for one batch.
//
// A handle follows its folder when a person moves it, so handles are dropped after each batch and
// checked before the batch is believed (all_in_place).
//
// Not thread-safe. Failure: what is in the way of a path (a link, a file where a folder must be, a
// name too long) answers kUnsafePath; everything else is the file system's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "journal/os/file_system.h"

namespace syncline {

class ParentDirectories {
 public:
  explicit ParentDirectories(Directory& root) : root_(root) {}

  struct Place {
    Directory* directory = nullptr;  // null: the parent is not there yet
    std::string_view name;           // in it; points into the path asked for
  };
  Result<Place> find(std::string_view path);
  Result<Place> make(std::string_view path);  // creates what is missing of the parents

  // False when a folder is no longer the one its path names.
  Result<bool> all_in_place();
  void clear() { open_.clear(); }

 private:
  Result<Directory*> open(std::string_view parent);

  Directory& root_;
  // Null: it was not there when looked for.
  std::map<std::string, std::unique_ptr<Directory>, std::less<>> open_;
};

// Of an error of the file system: the path itself is what cannot be used, and trying again later
// would not help.
bool is_unusable_path(const Error& error);

}  // namespace syncline
