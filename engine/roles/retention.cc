#include "engine/roles/retention.h"

#include <algorithm>
#include <memory>

#include "engine/projection/projection.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/reader.h"
#include "journal/log/segment.h"
#include "journal/record/row_id.h"

namespace syncline {

Result<std::optional<Mark>> trimmable(Directory& store_directory, const StoreId& store,
                                      const Config& config, const Mark& limit, int64_t now_ms) {
  constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1000;
  TRY_ASSIGN(const std::unique_ptr<Directory> journal_directory,
             store_directory.open_directory(kJournalDirectory));
  TRY_ASSIGN(const auto segments, list_segments(*journal_directory, store));
  uint64_t total_bytes = 0;
  for (const SegmentEntry& segment : segments) total_bytes += segment.size_bytes;

  std::optional<Mark> mark;
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    TRY_ASSIGN(const OpenSegment next,
               open_segment(*journal_directory, store, segments[i + 1].segment, {}));
    const bool too_much = config.retain_bytes_max != 0 && total_bytes > config.retain_bytes_max;
    // Everything in a segment is older than the segment after it.
    const bool too_old =
        config.retain_days_max != 0 &&
        next.header.created_ms < now_ms - static_cast<int64_t>(config.retain_days_max) * kDayMs;
    if (!too_much && !too_old) break;
    if (segments[i].segment >= limit.position.segment || next.header.first_seq > limit.seq + 1)
      break;
    mark = Mark{next.header.previous(), next.header.first_seq - 1};
    total_bytes -= segments[i].size_bytes;
  }
  return mark;
}

Result<KeptKeys> kept_keys_of(Directory& store_directory, const StoreId& store, Database& database,
                              const Mark& from, const Mark& to) {
  KeptKeys kept{.segment = from.position.segment, .first_seq = from.seq + 1, .last_seq = to.seq};
  TRY_ASSIGN(const auto outcomes, read_outcomes(database, kept.first_seq, kept.last_seq));
  TRY_ASSIGN(const auto reader, Reader::open(store_directory, store, from, Reading::kThrough));
  while (true) {
    TRY_ASSIGN(const auto frame, reader->next(to));
    if (!frame) return kept;
    if (!is_record(frame->operation)) continue;
    TRY_ASSIGN(Intent intent, decode_intent(frame->operation, frame->payload));
    const auto outcome = outcomes.find(frame->seq);
    const bool plain = outcome == outcomes.end();
    const EffectIds ids(frame->id, plain ? nullptr : &outcome->second);
    for (const uint64_t id : {frame->id, ids.row}) {
      if (!is_row_id(id)) continue;
      uint64_t& last = kept.last_ids[intent.table];
      last = std::max(last, id);
    }
    if (intent.key.empty()) continue;
    kept.records.push_back(make_kept_record(std::move(intent), frame->seq, frame->id,
                                            frame->time_ms, plain ? nullptr : &outcome->second));
  }
}

}  // namespace syncline
