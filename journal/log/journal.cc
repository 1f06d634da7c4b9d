#include "journal/log/journal.h"

#include <utility>

#include "journal/base/try.h"
#include "journal/log/journal_impl.h"

namespace syncline {

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
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

Result<uint64_t> Journal::trim(const Mark& checkpoint, const Keep& keep) {
  // The flush lock keeps two trims apart, and keeps a new segment from being born meanwhile.
  TRY_ASSIGN(const bool held, impl_->lock_flush(nullptr, kForever));
  if (!held) return make_error(Code::kInternal, "the flush lock was not taken");
  const auto trim_now = [&]() -> Result<uint64_t> {
    TRY_ASSIGN(const auto entries, list_segments(*impl_->journal_directory, impl_->store));
    // Only segments before the one in use may go; a newer one may have its name and not be in use
    // yet.
    TRY_ASSIGN(const EpochMark end, impl_->current_end());
    size_t gone = 0;
    while (gone + 1 < entries.size() && entries[gone].segment < end.segment) {
      TRY_ASSIGN(const OpenSegment next, impl_->open_for_reading(entries[gone + 1].segment));
      if (checkpoint.position < next.header.previous()) break;
      ++gone;
    }
    if (gone == 0) return uint64_t{0};
    // First make durable whatever must outlive them; if this trim dies, the next one writes it
    // again.
    for (size_t i = 0; keep && i < gone; ++i) {
      TRY_ASSIGN(const OpenSegment segment, impl_->open_for_reading(entries[i].segment));
      TRY_ASSIGN(const OpenSegment next, impl_->open_for_reading(entries[i + 1].segment));
      const Mark to{next.header.previous(), next.header.first_seq - 1};
      TRY(keep(*impl_->journal_directory, segment.header.start(), to));
    }
    // Then record, durably, that they may be missing. Then remove them from the front, each removal
    // durable before the next, so that a crash leaves no hole.
    TRY(write_base(*impl_->journal_directory, impl_->store, entries[gone].segment));
    for (size_t i = 0; i < gone; ++i) {
      TRY(impl_->journal_directory->remove_file(segment_name(entries[i].segment)));
      TRY(impl_->journal_directory->sync_directory("."));
    }
    return uint64_t{gone};
  };
  auto trimmed = or_out_of_memory(trim_now);
  impl_->unlock_flush();
  return trimmed;
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
bool Journal::wait_watermark(Watermark which, uint64_t seq, Deadline deadline) {
  return impl_->page->wait_watermark(which, seq, deadline, impl_->clock);
}
uint64_t Journal::counter(Counter which) const {
  return impl_->page->counter(which);
}
void Journal::add_counter(Counter which, uint64_t amount) {
  impl_->page->add_counter(which, amount);
}

Result<std::unique_ptr<FileLock>> Journal::open_role(std::string_view name) {
  return impl_->root.open_lock(name);
}

}  // namespace syncline
