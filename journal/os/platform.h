// Everything of the outside world that is not a file already open: where directories, time,
// randomness and rings come from. One object, handed down from the top, so that a simulation owns
// all of it.
//
// The class itself is the real system; the directories above derive from it what they need besides
// (sync/git/git_platform.h, engine/place/store_platform.h), and a simulation overrides everything.
// It outlives all that was made with it. Threading: any thread.
#pragma once

#include <memory>
#include <string>

#include "journal/base/clock.h"
#include "journal/os/file_system.h"
#include "journal/os/ring.h"

namespace syncline {

class Platform {
 public:
  virtual ~Platform() = default;

  virtual Clock& clock() { return system_clock(); }
  virtual Random& random() { return system_random(); }

  // A directory by path; the path itself may contain symbolic links.
  virtual Result<std::unique_ptr<Directory>> open_directory(const std::string& path) {
    return open_posix_directory(path);
  }
  // Absolute, without symbolic links, "." and ".."; kNotFound where there is nothing.
  virtual Result<std::string> canonical_path(const std::string& path);

  // Is there something at this path? A symbolic link counts by itself.
  Result<bool> is_there(const std::string& path);
  // Moves a file to a name that is free, by copying where it goes to another file system; durable
  // when it returns.
  virtual Status move_file(const std::string& from, const std::string& to);

  // The best ring there is, or the plain one: setting io_uring up pays only for a process that
  // writes much.
  virtual std::unique_ptr<Ring> make_ring(bool many_groups) {
    return many_groups ? make_best_ring() : make_plain_ring();
  }
};

}  // namespace syncline
