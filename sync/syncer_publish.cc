// The part of the Syncer that faces people's branch: publishing, pushing, consolidation.

#include "journal/base/try.h"
#include "sync/consolidator.h"
#include "sync/own/own_history.h"
#include "sync/publish/publisher.h"
#include "sync/publish/pusher.h"
#include "sync/syncer_impl.h"

namespace syncline {

Result<PublishReport> SyncerImpl::publish(OutcomeSource& outcomes) {
  return publisher_->publish(outcomes);
}

bool SyncerImpl::publish_due() {
  return publisher_->due();
}

Result<std::string> SyncerImpl::waiting_reason() {
  TRY_ASSIGN(std::string reason, folder_.waiting_reason());
  if (!reason.empty()) return reason;
  return publisher_->waiting_reason();
}

Status SyncerImpl::push(Deadline deadline) {
  return pusher_->push(deadline);
}

Result<std::optional<uint64_t>> SyncerImpl::pushed() {
  return pusher_->pushed();
}

Status SyncerImpl::consolidate_if_due() {
  return Consolidator(context_).run_if_due();
}

Result<std::vector<Syncer::ClaimedRange>> SyncerImpl::published_ranges() {
  TRY_ASSIGN(const ObjectId tip, refs_.read(options_.branch));
  TRY_ASSIGN(const FoundTrailers found,
             find_trailers(objects_, tip, context_.store().hex(), UINT64_MAX, UINT64_MAX));
  std::vector<ClaimedRange> ranges;
  ranges.reserve(found.ranges.size());
  for (const FoundRange& range : found.ranges) {
    ranges.push_back({range.commit, range.first_seq, range.last_seq});
  }
  return ranges;
}

}  // namespace syncline
