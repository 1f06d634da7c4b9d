#include "engine/apply/abandoned_effects.h"

#include "journal/base/try.h"

namespace syncline {

std::vector<std::string_view> texts_of(const std::vector<Abandoned>& abandoned) {
  std::vector<std::string_view> texts;
  for (const Abandoned& effect : abandoned) texts.push_back(effect.text);
  return texts;
}

std::vector<Abandoned> abandoned_effects(const Intent& intent, uint64_t seq, int64_t time_ms,
                                         const Outcome& outcome, std::span<const uint64_t> ids) {
  std::vector<Abandoned> abandoned;
  if (outcome.file_id || intent.found.file) return abandoned;
  for (const uint64_t id : ids) {
    if (outcome.kind == Outcome::Kind::kRebind && id == outcome.new_id) continue;
    Effects effects = render_effects(intent, seq, id, time_ms);
    if (effects.path.empty()) continue;
    abandoned.push_back({std::move(effects.path), std::move(effects.text)});
  }
  return abandoned;
}

Status take_back(FileApplier& files, const Effects& effects,
                 const std::vector<Abandoned>& abandoned) {
  if (effects.operation != Operation::kCreate) return {};  // sections are found by their bytes
  for (const auto& [path, text] : abandoned) {
    TRY(files.take_back(path, text, effects.time_ms));
  }
  return {};
}

}  // namespace syncline
