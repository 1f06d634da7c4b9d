#include "journal/log/journal.h"

#include <utility>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/journal_impl.h"

namespace syncline {

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  impl_->commits.emplace(impl_->clock, GroupLimits{},
                         [this](const GroupCommit::Items& items, Deadline, Deadline) {
                           Impl::lead_commits(*this, items);
                           return true;
                         });
}
Journal::~Journal() {
  if (!impl_->present) return;
  impl_->leave();
  impl_->page->add_live(-1);
  impl_->page->start_writeback();
}

const RecoveryReport& Journal::recovery() const {
  return impl_->report;
}
const StoreId& Journal::store() const {
  return impl_->store;
}
Mark Journal::durable() const {
  return impl_->page->durable().value_or(EpochMark{}).mark();
}
Mark Journal::end() const {
  return impl_->page->end().value_or(EpochMark{}).mark();
}
uint64_t Journal::epoch() const {
  return impl_->page->end().value_or(EpochMark{}).epoch;
}

Result<Mark> Journal::begin() const {
  TRY_ASSIGN(const OpenSegment first, open_first_segment(*impl_->journal_directory, impl_->store));
  return first.header.start();
}

Result<uint64_t> Journal::size_bytes() const {
  TRY_ASSIGN(const auto entries, list_segments(*impl_->journal_directory, impl_->store));
  uint64_t total = 0;
  for (const SegmentEntry& entry : entries) total += entry.size_bytes;
  return total;
}

uint64_t Journal::watermark(Watermark which) const {
  return impl_->page->watermark(which);
}
void Journal::set_watermark(Watermark which, uint64_t seq) {
  impl_->page->raise_watermark(which, seq);
}
void Journal::reset_watermark(Watermark which, uint64_t seq) {
  impl_->page->put_watermark(which, seq);
}
bool Journal::wait_watermark(Watermark which, uint64_t seq, Deadline deadline,
                             const std::function<bool()>& give_up) {
  return impl_->page->wait_watermark(which, seq, deadline, impl_->clock, give_up);
}
void Journal::wake_waiters(Watermark which) {
  impl_->page->wake_waiters(which);
}
uint64_t Journal::counter(Counter which) const {
  return impl_->page->counter(which);
}
void Journal::add_counter(Counter which, uint64_t amount) {
  impl_->page->add_counter(which, amount);
}

std::string_view retry_cause_name(RetryCause cause) {
  switch (cause) {
    case RetryCause::kOther:
      return "other";
    case RetryCause::kSqliteBusy:
      return "sqlite_busy";
    case RetryCause::kGitLock:
      return "git_lock";
    case RetryCause::kGitState:
      return "git_state";
    case RetryCause::kLockWait:
      return "lock_wait";
    case RetryCause::kFlush:
      return "flush";
    case RetryCause::kCount:
      break;
  }
  return {};
}

void Journal::count_retry(RetryCause cause, uint64_t amount) {
  impl_->page->count_retry(cause, amount, impl_->clock.now_ms());
}
uint64_t Journal::retries(RetryCause cause) const {
  return impl_->page->counter(counter_of(cause));
}
uint64_t Journal::retries_last_minute() const {
  return impl_->page->retries_last_minute(impl_->clock.now_ms());
}
Histogram Journal::latencies(Latency which) const {
  return impl_->page->latencies(which);
}
void Journal::add_latencies(Latency which, const Histogram& seen) {
  impl_->page->add_latencies(which, seen);
}

int64_t Journal::moment(Moment which) const {
  return impl_->page->moment(which);
}
void Journal::set_moment(Moment which, int64_t time_ms) {
  impl_->page->set_moment(which, time_ms);
}

uint64_t Journal::live() const {
  return impl_->page->is_private() ? 0 : impl_->page->live();
}
uint64_t Journal::presence() const {
  return impl_->page->is_private() ? 0 : impl_->page->presence();
}

void Journal::remember(Memo which, ByteSpan bytes) {
  if (!impl_->page->is_private()) impl_->page->remember(which, bytes);
}

Memos Journal::recall(Directory& directory, const StoreId& store) {
  const Result<std::string> token = directory.cache_token();
  if (!token || token->empty()) return {};
  const Result<std::string> page = read_file(directory, kControlName, kControlPageBytes);
  if (!page) return {};
  return recall_from(as_bytes(*page), store, *token);
}

Result<std::unique_ptr<FileLock>> Journal::open_role(std::string_view name) {
  return impl_->root.open_lock(name);
}

void Journal::tell_wait(FileLock& lock) const {
  if (impl_->options.on_wait) impl_->options.on_wait(wait_for_lock_text(lock));
}

Status Journal::lock_role(FileLock& lock, Deadline deadline) const {
  return impl_->lock_and_count(lock, deadline);
}

}  // namespace syncline
