// What was set aside is tried again: by `repair`, and by who records it once more with its key.
//
//   would it be refused? (apply.lock; tried and rolled back) ─► the same content as a new record,
//   with the same key (again_key.h where it had none) ─► that record's apply marks the old one as
//   taken in
//
// The new record is one frame like any other: sequence, id and time are decided anew, so that the
// order of journal, rows and commits stands. Before the frame is durable nothing has happened; from
// then on the key leads to the new record, so that nobody tries the old one a third time. Under the
// append lock the key still has to be the old record's: of many who try at once, one writes.
//
// While the cause stands nothing is written. A fault of the place is no refusal: the new record
// waits for it, like any other.
#include <fmt/format.h>

#include "engine/config/make_intent.h"
#include "engine/store/store_impl.h"
#include "engine/write/stage.h"
#include "journal/base/try.h"
#include "journal/record/again_key.h"
#include "sync/git/sha256.h"

namespace syncline {

Result<Receipt> Store::Impl::record_again(Receipt first, const Submitted& made, Stage stage,
                                          Deadline deadline) {
  // One that the configuration refuses by now: repair goes by what is journalled.
  if (made.write->refusal) return first;
  TRY_ASSIGN(const Intent intent, decode_intent(made.write->operation, made.write->payload));
  TRY_ASSIGN(const std::optional<Outcome> outcome, outcome_of(first.seq));
  if (outcome && outcome->has_file()) return first;  // it is in the commits
  if (std::string refusal = refusal_of(*made.write, intent, deadline); !refusal.empty()) {
    first.set_aside = std::move(refusal);
    return first;
  }
  TRY(check_backlog());
  Submitted anew{pending_write_of(intent), intent.path, intent.kind};
  anew.write->xxh3 = made.write->xxh3;
  anew.write->config = made.write->config;
  anew.write->again_of = first.seq;
  return hand_over(anew, stage, deadline);
}

std::string Store::Impl::refusal_of(const PendingWrite& write, const Intent& intent,
                                    Deadline deadline) {
  std::string refusal;
  const Status tried = roles->apply.with_applier(
      [&](Applier& applier) -> Status {
        TRY_ASSIGN(refusal, applier.refusal_of(intent, write.fixed_id));
        return {};
      },
      deadline);
  return tried ? refusal : std::string();
}

// By today's configuration where the fields can be told, else with the effects that were decided.
Result<std::optional<Submitted>> Store::Impl::make_again(uint64_t seq) {
  const std::optional<Submitted> nothing;
  TRY_ASSIGN(const auto database, open_to_read(database_file(places, *config)));
  TRY_ASSIGN(auto found,
             find_record(*store_directory, *journal, database.get(), seq, journal->durable()));
  std::optional<Outcome> outcome;
  {
    TRY_ASSIGN(ReceiptLookup records, lookup());
    TRY_ASSIGN(outcome, records.outcome_of(seq));
  }
  if (!found || !outcome || !outcome->is_set_aside() || outcome->has_file()) return nothing;

  const Intent& first = found->intent;
  const bool has_key = !first.key.empty() && set_aside_seq_of(first.key) == 0;
  const bool has_old_hash = has_key && !std::holds_alternative<Sha256Hash>(first.content_hash);
  Intent intent = first;
  bool by_fields = false;
  if (!first.found.any()) {
    TRY_ASSIGN(const std::optional<Fields> fields, fields_of(seq));
    if (fields) {
      auto made = make_intent(*config, first.kind, *fields,
                              has_key ? std::string_view(first.key) : "", identity.tag);
      by_fields = made.has_value();
      if (made) intent = std::move(*made);
    }
  }
  if (has_old_hash && !by_fields) return nothing;  // no repetition could prove to be one
  intent.key = first.key.empty() ? again_key(seq) : first.key;
  if (!has_key) intent.content_hash = sha256(as_bytes(intent.key));
  if (has_key && !has_old_hash) intent.content_hash = first.content_hash;

  Submitted again{pending_write_of(intent), intent.path, intent.kind};
  again.write->config = config;
  again.write->again_of = seq;
  if (first.found.any()) again.write->fixed_id = found->id;
  return std::optional(std::move(again));
}

Result<bool> Store::Impl::try_again(Finding& finding, bool dry_run) {
  TRY_ASSIGN(const std::optional<Submitted> again, make_again(finding.seq));
  if (!again) return false;
  const PendingWrite& write = *again->write;
  TRY_ASSIGN(const Intent intent, decode_intent(write.operation, write.payload));
  if (std::string refusal = refusal_of(write, intent, kForever); !refusal.empty()) {
    finding.detail = std::move(refusal);
    return false;
  }
  if (dry_run) return true;
  const Result<Receipt> receipt = hand_over(*again, Stage::kApplied, kForever);
  if (!receipt) {
    const Error& error = receipt.error();
    finding.detail = fmt::format("{}; tried again, which waits: {}; {}", finding.detail,
                                 error.message, error.hint);
    return false;
  }
  if (!receipt->set_aside.empty()) {
    finding.seq = receipt->seq;
    finding.detail = receipt->set_aside;
    return false;
  }
  finding.detail = fmt::format("its content is recorded anew, as record {}", receipt->seq);
  return true;
}

Status Store::Impl::try_again(RepairReport& report, bool dry_run) {
  std::vector<Finding> left;
  bool any = false;
  for (Finding& finding : report.left) {
    bool healed = false;
    if (finding.cls == FindingClass::kSetAside) {
      TRY_ASSIGN(healed, try_again(finding, dry_run));
    }
    any = any || healed;
    (healed ? report.healed : left).push_back(std::move(finding));
  }
  report.left = std::move(left);
  if (any && !dry_run) TRY(roles->sync.try_turns(/*publish_now=*/true, kForever));
  return {};
}

}  // namespace syncline
