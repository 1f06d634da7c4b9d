// The roles of an open store, over one context.
//
//   apply.lock:   durable records → rows and files (apply_role.h)
//   sync.lock:    applied records → commits on the own ref → the branch (sync_role.h)
//   callers.lock: the last one-shot caller does what the others left (Store::lend_a_hand)
//
// Lock order: callers, sync, apply: the last caller takes the others, and a trim of the journal
// checkpoints the applier (role.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/roles/apply_role.h"
#include "engine/roles/role_context.h"
#include "engine/roles/sync_role.h"

namespace syncline {

class Roles {
 public:
  // `take_over_database`: see ApplierOptions. What is passed by reference outlives the roles.
  Roles(const StorePlaces& places, const Identity& identity, std::shared_ptr<const Config> config,
        Directory& store_directory, Journal& journal, Clock& clock,
        bool take_over_database = false);

  // To be called before the first turn.
  void expect_short_life() { context_.short_lived = true; }
  void expect_replay() { context_.replays = true; }
  // Hands out each note once.
  // See StoreOptions; before the first turn.
  void tell_waits(std::function<void(const std::string& why)> on_wait) {
    context_.on_wait = std::move(on_wait);
  }
  std::vector<std::string> take_notes() { return context_.notes.take(); }
  // Any thread: turns end with the batch at hand once `deadline` has passed.
  void end_by(Deadline deadline) { context_.end_by_ns = deadline.monotonic_ns; }

 private:
  RoleContext context_;

 public:
  ApplyRole apply;
  SyncRole sync;
  Role last_caller;
};

}  // namespace syncline
