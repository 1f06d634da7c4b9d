#include "sync/fold/batch_log.h"

#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/contents/frame_place.h"
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
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(limit));
    if (!frame) break;
    if (!is_known(frame->operation)) return check_frame(*frame).error();
    if (frame->operation == Operation::kBatch) {
      TRY_ASSIGN(BatchFrame batch, at_frame(*frame, decode_batch(frame->payload)));
      while (!log.batches.empty() && log.batches.back().last_seq >= batch.first_seq) {
        log.batches.pop_back();
      }
      log.batches.push_back(std::move(batch));
    } else if (frame->operation == Operation::kPublish) {
      TRY_ASSIGN(log.published, at_frame(*frame, decode_publish(frame->payload)));
    } else if (is_record(frame->operation) &&
               frame->seq >= log.waypoints.back().seq + kWaypointRecords) {
      log.waypoints.push_back(reader->position());
    }
  }
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
