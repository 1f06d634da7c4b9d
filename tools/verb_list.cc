// syncline list [--kind KIND] [--since TIME] [--until TIME] [--limit N] [--set-aside]
#include <fmt/format.h>

#include <deque>
#include <optional>

#include "journal/base/try.h"
#include "tools/json_output.h"
#include "tools/text_output.h"
#include "tools/time_argument.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

constexpr uint64_t kLimitDefault = 50;
constexpr uint64_t kLimitMax = 100'000;

class ListVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "list",
            .usage = "list",
            .summary = "records with their fields, the newest",
            .only_reads = true};
  }

  void declare(Options& options) override {
    options.text("--kind", kind_, "KIND", "records of this kind only");
    options.text("--since", since_, "TIME", "recorded at this time or later, in UTC");
    options.text("--until", until_, "TIME", "recorded before this time, in UTC");
    options.number("--limit", limit_, "N", "the newest N of them (default 50)");
    options.flag("--set-aside", set_aside_, "only records that could not be applied");
  }

  int run(Session& session) override {
    if (const Status read = read_times(); !read) return session.fail(read.error());
    const uint64_t limit = limit_.value_or(kLimitDefault);
    if (limit == 0 || limit > kLimitMax) {
      return session.fail(
          make_error(Code::kInvalid, fmt::format("--limit takes 1 to {}", kLimitMax)));
    }
    const Watchdog watchdog(session, "the list was not made", "give a longer --timeout");
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error());
    if (kind_ && (*store)->config().find_kind(*kind_) == nullptr) {
      return session.fail(make_error(Code::kInvalid, fmt::format("there is no kind '{}'", *kind_),
                                     "`syncline config show` lists them"));
    }
    const auto receipts = newest(**store, limit);
    if (!receipts) return session.fail(receipts.error());
    std::string text;
    for (const Receipt& receipt : *receipts) text += listed_text(receipt);
    return session.answer(list_json(*receipts), text);
  }

 private:
  Status read_times() {
    if (since_) {
      TRY_ASSIGN(since_ms_, parse_time_argument("--since", *since_));
    }
    if (until_) {
      TRY_ASSIGN(until_ms_, parse_time_argument("--until", *until_));
    }
    return {};
  }

  bool is_wanted(const Receipt& receipt) const {
    return (!kind_ || receipt.kind == *kind_) && (!since_ms_ || receipt.time_ms >= *since_ms_) &&
           (!until_ms_ || receipt.time_ms < *until_ms_) &&
           (!set_aside_ || (!receipt.set_aside.empty() && receipt.again_as == 0));
  }

  // In the order of the journal.
  Result<std::vector<Receipt>> newest(Store& store, uint64_t limit) const {
    std::deque<uint64_t> sequences;
    TRY(store.log(1, /*follow=*/false, [&](const LogEntry& entry) {
      if (!is_wanted(entry.receipt)) return true;
      sequences.push_back(entry.receipt.seq);
      if (sequences.size() > limit) sequences.pop_front();
      return true;
    }));
    std::vector<Receipt> receipts;
    for (const uint64_t seq : sequences) {
      TRY_ASSIGN(Receipt receipt, store.show(seq));
      receipts.push_back(std::move(receipt));
    }
    return receipts;
  }

  std::optional<std::string> kind_, since_, until_;
  std::optional<uint64_t> limit_;
  std::optional<int64_t> since_ms_, until_ms_;
  bool set_aside_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_list_verb() {
  return std::make_unique<ListVerb>();
}

}  // namespace syncline
