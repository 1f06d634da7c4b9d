// Removing the segments of which every projection holds all durably.
#include "journal/base/try.h"
#include "journal/log/journal_impl.h"

namespace syncline {

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

}  // namespace syncline
