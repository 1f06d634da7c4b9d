#include "engine/retention.h"

#include <memory>

#include "journal/segment.h"

namespace syncline {

Result<std::optional<Mark>> trimmable(Directory& store_directory, const StoreId& store,
                                      const Config& config, const Mark& limit, int64_t now_ms) {
  constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;
  TRY_ASSIGN(const std::unique_ptr<Directory> folder, store_directory.open_directory("journal"));
  TRY_ASSIGN(const auto segments, list_segments(*folder, store));
  uint64_t total_bytes = 0;
  for (const SegmentEntry& segment : segments) total_bytes += segment.size_bytes;

  std::optional<Mark> mark;
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    TRY_ASSIGN(const OpenSegment next, open_segment(*folder, store, segments[i + 1].segment, {}));
    const bool too_much = config.retain_bytes_max != 0 && total_bytes > config.retain_bytes_max;
    // Everything in a segment is older than the one that came after it.
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

}  // namespace syncline
