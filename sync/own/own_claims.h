// What git knows to have been durable of a store's journal. Asked before the end of the log is
// judged: a record that is in a commit was durable when it was folded, whatever the disk shows now.
//
// Threading: any; writes nothing.
#pragma once

#include <string>
#include <vector>

#include "journal/log/format.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"
#include "sync/git/git_platform.h"
#include "syncline/result.h"

namespace syncline {

// The last record on the own ref, by its tip's trailers, and how far sync.state's writer had read
// the log. No git object is read where sync.state knows the tip. A repository that cannot be read
// claims nothing, and is no error: recording does not wait for git.
Result<std::vector<DurableClaim>> own_claims(const std::string& common_dir_path,
                                             Directory& common_dir, Directory& store_directory,
                                             const StoreId& store, GitPlatform& platform);

}  // namespace syncline
