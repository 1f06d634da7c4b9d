#include "engine/apply/file_recheck.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/apply/applied_sections.h"
#include "journal/base/try.h"

namespace syncline {

namespace {

// The files of one visit that would have to be written, while another branch is checked out: they
// went with the store's branch, or are lost. They wait from now on.
class WaitingNow {
 public:
  explicit WaitingNow(ApplyContext& context) : context_(context) {}

  Result<bool> takes(const Effects& effect, FileApplier::State seen) {
    if (seen != FileApplier::State::kAbsent && seen != FileApplier::State::kTorn) return false;
    if (!branch_is_away_) {
      TRY_ASSIGN(branch_is_away_, context_.branch_is_away());
    }
    if (!*branch_is_away_) return false;
    waiting_.emplace_back(effect.seq, effect.path);
    return true;
  }
  Status commit() {
    if (waiting_.empty()) return {};
    TRY_ASSIGN(Transaction transaction, Transaction::begin(*context_.database));
    for (const auto& [seq, path] : waiting_) TRY(context_.projection->put_waiting(seq, path));
    return transaction.commit();
  }

 private:
  ApplyContext& context_;
  std::optional<bool> branch_is_away_;  // asked once, and only when it matters
  std::vector<std::pair<uint64_t, std::string>> waiting_;
};

}  // namespace

Status FileRecheck::run() {
  TRY(context_.refresh());
  if (!context_.options.write_files) return {};
  if (context_.options.journal_outcomes) TRY(context_.journal.flush_all());
  TRY(context_.look_ahead());
  return visit_unsynced(context_, [&](const std::vector<AppliedRecord>& records) {
    return context_.until_done([&] { return check(records); });
  });
}

Status FileRecheck::restore(std::vector<uint64_t> seqs) {
  TRY(context_.refresh());
  std::ranges::sort(seqs);
  if (seqs.empty() || !context_.options.write_files) return {};
  TRY(context_.journal.flush_all());
  TRY(context_.look_ahead());
  TRY_ASSIGN(const auto waiting, context_.projection->waiting(seqs.front(), seqs.back()));
  auto restored = visit_applied(
      context_, seqs.front(), seqs.back(),
      [&](uint64_t seq) { return std::ranges::binary_search(seqs, seq) && !waiting.contains(seq); },
      [&](const std::vector<AppliedRecord>& records) {
        return context_.until_done([&] { return check(records); });
      });
  TRY(restored);
  return context_.sync_files();
}

Result<Attempt> FileRecheck::check(const std::vector<AppliedRecord>& records) {
  TRY_ASSIGN(const Attempt files, check_files(records));
  if (files == Attempt::kRedo) return files;
  return check_sections(records);
}

Result<Attempt> FileRecheck::check_files(const std::vector<AppliedRecord>& records) {
  FileApplier& files = context_.files;
  WaitingNow waiting(context_);
  for (const auto& [intent, effect, abandoned] : records) {
    if (effect.operation != Operation::kCreate || effect.path.empty()) continue;
    TRY(take_back(files, effect, abandoned));
    TRY_ASSIGN(const auto look, files.look(effect.path, effect.text, effect.time_ms));
    const bool absent = look.state == FileApplier::State::kAbsent;
    if (absent && (context_.is_removed(effect) || context_.is_outside(effect.path))) continue;
    TRY_ASSIGN(const bool waits, waiting.takes(effect, look.state));
    if (waits) continue;
    TRY_ASSIGN(const Attempt written, files.write(effect.path, effect.text, look.state));
    if (written == Attempt::kRedo) return written;
  }
  TRY(waiting.commit());
  return Attempt::kDone;
}

// Where the person's git state forbids the writes, the sections that need one wait from now on.
Result<Attempt> FileRecheck::check_sections(const std::vector<AppliedRecord>& records) {
  SectionApplier& sections = context_.sections;
  TRY_ASSIGN(const auto candidates, sections_of(context_, records));
  TRY_ASSIGN(const Attempt planned, sections.plan(candidates));
  if (planned == Attempt::kRedo) return planned;
  const std::vector<uint64_t>& to_write = sections.planned().to_write;
  if (!to_write.empty() && context_.must_wait()) {
    TRY_ASSIGN(Transaction transaction, Transaction::begin(*context_.database));
    for (const Section& section : candidates) {
      if (std::ranges::find(to_write, section.seq) == to_write.end()) continue;
      TRY(context_.projection->put_waiting(section.seq, section.path));
    }
    TRY(transaction.commit());
    return Attempt::kDone;
  }
  TRY(journal_offsets(context_, sections.planned().offsets));
  return sections.write();
}

Status FileRecheck::write_again() {
  TRY(context_.look_ahead());
  return visit_unsynced(context_, [&](const std::vector<AppliedRecord>& records) -> Status {
    auto written = write_again(records);
    context_.parents.clear();
    return written;
  });
}

Status FileRecheck::write_again(const std::vector<AppliedRecord>& records) {
  FileApplier& files = context_.files;
  WaitingNow waiting(context_);
  for (const auto& [intent, effect, abandoned] : records) {
    if (effect.operation != Operation::kCreate || effect.path.empty()) continue;
    TRY_ASSIGN(const auto look, files.look(effect.path, effect.text, effect.time_ms));
    if (look.state == FileApplier::State::kAbsent && context_.is_outside(effect.path)) continue;
    TRY_ASSIGN(const bool waits, waiting.takes(effect, look.state));
    if (waits) continue;
    if (look.state == FileApplier::State::kOurs) {
      TRY(files.write_again(effect.path, effect.text));
    } else {
      // The checkpoint is tried again as a whole, so this is not.
      TRY_ASSIGN(const Attempt written, files.write(effect.path, effect.text, look.state));
      if (written == Attempt::kRedo) return keeps_changing();
    }
  }
  TRY(waiting.commit());
  TRY_ASSIGN(const auto candidates, sections_of(context_, records));
  return context_.sections.write_again(candidates);
}

}  // namespace syncline
