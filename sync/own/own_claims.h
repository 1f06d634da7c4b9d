// Git's claims on a store's journal, asked before the end of the log is judged: a record that is in
// a commit was durable when it was folded, whatever the disk shows now.
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

// The last record on the own ref, by the trailers of its tip, and how far the writer of sync.state
// had read the log. No git object is read where sync.state knows the tip. A repository that cannot
// be read makes no claim and is no error, because recording does not wait for git.
Result<std::vector<DurableClaim>> own_claims(const std::string& common_dir_path,
                                             Directory& common_dir, Directory& store_directory,
                                             const StoreId& store, GitPlatform& platform);

}  // namespace syncline
