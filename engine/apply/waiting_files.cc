#include "engine/apply/waiting_files.h"

#include "engine/apply/applied_sections.h"
#include "journal/base/try.h"

namespace syncline {

Status WaitingFiles::settle(uint64_t last_seq, uint64_t published) {
  return visit_sections(last_seq, [&](const std::vector<AppliedRecord>& records) {
    std::vector<Section> candidates;
    return settle(records, published, candidates);
  });
}

Status WaitingFiles::place(uint64_t last_seq, uint64_t published) {
  return visit_sections(last_seq, [&](const std::vector<AppliedRecord>& records) {
    std::vector<Section> candidates;
    return place(records, published, candidates);
  });
}

Result<uint64_t> WaitingFiles::write(uint64_t last_seq, uint64_t published) {
  uint64_t written = 0;
  TRY(visit_sections(last_seq, [&](const std::vector<AppliedRecord>& records) {
    return write(records, published, written);
  }));
  return written;
}

Status WaitingFiles::write_created(uint64_t published) {
  TRY(context_.refresh());
  if (!context_.options.write_files) return {};
  TRY_ASSIGN(const auto waiting, context_.projection->waiting(0, context_.applied.seq));
  if (waiting.empty()) return {};
  TRY_ASSIGN(const bool away, context_.branch_is_away());
  if (away) return {};
  return visit(waiting, [&](const std::vector<AppliedRecord>& records) {
    return write_created(records, published);
  });
}

Status WaitingFiles::visit_sections(uint64_t last_seq, const VisitAttempt& attempt) {
  TRY(context_.refresh());
  if (!context_.options.write_files) return {};
  TRY_ASSIGN(const auto waiting, context_.projection->waiting(0, last_seq));
  if (waiting.empty() || context_.must_wait()) return {};
  return visit(waiting, attempt);
}

Status WaitingFiles::visit(const std::map<uint64_t, std::string>& waiting,
                           const VisitAttempt& attempt) {
  TRY(context_.journal.flush_all());
  TRY(context_.look_ahead());
  return visit_applied(
      context_, waiting.begin()->first, waiting.rbegin()->first,
      [&](uint64_t seq) { return waiting.contains(seq); },
      [&](const std::vector<AppliedRecord>& records) {
        return context_.until_done([&] { return attempt(records); });
      });
}

Status WaitingFiles::remove(const std::vector<uint64_t>& seqs) {
  TRY_ASSIGN(Transaction transaction, Transaction::begin(*context_.database));
  for (const uint64_t seq : seqs) TRY(context_.projection->remove_waiting(seq));
  return transaction.commit();
}

Result<Attempt> WaitingFiles::settle(const std::vector<AppliedRecord>& records, uint64_t published,
                                     std::vector<Section>& candidates) {
  SectionApplier& sections = context_.sections;
  TRY_ASSIGN(candidates, sections_of(context_, records));
  for (Section& section : candidates) section.may_be_there |= section.seq <= published;
  TRY_ASSIGN(const Attempt planned, sections.plan(candidates));
  if (planned == Attempt::kRedo) return planned;
  TRY(journal_offsets(context_, sections.planned().offsets));
  return Attempt::kDone;
}

Result<Attempt> WaitingFiles::place(const std::vector<AppliedRecord>& records, uint64_t published,
                                    std::vector<Section>& candidates) {
  TRY_ASSIGN(const Attempt settled, settle(records, published, candidates));
  return settled == Attempt::kRedo ? settled : context_.sections.write();
}

Result<Attempt> WaitingFiles::write(const std::vector<AppliedRecord>& records, uint64_t published,
                                    uint64_t& written) {
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
  std::vector<uint64_t> seqs;
  for (const Section& section : candidates) seqs.push_back(section.seq);
  for (const auto& [intent, effect, abandoned] : records) {
    const bool append = effect.operation == Operation::kAppend && effect.seq <= published;
    const bool outside = append && context_.is_outside(effect.path);
    // What a retraction takes away, the publish has taken.
    if (outside || effect.retracted) seqs.push_back(effect.seq);
  }
  TRY(remove(seqs));
  written += candidates.size();
  return Attempt::kDone;
}

Result<Attempt> WaitingFiles::write_created(const std::vector<AppliedRecord>& records,
                                            uint64_t published) {
  FileApplier& files = context_.files;
  std::vector<uint64_t> seqs;
  for (const auto& [intent, effect, abandoned] : records) {
    if (effect.operation != Operation::kCreate) continue;
    seqs.push_back(effect.seq);
    TRY(take_back(files, effect, abandoned));
    if (effect.seq <= published) continue;
    if (context_.is_outside(effect.path)) continue;
    TRY_ASSIGN(const auto look, files.look(effect.path, effect.text, effect.time_ms));
    if (look.state == FileApplier::State::kOurs) {
      TRY(files.write_again(effect.path, effect.text));
    }
    TRY_ASSIGN(const Attempt written, files.write(effect.path, effect.text, look.state));
    if (written == Attempt::kRedo) return written;
  }
  if (seqs.empty()) return Attempt::kDone;
  TRY(context_.sync_files());
  TRY(remove(seqs));
  return Attempt::kDone;
}

}  // namespace syncline
