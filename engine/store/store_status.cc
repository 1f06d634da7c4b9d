// Where a store stands, by what journal, SQLite and git say.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/place/database_place.h"
#include "engine/store/store_impl.h"
#include "journal/base/try.h"
#include "sync/git/broken_refs.h"

namespace syncline {

Result<StoreStatus> Store::status() {
  TRY(impl_->check_process());
  StoreStatus status;
  Impl& store = *impl_;
  status.root = store.places.root;
  status.store_id = store.identity.store.hex();
  status.profile = store.config->profile;
  status.journaled = store.journal->durable().seq;
  // What is committed and published, git itself is asked; where it cannot be used, the hints and
  // the reason are shown.
  std::optional<uint64_t> due_for_sections_ms;
  // Of the branch: an index is read as a whole, and may be large.
  std::vector<std::string> tracked;
  const Status asked = store.roles->sync.read_syncer([&](Syncer& syncer) -> Status {
    status.committed = syncer.committed();
    // A store that goes on above a lost one has nothing of the lost one's to publish.
    status.published = std::max(syncer.published(), store.identity.first_seq - 1);
    TRY_ASSIGN(status.git, syncer.waiting_reason());
    status.publish_due_ms = syncer.publisher().due_in_ms(/*sections_wait=*/false);
    due_for_sections_ms = syncer.publisher().due_in_ms(/*sections_wait=*/true);
    TRY_ASSIGN(status.pushed, syncer.pusher().pushed());
    TRY_ASSIGN(status.attributes_off, syncer.attributes_off());
    TRY_ASSIGN(const HeldPaths ignored, syncer.held_paths());
    status.ignored = count_held(ignored);
    TRY_ASSIGN(const ObjectId branch, syncer.branch_tree());
    for (std::string& path : database_files(*store.config)) {
      TRY_ASSIGN(const bool held, syncer.holds(branch, path));
      if (held) tracked.push_back(std::move(path));
    }
    if (status.pushed) {
      TRY_ASSIGN(status.own_ref_waiting, syncer.own_ref_waiting_reason());
    }
    return {};
  });
  // A fetch may have shown that the remote was rewritten: receipts are to say no more than this.
  if (status.pushed && *status.pushed != store.journal->watermark(Watermark::kPushed) &&
      store.check_writable()) {
    store.journal->reset_watermark(Watermark::kPushed, *status.pushed);
  }
  if (!asked) {
    status.committed = store.journal->watermark(Watermark::kCommitted);
    status.published = store.journal->watermark(Watermark::kPublished);
    status.git = asked.error().message;
  }
  if (status.git.empty()) {
    status.git = "ok";
  } else {
    const std::string& branch =
        store.config->sync.branch.empty() ? store.identity.branch : store.config->sync.branch;
    auto broken = broken_ref(store.places.root, branch, store.platform);
    if (broken && !broken->empty()) status.git = std::move(*broken);
  }
  const std::string apply_waits = store.why_applying_waits();
  TRY_ASSIGN(ReceiptLookup records, store.lookup());
  TRY_ASSIGN(const AppliedState applied, records.state());
  status.applied = applied.applied.seq;
  status.set_aside = applied.set_aside;
  status.files_waiting = applied.files_waiting;
  if (status.files_waiting != 0) status.publish_due_ms = due_for_sections_ms;
  if (status.git != "ok" || !store.check_writable()) status.publish_due_ms.reset();
  // Which kind of I/O a long-running writer would use here: tried, not remembered.
  status.io = std::string(store.platform.make_ring(/*many_groups=*/true)->name());
  TRY_ASSIGN(status.journal_bytes, store.journal->size_bytes());
  status.notes = take_notes();
  if (!tracked.empty()) status.notes.push_back(tracked_database(tracked));
  if (!apply_waits.empty()) status.notes.push_back("applying waits: " + apply_waits);
  if (status.committed < status.applied) {
    const std::string why = store.why_committing_waits();
    if (!why.empty()) status.notes.push_back("committing waits: " + why);
  }
  store.measure(status, records);
  return status;
}
}  // namespace syncline
