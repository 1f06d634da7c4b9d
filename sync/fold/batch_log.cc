#include "sync/fold/batch_log.h"

#include "journal/base/try.h"
#include "journal/contents/log_tail.h"
#include "journal/log/reader.h"

namespace syncline {
namespace {

constexpr uint64_t kWaypointRecords = 1024;

}  // namespace

Result<BatchLog> scan_batches(Directory& store_directory, const StoreId& store, const Mark& from,
                              const Mark& limit) {
  BatchLog log;
  log.end = from;
  log.waypoints.push_back(from);
  if (from.position >= limit.position) return log;
  TRY_ASSIGN(const std::unique_ptr<Reader> reader, Reader::open(store_directory, store, from));
  LogTail tail(LogTail::kCommits);
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(limit));
    if (!frame) break;
    TRY(tail.take(*frame));
    if (is_record(frame->operation) && frame->seq >= log.waypoints.back().seq + kWaypointRecords) {
      log.waypoints.push_back(reader->position());
    }
  }
  log.batches = standing_batches(tail.batches());
  if (!tail.publishes().empty()) log.published = tail.publishes().back();
  log.end = reader->position();
  return log;
}

RefStanding stand_of_ref(const ObjectId& ref, const ObjectId& base,
                         std::span<const BatchFrame> batches) {
  ObjectId at = base;
  for (const BatchFrame& batch : batches) {
    if (batch.parent != at) return {};
    at = batch.commit;
  }
  if (ref == at) return {RefStanding::Kind::kSettled, batches.size()};
  // Looked for from the end: the usual case is one batch short.
  for (size_t done = batches.size(); done-- > 0;) {
    if (ref == batches[done].parent) return {RefStanding::Kind::kBehind, done};
  }
  return {};
}

}  // namespace syncline
