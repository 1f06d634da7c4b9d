#include "engine/write/stage.h"

#include <algorithm>
#include <ranges>

namespace syncline {

static_assert(std::ranges::is_sorted(kLadder, {}, &Rung::stage));

std::string_view stage_name(Stage stage) {
  return kLadder[static_cast<size_t>(stage)].name;
}

std::optional<Stage> parse_stage(std::string_view name) {
  const auto found = std::ranges::find(kLadder, name, &Rung::name);
  if (found == kLadder.end()) return std::nullopt;
  return found->stage;
}

bool is_reached(const Rung& rung, uint64_t seq, const Journal& journal) {
  return !rung.watermark || journal.watermark(*rung.watermark) >= seq;
}

Stage stage_of(uint64_t seq, const Journal& journal) {
  for (const Rung& rung : std::views::reverse(kLadder)) {
    if (is_reached(rung, seq, journal)) return rung.stage;
  }
  return Stage::kJournaled;
}

}  // namespace syncline
