#include "engine/apply/waiting_sections.h"

#include "engine/apply/applied_sections.h"
#include "journal/base/try.h"

namespace syncline {

Status WaitingSections::place(uint64_t last_seq, uint64_t published) {
  return visit(last_seq, [&](const std::vector<AppliedRecord>& records) {
    std::vector<Section> candidates;
    return place(records, published, candidates);
  });
}

Result<uint64_t> WaitingSections::write(uint64_t last_seq, uint64_t published) {
  uint64_t written = 0;
  TRY(visit(last_seq, [&](const std::vector<AppliedRecord>& records) {
    return write(records, published, written);
  }));
  return written;
}

Status WaitingSections::visit(uint64_t last_seq, const VisitAttempt& attempt) {
  TRY(context_.refresh());
  if (!context_.options.write_files) return {};
  TRY_ASSIGN(const auto waiting, context_.projection->waiting(0, last_seq));
  if (waiting.empty() || context_.must_wait()) return {};
  TRY(context_.journal.flush_all());
  TRY(context_.look_ahead());
  return visit_applied(
      context_, waiting.begin()->first, waiting.rbegin()->first,
      [&](uint64_t seq) { return waiting.contains(seq); },
      [&](const std::vector<AppliedRecord>& records) {
        return context_.until_done([&] { return attempt(records); });
      });
}

Result<Attempt> WaitingSections::place(const std::vector<AppliedRecord>& records,
                                       uint64_t published, std::vector<Section>& candidates) {
  SectionApplier& sections = context_.sections;
  TRY_ASSIGN(candidates, sections_of(context_, records));
  for (Section& section : candidates) section.may_be_there = section.seq <= published;
  TRY_ASSIGN(const Attempt planned, sections.plan(candidates));
  if (planned == Attempt::kRedo) return planned;
  TRY(journal_offsets(context_, sections.planned().offsets));
  return sections.write();
}

Result<Attempt> WaitingSections::write(const std::vector<AppliedRecord>& records,
                                       uint64_t published, uint64_t& written) {
  std::vector<Section> candidates;
  TRY_ASSIGN(const Attempt placed, place(records, published, candidates));
  if (placed == Attempt::kRedo) return placed;
  std::vector<Section> known;
  for (const Section& section : candidates) {
    if (section.known_offset) known.push_back(section);
  }
  // An earlier attempt wrote these, and its sync may have failed: the page cache may call clean
  // what the disk never got.
  if (!known.empty()) TRY(context_.sections.write_again(known));
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
