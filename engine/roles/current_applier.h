// The one Applier of a process, open over the database that is there now: a person, a repair or
// another process may have deleted, exchanged or rebuilt the file since it was last used.
//
//   open(): open already ── refresh() ── sound ─────────────────────────────────────► ready
//                               └─ damaged ─► closed ─┐
//           not open ─────────────────────────────────┴► an interrupted replacement is finished
//             ─► Applier::open ── sound ──────────────────► files checked after cache loss ─► ready
//                               └─ damaged ─► moved aside, opened anew, journal applied, what was
//                                             people's carried over ─► as above
//
// Invariant: after open() failed no applier is open. One that is half ready must not stay: a
// checkpoint by the next turn would call files synced that nobody has checked.
//
// Threading: not thread-safe. Whoever calls holds the apply role, but for close(). Failure: the
// database is a projection, so a damaged one is replaced and that is noted; any other error is the
// caller's to tell, and the next open() tries again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/apply/applier.h"
#include "engine/roles/removed_files.h"
#include "engine/roles/role_context.h"
#include "sync/git/git_paths.h"
#include "sync/git/sparse_checkout.h"
#include "syncline/result.h"

namespace syncline {

class CurrentApplier {
 public:
  explicit CurrentApplier(RoleContext& context) : context_(context), removed_(context) {}
  CurrentApplier(const CurrentApplier&) = delete;
  CurrentApplier& operator=(const CurrentApplier&) = delete;

  Status open();
  void close() { applier_.reset(); }
  // How long a lock of another program on the database is waited for, from here on.
  void set_patience(int64_t patience_ms);
  Applier& applier() { return *applier_; }  // once open() succeeded, until close()

  // True when the database was damaged: it has been moved aside, and is begun anew by open().
  Result<bool> replace_if_damaged();

  // A file that git tracks may not change under a merge, a rebase or another branch.
  bool files_must_wait() const;
  // Is another branch than the store's checked out, or none?
  Result<bool> branch_is_away() const;

 private:
  bool is_outside(const std::string& path);
  Result<std::string> branch_in_use(const GitDirectories& git) const;
  Status check_not_stashed() const;
  Status open_anew();
  Status recheck_after_cache_loss();
  Status replace_database();
  Status carry_over();
  Status finish_replacement();
  Status note_rebuilt();

  RoleContext& context_;
  RemovedFiles removed_;
  std::optional<SparseCheckout> sparse_;  // as it was when it was first asked for since open()
  std::unique_ptr<Applier> applier_;
  int64_t patience_ms_ = Database::kBusyTimeoutMs;
  bool replaced_ = false;  // the database, and none opened since
};

}  // namespace syncline
