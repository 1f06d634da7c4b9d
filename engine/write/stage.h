// The ladder of stages that a record climbs, each with its name and its watermark:
//
//   journaled → applied → committed → published → pushed
//
// Invariant: kLadder is in the order of Stage. Watermarks are hints (journal/log/journal.h): they
// may lag behind what was done.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "journal/log/journal.h"
#include "syncline/record.h"

namespace syncline {

struct Rung {
  Stage stage;
  std::string_view name;
  std::optional<Watermark> watermark;  // none: the caller knows that the record is durable
};

inline constexpr std::array<Rung, 5> kLadder = {{
    {Stage::kJournaled, "journaled", std::nullopt},
    {Stage::kApplied, "applied", Watermark::kApplied},
    {Stage::kCommitted, "committed", Watermark::kCommitted},
    {Stage::kPublished, "published", Watermark::kPublished},
    {Stage::kPushed, "pushed", Watermark::kPushed},
}};

// Of a durable record.
bool is_reached(const Rung& rung, uint64_t seq, const Journal& journal);
// The highest rung that a durable record has reached.
Stage stage_of(uint64_t seq, const Journal& journal);

}  // namespace syncline
