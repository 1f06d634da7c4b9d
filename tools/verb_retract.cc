// syncline retract SEQ|--key K [--wait STAGE]
#include "tools/json_output.h"
#include "tools/page_fault.h"
#include "tools/record_call.h"
#include "tools/text_output.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr const char* kNothing = "nothing was written";

class RetractVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "retract",
            .usage = "retract SEQ|--key KEY",
            .summary = "take a record's row and file away, by a new record",
            .untouched = kNothing};
  }

  void declare(Options& options) override {
    options.argument("SEQ", seq_, "the record's sequence number");
    options.text("--key", key_, "KEY", "the record with this idempotency key");
    options.text("--wait", wait_, "STAGE",
                 "journaled, applied (default), committed, published or pushed");
  }

  int run(Session& session) override {
    if (seq_.has_value() == key_.has_value()) {
      return session.fail(make_error(Code::kInvalid, "retract takes a sequence number or --key KEY",
                                     "for example: syncline retract 12"),
                          kNothing);
    }
    const auto stage = parse_wait(wait_.value_or("applied"));
    if (!stage) return session.fail(stage.error(), kNothing);
    uint64_t seq = 0;
    if (seq_) {
      const auto number = parse_number("SEQ", *seq_);
      if (!number) return session.fail(number.error(), kNothing);
      seq = *number;
    }
    const auto store =
        session.open_store({.one_shot = true, .on_durable = PageFaultGuard::note_durable});
    if (!store) return session.fail(store.error(), kNothing);
    const Deadline deadline = session.deadline();
    const int code = retract(session, **store, seq, *stage, deadline);
    lend_a_hand(**store, session, deadline);
    session.tell_notes(**store);
    return code;
  }

 private:
  int retract(const Session& session, Store& store, uint64_t seq, Stage wait, Deadline deadline) {
    if (key_) {
      const auto named = store.show_key(*key_);
      if (!named) return session.fail(named.error(), kNothing);
      seq = named->seq;
    }
    const auto report = store.retract(seq, wait, deadline);
    if (!report) return fail_record(session, store, report.error());
    if (report->receipt.timed_out) {
      return fail_short_of_stage(session, store, report->receipt, wait);
    }
    return session.answer(retracted_json(*report), retracted_text(*report));
  }

  std::optional<std::string> seq_;
  std::optional<std::string> key_;
  std::optional<std::string> wait_;
};

}  // namespace

std::unique_ptr<Verb> make_retract_verb() {
  return std::make_unique<RetractVerb>();
}

}  // namespace syncline
