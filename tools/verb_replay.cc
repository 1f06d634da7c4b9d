// syncline replay --into DIR [--to SEQ]
#include <fmt/format.h>

#include "journal/base/clock.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class ReplayVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "replay",
            .usage = "replay --into DIR",
            .summary = "rebuild rows, files and commits elsewhere"};
  }

  void declare(Options& options) override {
    options.text("--into", into_, "DIR", "where; must not exist or be empty");
    options.number("--to", to_, "SEQ", "up to this record; all when not given");
  }

  int run(Session& session) override {
    if (!into_ || into_->empty()) {
      return session.fail(make_error(Code::kInvalid, "replay needs --into DIR"),
                          "nothing was done");
    }
    const Watchdog watchdog(session, "replay did not finish",
                            fmt::format("{} is not complete: remove it and replay again", *into_));
    const int64_t started_ns = system_clock().monotonic_ns();
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error(), "nothing was done");
    Progress progress(session.console(), "replay");
    const Status replayed = (*store)->replay_into(
        *into_, to_, [&](uint64_t done, uint64_t total) { progress.update(done, done, total); });
    progress.clear();
    if (!replayed) return session.fail(replayed.error(), "the store that was read is untouched");
    session.tell_notes(**store);
    const double seconds = static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
    const std::string text = fmt::format(
        "replayed {} into {} in {:.2f} s (a store to read, not to write)\n",
        to_ ? fmt::format("up to seq {}", *to_) : "everything", printable(*into_), seconds);
    return session.answer(replay_json(*into_, to_, seconds), text);
  }

 private:
  std::optional<std::string> into_;
  std::optional<uint64_t> to_;
};

}  // namespace

std::unique_ptr<Verb> make_replay_verb() {
  return std::make_unique<ReplayVerb>();
}

}  // namespace syncline
