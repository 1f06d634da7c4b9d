// Store::retract: a record is taken away by another one. Store::replace: and another comes for it.
//
// Only what is committed is retracted: which file the record has in the commits is settled then,
// and a replay folds it in one commit and takes it out in a later one, as it was.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/config/make_retraction.h"
#include "engine/store/store_impl.h"
#include "engine/write/stage.h"
#include "journal/base/try.h"
#include "sync/publish/section_text.h"

namespace syncline {
namespace {

Error cannot(uint64_t seq, std::string_view why, std::string hint) {
  return make_error(Code::kInvalid, fmt::format("record {} {}; nothing was written", seq, why),
                    std::move(hint));
}

Error trimmed(uint64_t seq) {
  return cannot(seq, "was trimmed from the journal", "delete its row and its file: they are yours");
}

}  // namespace

// Why the record's file, or its section, will stay; empty where it will go.
Result<std::string> Store::Impl::kept_by_an_edit(const Effects& made, uint64_t file_id) const {
  TRY_ASSIGN(const auto root, platform.open_directory(places.root));
  const Result<std::string> text = read_file(*root, made.path);
  if (!text) {
    const Code code = text.error().code;
    if (code == Code::kNotFound || code == Code::kUnsafePath) return std::string();
    return text.error();
  }
  if (made.operation == Operation::kCreate) {
    if (*text == made.text) return std::string();
    return fmt::format("{} was edited and stays", made.path);
  }
  const WantedSection wanted{made.text, file_id};
  ClaimedRanges claimed;
  if (find_sections(*text, {&wanted, 1}, claimed).front().standing !=
      FoundSection::Standing::kEdited) {
    return std::string();
  }
  return fmt::format("its section in {} was edited and stays", made.path);
}

Result<std::optional<KeyEntry>> Store::Impl::key_entry(std::string_view key) {
  TRY_ASSIGN(ReceiptLookup records, lookup());
  return records.key(key);
}

Result<Receipt> Store::Impl::receipt_of(uint64_t seq) {
  TRY_ASSIGN(ReceiptLookup records, lookup());
  return records.receipt(seq);
}

// Of a record that was not retracted before: answers when it can be.
Status Store::Impl::wait_for_retractable(uint64_t seq, Deadline deadline) {
  TRY_ASSIGN(const Receipt target, receipt_of(seq));
  const std::string show = fmt::format("`syncline show {}` tells of it", seq);
  if (target.retracts != 0) {
    return cannot(seq, "takes another one away, and has nothing of its own",
                  fmt::format("record what record {} held once more: `syncline show {}`",
                              target.retracts, target.retracts));
  }
  if (target.again_as != 0) {
    return cannot(seq,
                  fmt::format("was set aside, and taken in anew as record {}", target.again_as),
                  fmt::format("`syncline retract {}` takes that one away", target.again_as));
  }
  if (!target.set_aside.empty()) return cannot(seq, "was set aside: it has made nothing", show);
  TRY_ASSIGN(const Mark begin, journal->begin());
  if (seq <= begin.seq) return trimmed(seq);
  const Result<bool> committed = reach(seq, Stage::kCommitted, deadline);
  if (committed && *committed) return {};
  return make_error(Code::kRetryLater,
                    fmt::format("record {} is not committed yet, and only then can it be "
                                "retracted; nothing was written{}",
                                seq, committed ? "" : ": " + committed.error().message),
                    "`syncline status` says what it waits for; then try again");
}

Result<RetractReport> Store::retract(uint64_t seq, Stage wait, Deadline deadline) {
  TRY(impl_->check_process());
  TRY(impl_->check_writable());
  RetractReport report;
  TRY_ASSIGN(const auto done, impl_->key_entry(retraction_key(seq)));
  if (done) {
    TRY_ASSIGN(report.receipt, impl_->receipt_of(done->seq));
    report.receipt.duplicate = true;
    TRY_ASSIGN(const bool reached, impl_->reach(done->seq, wait, deadline));
    report.receipt.timed_out = !reached;
    report.receipt.stage = stage_of(done->seq, *impl_->journal);
    return report;
  }
  TRY(impl_->wait_for_retractable(seq, deadline));
  TRY_ASSIGN(Submitted submitted, impl_->make_retraction_write(seq, report.kept));
  TRY(impl_->check_backlog());
  TRY_ASSIGN(report.receipt, impl_->hand_over(submitted, wait, deadline));
  report.receipt.retracts = seq;
  return report;
}

Result<std::optional<Store::Impl::Made>> Store::Impl::made_by(uint64_t seq) {
  TRY_ASSIGN(const auto database, open_to_read(database_file(places, *config)));
  TRY_ASSIGN(auto found,
             find_record(*store_directory, *journal, database.get(), seq, journal->durable()));
  TRY_ASSIGN(ReceiptLookup records, lookup());
  TRY_ASSIGN(const std::optional<Outcome> outcome, records.outcome_of(seq));
  if (!found) return std::optional<Made>();
  const EffectIds ids(found->id, outcome ? &*outcome : nullptr);
  Made made{.intent = std::move(found->intent),
            .effects = {},
            .file_id = ids.file,
            .is_set_aside = outcome && outcome->is_set_aside()};
  made.effects = render_effects(made.intent, seq, ids, found->time_ms);
  return std::optional(std::move(made));
}

Result<Submitted> Store::Impl::make_retraction_write(uint64_t seq, std::string& kept) {
  TRY_ASSIGN(const std::optional<Made> made, made_by(seq));
  if (!made) return trimmed(seq);  // by the fold that has committed it
  if (made->is_set_aside) {
    return make_error(Code::kBusy, fmt::format("record {} is not as it was a moment ago", seq),
                      "try again");
  }
  TRY_ASSIGN(kept, kept_by_an_edit(made->effects, made->file_id));
  const Intent intent = make_retraction(made->intent, made->effects, made->file_id);
  PendingWritePtr write = pending_write_of(intent);
  write->config = config;
  write->fixed_id = made->effects.id;
  return Submitted{std::move(write), intent.path, intent.kind};
}

Result<ReplaceReport> Store::replace(uint64_t seq, const Record& record, Stage wait,
                                     Deadline deadline) {
  TRY(impl_->check_process());
  TRY(impl_->check_writable());
  std::optional<KeyEntry> repeated;
  if (!record.key.empty()) {
    TRY_ASSIGN(repeated, impl_->key_entry(record.key));
  }
  // A repetition ends what the first call had begun, however far that came.
  if (!repeated) {
    TRY_ASSIGN(const auto retracted, impl_->key_entry(retraction_key(seq)));
    if (retracted) {
      return cannot(seq, fmt::format("was taken away by record {} already", retracted->seq),
                    "leave --replaces out to record it by itself");
    }
    TRY(impl_->wait_for_retractable(seq, deadline));
  }
  ReplaceReport report;
  // Applied, and no further: one that is set aside replaces nothing, and what comes after it may
  // wait for git while both are there.
  TRY_ASSIGN(report.receipt, this->record(record, Stage::kApplied, deadline));
  const uint64_t by = report.receipt.seq;
  if (by == seq) return cannot(seq, "cannot replace itself", "give the new record another key");
  if (report.receipt.timed_out || !report.receipt.set_aside.empty()) return report;
  auto retracted = retract(seq, Stage::kJournaled, deadline);
  if (!retracted) {
    Error error = std::move(retracted).error();
    error.message = fmt::format("record {} is in, and record {} is still there beside it: {}", by,
                                seq, error.message);
    error.hint = fmt::format("`syncline retract {}` takes it away", seq);
    error.seq = by;
    return error;
  }
  report.retracted = std::move(*retracted);
  TRY(impl_->wait_for_both(report, std::max(wait, Stage::kApplied), deadline));
  return report;
}

// The retraction comes after the record in the journal, so that its stages are reached last.
Status Store::Impl::wait_for_both(ReplaceReport& report, Stage stage, Deadline deadline) {
  Receipt& receipt = report.receipt;
  Receipt& retraction = report.retracted->receipt;
  Result<bool> reached = reach(retraction.seq, stage, deadline);
  if (reached) {
    receipt.timed_out = retraction.timed_out = !*reached;
    receipt.stage = stage_of(receipt.seq, *journal);
    retraction.stage = stage_of(retraction.seq, *journal);
    if (receipt.stage < Stage::kPublished) return {};
    const Status noted = note_if_ignored(receipt);
    if (noted) return {};
    reached = noted.error();
  }
  Error error = std::move(reached).error();
  error.message = fmt::format("record {} is in, and record {} takes record {} away: {}",
                              receipt.seq, retraction.seq, retraction.retracts, error.message);
  error.seq = receipt.seq;
  return error;
}

}  // namespace syncline
