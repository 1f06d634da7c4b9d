// syncline show SEQ|--key K
// syncline log [--from SEQ] [--follow]
#include <fmt/format.h>

#include "tools/json_output.h"
#include "tools/page_fault.h"
#include "tools/text_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class ShowVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "show", .usage = "show SEQ|--key KEY", .summary = "the receipt of one record"};
  }

  void declare(Options& options) override {
    options.argument("SEQ", seq_, "the record's sequence number");
    options.text("--key", key_, "KEY", "the record with this idempotency key");
  }

  int run(Session& session) override {
    if (seq_.has_value() == key_.has_value()) {
      return session.fail(make_error(Code::kInvalid, "show takes a sequence number or --key KEY",
                                     "for example: syncline show 12"));
    }
    uint64_t seq = 0;
    if (seq_) {
      const auto number = parse_number("SEQ", *seq_);
      if (!number) return session.fail(number.error());
      seq = *number;
    }
    const Watchdog watchdog(session, "the record was not found", "give a longer --timeout");
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error());
    const auto receipt = seq_ ? (*store)->show(seq) : (*store)->show_key(*key_);
    if (!receipt) return session.fail(receipt.error());
    return session.answer(receipt_json(*receipt), receipt_text(*receipt));
  }

 private:
  std::optional<std::string> seq_;
  std::optional<std::string> key_;
};

class LogVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "log", .usage = "log", .summary = "the journal, a line a record"};
  }

  void declare(Options& options) override {
    options.number("--from", from_, "SEQ", "begin with this record; the first when not given");
    options.flag("--follow", follow_, "wait for more; end with Ctrl-C or --timeout");
  }

  int run(Session& session) override {
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error());
    const Watchdog watchdog(session, "the log did not end",
                            follow_ ? "give a longer --timeout to follow longer"
                                    : "give a longer --timeout, or --from SEQ");
    std::FILE* const out = session.console().out;
    PageFaultGuard::note_output();
    const Status read = (*store)->log(from_.value_or(1), follow_, [&](const LogEntry& entry) {
      const Watchdog::Hold hold;
      write_text(out, session.json() ? log_json(entry) : log_text(entry));
      // Written a buffer at a time, unless somebody is watching.
      if (follow_ || session.options().timeout_ms) std::fflush(out);
      return std::ferror(out) == 0;
    });
    if (!read) return session.fail(read.error());
    return session.answer({}, {});
  }

 private:
  std::optional<uint64_t> from_;
  bool follow_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_show_verb() {
  return std::make_unique<ShowVerb>();
}
std::unique_ptr<Verb> make_log_verb() {
  return std::make_unique<LogVerb>();
}

}  // namespace syncline
