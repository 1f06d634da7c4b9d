#include "engine/apply/waiting_sections.h"

#include "engine/apply/applied_sections.h"
#include "journal/base/try.h"

namespace syncline {

Result<uint64_t> WaitingSections::write() {
  uint64_t written = 0;
  TRY_ASSIGN(const bool any, context_.projection->is_any_waiting());
  if (!any || !context_.options.write_files || context_.must_wait()) return written;
  TRY_ASSIGN(const auto waiting, context_.projection->waiting(0, static_cast<uint64_t>(INT64_MAX)));
  auto visited = visit_applied(
      context_, waiting.begin()->first, waiting.rbegin()->first,
      [&](uint64_t seq) { return waiting.contains(seq); },
      [&](const std::vector<AppliedRecord>& records) {
        return context_.until_done([&] { return write(records, written); });
      });
  TRY(visited);
  return written;
}

Result<Attempt> WaitingSections::write(const std::vector<AppliedRecord>& records,
                                       uint64_t& written) {
  SectionApplier& sections = context_.sections;
  TRY_ASSIGN(const auto candidates, sections_of(context_, records));
  TRY_ASSIGN(const Attempt planned, sections.plan(candidates));
  if (planned == Attempt::kRedo) return planned;
  TRY(journal_offsets(context_, sections.planned().offsets));
  TRY_ASSIGN(const Attempt done, sections.write());
  if (done == Attempt::kRedo) return done;
  std::vector<Section> known;
  for (const Section& section : candidates) {
    if (section.known_offset) known.push_back(section);
  }
  // An earlier attempt wrote these, and its sync failed: the page cache may call clean what the
  // disk never got.
  if (!known.empty()) TRY(sections.write_again(known));
  TRY(context_.sync_files());
  TRY_ASSIGN(Transaction transaction, Transaction::begin(*context_.database));
  for (const Section& section : candidates) {
    TRY(context_.projection->remove_waiting(section.seq));
  }
  TRY(transaction.commit());
  written += candidates.size();
  return Attempt::kDone;
}

}  // namespace syncline
