// The work tree's side of a publish: is a file there with the bytes that are being published?
//
// Git believes a file to be unchanged while its times, size and inode are those in the index. So a
// file's status may go into the index only after its bytes were read and found equal, and only
// where a later change could not leave the same times: for a file changed within kRacyMs before it
// was read, no status is written, and git looks at the bytes itself.
//
// Bytes are compared as they are. Where core.autocrlf, a filter or an encoding attribute covers our
// paths, git converts on checkout; until then it compares converted bytes and may call our files
// modified or warn about line ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "journal/base/clock.h"
#include "journal/os/file_system.h"
#include "sync/git/index_file.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr int64_t kRacyMs = 20;  // times of files come in steps of the kernel's tick

struct WorkFile {
  enum class State : uint8_t {
    kMissing,
    kReadable,    // a regular file
    kUnreadable,  // a link, a directory, beneath a link, or larger than what is read
  };
  State state = State::kMissing;
  ObjectId blob;                  // of its bytes
  std::optional<IndexStat> stat;  // where it may go into the index
};
Result<WorkFile> look_at_work_file(Directory& work_tree, std::string_view path, Clock& clock);

// Writes a file that is not there, whole and durable, with its directories. kExists where something
// is.
Status write_work_file(Directory& work_tree, std::string_view path, std::string_view content);

// Adds `text`, which may be empty, to the end of a file that holds exactly `before`; false when it
// does not, or is no regular file with one link. The caller keeps other writers of the store away
// (apply.lock).
Result<bool> grow_work_file(Directory& work_tree, std::string_view path, std::string_view before,
                            std::string_view text);

// Gives a file that holds exactly `before` the bytes `after`, durably, by another file of its name;
// false when it does not, or is no regular file with one link. It is looked at once more before it
// is replaced, so what is saved meanwhile stays, but for the instant between that look and the
// rename.
Result<bool> replace_work_file(Directory& work_tree, std::string_view path, std::string_view before,
                               std::string_view after);
// A file that something was added to.
struct GrownFile {
  std::string path;
  std::optional<std::string> before;  // nothing: it was not there
  std::string after;
};
// What a file holds. kNotFound where there is none, another code where it is no regular one.
Result<std::string> text_of_work_file(Directory& work_tree, std::string_view path);
// Gives the files what they held before: not durably, and quickly. False, with nothing changed,
// where one holds something else by now.
Result<bool> take_back_growth(Directory& work_tree, std::span<const GrownFile> files);

// Removes, durably, a file that holds exactly `content`; false when it does not, or is not there.
Result<bool> remove_work_file(Directory& work_tree, std::string_view path,
                              std::string_view content);

}  // namespace syncline
