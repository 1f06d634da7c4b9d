// syncline show SEQ|PATH|--key K
// syncline log [--from SEQ] [--follow]
#include <fmt/format.h>

#include "journal/base/try.h"
#include "tools/json_output.h"
#include "tools/page_fault.h"
#include "tools/pager.h"
#include "tools/text_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class ShowVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "show",
            .usage = "show SEQ|PATH|--key KEY",
            .summary = "the receipt of one record, or of each record of a file",
            .only_reads = true};
  }

  void declare(Options& options) override {
    options.argument("SEQ|PATH", which_,
                     "the record's sequence number, or a file from the store's top on");
    options.text("--key", key_, "KEY", "the record with this idempotency key");
  }

  int run(Session& session) override {
    if (which_.has_value() == key_.has_value()) {
      return session.fail(make_error(Code::kInvalid,
                                     "show takes a sequence number, a path or --key KEY",
                                     "for example: syncline show 12"));
    }
    const bool is_path = which_ && which_->find_first_not_of("0123456789") != std::string::npos;
    uint64_t seq = 0;
    if (which_ && !is_path) {
      const auto number = parse_number("SEQ", *which_);
      if (!number) return session.fail(number.error());
      seq = *number;
    }
    const Watchdog watchdog(session, "the record was not found", "give a longer --timeout");
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error());
    if (is_path) {
      const std::string path = which_->starts_with("./") ? which_->substr(2) : *which_;
      auto receipts = records_of(**store, path);
      if (!receipts) return session.fail(receipts.error());
      if (const Status told = (*store)->tell_changes(*receipts); !told) {
        return session.fail(told.error());
      }
      std::string text;
      for (const Receipt& receipt : *receipts) {
        text += (text.empty() ? "" : "\n") + receipt_text(receipt);
      }
      return session.answer(file_json(path, *receipts), text);
    }
    auto receipt = which_ ? (*store)->show(seq) : (*store)->show_key(*key_);
    if (!receipt) return session.fail(receipt.error());
    if (const Status told = (*store)->tell_changes({&*receipt, 1}); !told) {
      return session.fail(told.error());
    }
    return session.answer(receipt_json(*receipt), receipt_text(*receipt));
  }

 private:
  // In the order of the journal; the file may hold a section of each.
  static Result<std::vector<Receipt>> records_of(Store& store, const std::string& path) {
    std::vector<uint64_t> sequences;
    TRY(store.log(1, /*follow=*/false, [&](const LogEntry& entry) {
      if (entry.receipt.path == path) sequences.push_back(entry.receipt.seq);
      return true;
    }));
    if (sequences.empty()) {
      return make_error(Code::kNotFound, fmt::format("no record has the file {}", path),
                        "give a path from the top of the store, or a sequence number");
    }
    std::vector<Receipt> receipts;
    for (const uint64_t seq : sequences) {
      TRY_ASSIGN(Receipt receipt, store.show(seq));
      receipts.push_back(std::move(receipt));
    }
    return receipts;
  }

  std::optional<std::string> which_;
  std::optional<std::string> key_;
};

class LogVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "log",
            .usage = "log",
            .summary = "the journal, a line a record",
            .only_reads = true};
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
    std::optional<Pager> pager;
    if (!follow_ && !session.json() && !session.options().timeout_ms) {
      pager.emplace(session.console());
    }
    PageFaultGuard::note_output();
    Cursor cursor = (*store)->records(
        {.from_seq = from_.value_or(1), .follow = follow_, .fields = session.json()});
    while (true) {
      const auto entry = cursor.next();
      if (!entry) return session.fail(entry.error());
      if (!*entry) break;
      const Watchdog::Hold hold;
      write_text(out, session.json() ? log_json(**entry) : log_text(**entry));
      // Written a buffer at a time, unless somebody is watching.
      if (follow_ || session.options().timeout_ms) std::fflush(out);
      if (std::ferror(out) != 0) break;
    }
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
