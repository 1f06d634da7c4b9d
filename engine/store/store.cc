#include "syncline/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/store/store_impl.h"
#include "journal/base/try.h"

namespace syncline {

namespace {

// Within this time the next of many one-shot callers has said that it is there.
constexpr int64_t kNextCallerMs = 4;
// So long a call that has its answer waits for who applies: the next call does what it leaves.
constexpr int64_t kHandPatienceMs = 1000;

}  // namespace

Status Store::lend_a_hand() {
  TRY(impl_->check_process());
  if (impl_->options.background || !impl_->check_writable()) return {};
  Roles& roles = *impl_->roles;
  // What another made durable or applied before it found this caller to be the last is seen by the
  // look at what is pending: it leaves it to this one.
  std::pair<uint64_t, uint64_t> seen;
  const auto reached = [&journal = *impl_->journal] {
    return std::pair(journal.durable().seq, journal.watermark(Watermark::kApplied));
  };
  const auto do_all = [&]() -> Status {
    TRY(roles.apply.try_turns_in_passing());
    seen = reached();
    TRY(roles.sync.try_turns(/*publish_now=*/false, impl_->clock.after_ms(kHandPatienceMs)));
    return {};
  };
  MutexLock lock(roles.last_caller.mutex);
  TRY_ASSIGN(bool last, roles.last_caller.is_free());
  if (last) {
    // Where calls are started one after another, the next is about to come, and then this one is
    // not the last. Waiting for it costs the caller no time: it has its answer.
    const uint64_t committed = impl_->journal->watermark(Watermark::kCommitted);
    impl_->journal->wait_watermark(Watermark::kCommitted, committed + 1,
                                   impl_->clock.after_ms(kNextCallerMs));
    TRY_ASSIGN(last, roles.last_caller.try_turns(do_all, [&] { return reached() != seen; }));
  }
  return last ? Status{} : impl_->do_what_is_due();
}

Status Store::Impl::do_what_is_due() {
  const auto behind = [this](uint64_t ahead, Watermark follower) {
    return ahead - std::min(ahead, journal->watermark(follower));
  };
  if (is_due(Moment::kApplyTurn, behind(journal->durable().seq, Watermark::kApplied))) {
    TRY(roles->apply.try_turns_in_passing());
  }
  const uint64_t unfolded = behind(journal->watermark(Watermark::kApplied), Watermark::kCommitted);
  if (roles->apply.left_files_waiting() || is_due(Moment::kSyncTurn, unfolded)) {
    TRY(roles->sync.try_turns(/*publish_now=*/false, clock.after_ms(kHandPatienceMs)));
  }
  return {};
}

bool Store::Impl::is_due(Moment last_turn, uint64_t behind) const {
  // Every call reads what is not applied, so that this much is left is what a call may cost; and
  // the backlog must not refuse what a turn would have made room for.
  constexpr uint64_t kLeftMax = 256;
  if (behind >=
      std::min({kLeftMax, config->sync.batch_records_max, config->backlog_records_max / 2})) {
    return true;
  }
  const int64_t age_ms = clock.now_ms() - journal->moment(last_turn);
  return age_ms < 0 || static_cast<uint64_t>(age_ms) >= config->sync.batch_age_ms_max;
}

Result<SyncReport> Store::sync(bool push, Deadline deadline) {
  TRY(impl_->check_process());
  TRY(impl_->check_writable());
  const uint64_t target = impl_->journal->durable().seq;
  const uint64_t batches_before = impl_->journal->counter(Counter::kBatches);
  const uint64_t committed_before = impl_->journal->watermark(Watermark::kCommitted);
  // One turn even where nothing is to be applied: sections that waited for git may be written now.
  if (const auto turn = impl_->roles->apply.try_turns(deadline);
      !turn && !is_database_locked(turn.error())) {
    return turn.error();
  }
  TRY(impl_->roles->apply.until(target, deadline));
  TRY(impl_->roles->sync.fold_until(target, deadline));
  TRY_ASSIGN(PublishReport published, impl_->roles->sync.publish_until(target, deadline));
  SyncReport report;
  report.waiting = std::move(published.waiting);
  report.left = std::move(published.left);
  report.republished = std::move(published.republished);
  report.ignored = published.ignored;
  if (push && report.waiting.empty()) {
    TRY_ASSIGN(report.pushed, impl_->roles->sync.push(deadline));
  }
  report.committed = impl_->journal->watermark(Watermark::kCommitted);
  report.published = impl_->journal->watermark(Watermark::kPublished);
  report.batches = impl_->journal->counter(Counter::kBatches) - batches_before;
  report.records = report.committed - std::min(report.committed, committed_before);
  return report;
}

Status Store::close(Deadline deadline) {
  if (!impl_->closed) TRY(impl_->check_process());
  return impl_->close(deadline);
}

Watermarks Store::watermarks() const noexcept {
  const Journal& journal = *impl_->journal;
  return {.journaled = journal.durable().seq,
          .applied = journal.watermark(Watermark::kApplied),
          .committed = journal.watermark(Watermark::kCommitted),
          .published = journal.watermark(Watermark::kPublished),
          .pushed = journal.watermark(Watermark::kPushed)};
}

Status Store::checkpoint() {
  TRY(impl_->check_process());
  TRY(impl_->check_writable());
  return impl_->roles->apply.checkpoint();
}

// ---- reading ----

std::vector<std::string> Store::take_notes() {
  std::vector<std::string> notes = impl_->notes.take();
  for (std::string& note : impl_->roles->take_notes()) notes.push_back(std::move(note));
  return notes;
}

Result<Receipt> Store::show(uint64_t seq) {
  TRY(impl_->check_process());
  TRY_ASSIGN(ReceiptLookup records, impl_->lookup());
  TRY_ASSIGN(Receipt receipt, records.receipt(seq));
  TRY_ASSIGN(receipt.fields, impl_->fields_of(seq));
  if (receipt.stage >= Stage::kPublished) {
    // Of what is pushed the watermark knows no more than the last push did; git does.
    std::optional<uint64_t> pushed;
    const Status asked = impl_->roles->sync.read_syncer([&](Syncer& syncer) -> Status {
      TRY_ASSIGN(pushed, syncer.pusher().pushed());
      return {};
    });
    if (asked) receipt.stage = pushed && seq <= *pushed ? Stage::kPushed : Stage::kPublished;
  }
  return receipt;
}

Result<Receipt> Store::show_key(std::string_view key) {
  TRY(impl_->check_process());
  TRY_ASSIGN(ReceiptLookup records, impl_->lookup());
  TRY_ASSIGN(const std::optional<KeyEntry> entry, records.key(key));
  if (!entry) {
    return make_error(Code::kNotFound, fmt::format("there is no record with the key \"{}\"", key),
                      "`syncline log` lists the records and their keys");
  }
  return show(entry->seq);
}

}  // namespace syncline
