#include "engine/apply/applied_sections.h"

#include "engine/apply/section_target.h"
#include "journal/base/try.h"

namespace syncline {

Result<std::vector<Section>> sections_of(ApplyContext& context,
                                         const std::vector<AppliedRecord>& records) {
  std::vector<Section> chosen;
  if (records.empty()) return chosen;
  TRY_ASSIGN(const auto offsets,
             context.projection->offsets(records.front().effects.seq, records.back().effects.seq));
  SectionTargets targets(context.parents);
  for (const auto& [intent, effect, abandoned] : records) {
    if (effect.operation != Operation::kAppend || effect.path.empty()) continue;
    if (context.is_outside(effect.path)) continue;
    TRY_ASSIGN(const SectionTarget* const target, targets.look(effect.path));
    if (!target->unusable.empty()) continue;
    std::optional<uint64_t> known = context.ahead.tail().offset(effect.seq);
    if (const auto applied_at = offsets.find(effect.seq); !known && applied_at != offsets.end()) {
      known = applied_at->second;
    }
    chosen.push_back({.seq = effect.seq,
                      .id = effect.id,
                      .path = effect.path,
                      .header = effect.header,
                      .text = effect.text,
                      .known_offset = known,
                      .may_be_there = intent.found.file,
                      .abandoned = texts_of(abandoned)});
  }
  return chosen;
}

Status journal_offsets(ApplyContext& context, const std::vector<AppendOffset>& offsets) {
  if (offsets.empty()) return {};
  if (context.options.journal_outcomes) {
    TRY(context.journal.append_control(Operation::kAppendOffsets,
                                       encode(AppendOffsetsFrame{.offsets = offsets}),
                                       context.clock.now_ms()));
  }
  TRY_ASSIGN(Transaction transaction, Transaction::begin(*context.database));
  for (const AppendOffset& offset : offsets) TRY(context.projection->put_offset(offset));
  return transaction.commit();
}

}  // namespace syncline
