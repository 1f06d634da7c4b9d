// Our merge driver (gitattributes(5), "Defining a custom merge driver"): what git runs when a
// merge, rebase, cherry-pick or stash of a person's meets two versions of a file of sections. Each
// section then stands there once (sync/publish/section_union.h), where git's own merge by lines
// sees a conflict as soon as both sides have added at the end.
//
// Git reads which driver a path has from the attributes (own_attributes.h), and the driver's
// command from the repository's configuration. A command that is not there, or that leaves a merge
// to a person, is followed by git's own merge, with its marks of conflict.
#pragma once

#include <string>
#include <string_view>

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr std::string_view kMergeDriver = "syncline";

// Is it set as set_merge_driver() would set it, or cannot be: the configuration is a link, or there
// is none? Not while a lock stands there that a dead call of `owner` has left.
Result<bool> merge_driver_is_set(Directory& common_dir, const std::string& owner,
                                 std::string_view program);
// Adds the driver to the configuration in the common directory, or gives it the `program` (a path,
// or a name to be found in PATH), durably; everything else in it stays. False while
// another program changes it. The caller holds the sync.lock of `owner`, the store.
Result<bool> set_merge_driver(Directory& common_dir, const std::string& owner,
                              std::string_view program);

// The text with it in; for a test.
std::string with_merge_driver(std::string config, std::string_view program);

}  // namespace syncline
