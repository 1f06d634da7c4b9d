// Each file, lock and ref of a store, named once.
//
//   DIR/                          top of a git work tree
//     syncline.toml               configuration, tracked
//     <git common directory>/
//       refs/syncline/<store id>          the store's own ref: a commit for each batch
//       refs/syncline-kept/<store id>/…   commits that a repair or an accepted loss set aside
//       syncline/                         the store's directory, mode 0700
//         identity                        who the store is, and where it was made
//         config.toml, cache.token        the configuration last journalled; what it was read from
//         control                         the shared page: ends, marks, watermarks (hints)
//         requests                        the shared page of records to be appended (a cache)
//         append.lock flush.lock lead.lock open.lock init.lock
//         apply.lock sync.lock callers.lock adopt.lock
//         sync.state pushed consolidated  caches of what git holds
//         journal/                        segments, their `base`, and <id>.keys of trimmed ones
//         kept/                           what repair, a replaced database or a lost store left
#pragma once

#include <string>
#include <string_view>

namespace syncline {

inline constexpr std::string_view kConfigFile = "syncline.toml";
inline constexpr std::string_view kIdentityFile = "identity";
// The configuration as it was last journalled.
inline constexpr std::string_view kConfigCopyFile = "config.toml";
// Which life of the page cache (boot and mount) files were last checked in.
inline constexpr std::string_view kCacheTokenFile = "cache.token";
inline constexpr std::string_view kControlName = "control";
inline constexpr std::string_view kJournalDirectory = "journal";
inline constexpr std::string_view kBaseName = "base";
inline constexpr std::string_view kStoreDirectory = "syncline";  // in the git common directory
inline constexpr std::string_view kKeptDirectory = "kept";
inline constexpr std::string_view kSyncStateFile = "sync.state";
// What was pushed, and where to: a cache for the case that a person squashed our commits, so that
// their trailers no longer tell. Written without a sync, believed only while the tip is the same.
inline constexpr std::string_view kPushedFile = "pushed";
// Paths that were left out of the branch because the repository ignores them.
inline constexpr std::string_view kHeldPathsFile = "ignored";
// There while a publish that died in the middle is not made up for (sync/publish/publisher).
inline constexpr std::string_view kPublishCutFile = "publish.cut";
// Why the last turn of folding and publishing failed, for people; not there while they go on.
inline constexpr std::string_view kSyncTroubleFile = "sync.trouble";
// How many packs the last consolidation left. A cache: where it is missing, the next comes sooner.
inline constexpr std::string_view kConsolidatedFile = "consolidated";

// Held for one append, one flush.
inline constexpr std::string_view kAppendLockName = "append.lock";
inline constexpr std::string_view kFlushLockName = "flush.lock";
// What processes want appended (journal/log/request_page.h), and the lock of the one who does it.
inline constexpr std::string_view kRequestsName = "requests";
inline constexpr std::string_view kLeadLockName = "lead.lock";
// Held shared by every process that has the journal open, and exclusively by the one that recovers
// it.
inline constexpr std::string_view kOpenLockName = "open.lock";
// Roles: the process that holds the lock does what is pending.
inline constexpr std::string_view kApplyLockName = "apply.lock";
inline constexpr std::string_view kSyncLockName = "sync.lock";
// Held shared by one-shot callers until they leave, and exclusively by the last, who does what the
// others left.
inline constexpr std::string_view kCallersLockName = "callers.lock";
inline constexpr std::string_view kInitLockName = "init.lock";
// Held by whoever takes in, or moves aside, what no record has made.
inline constexpr std::string_view kAdoptLockName = "adopt.lock";

// The place below the store's directory where `name` is kept.
inline std::string kept_path_of(std::string_view name) {
  return std::string(kKeptDirectory) + "/" + std::string(name);
}
// `store` is the store's id in hexadecimal digits.
inline constexpr std::string_view kOwnRefs = "refs/syncline/";
inline std::string own_ref_of(std::string_view store) {
  return std::string(kOwnRefs) + std::string(store);
}
// `name`: a commit's id, or whose it was.
inline std::string kept_ref_of(std::string_view store, std::string_view name) {
  return "refs/syncline-kept/" + std::string(store) + "/" + std::string(name);
}

}  // namespace syncline
