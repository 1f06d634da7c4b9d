// syncline sync [--push]
#include "tools/json_output.h"
#include "tools/text_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

// How long publishing may wait for the user's git state when no --timeout is given.
constexpr int64_t kSyncTimeoutMs = 10'000;
// What a time limit is kept by, except where another process has stopped with a lock in hand.
constexpr int64_t kGraceMs = 5'000;

class SyncVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "sync",
            .usage = "sync",
            .summary = "commit and publish everything recorded so far"};
  }

  void declare(Options& options) override {
    options.flag("--push", push_, "also `git push` the branch and the store's own ref");
  }

  int run(Session& session) override {
    const auto store = session.open_store();
    if (!store) return session.fail(store.error());
    const Watchdog watchdog(session, "sync did not finish",
                            "end or continue the process that it waits for, then run it again",
                            kGraceMs);
    const auto report = (*store)->sync(push_, session.deadline(kSyncTimeoutMs));
    session.tell_notes(**store);
    if (!report) return session.fail(report.error(), "everything recorded stays in the journal");
    if (report->waiting.empty()) return session.answer(sync_json(*report), sync_text(*report));
    if (!session.json()) {
      session.note("publishing waits: " + report->waiting +
                   "; all that was recorded is committed on the store's own ref");
    }
    return session.answer(sync_json(*report), sync_text(*report), ExitCode::kTimeLimit);
  }

 private:
  bool push_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_sync_verb() {
  return std::make_unique<SyncVerb>();
}

}  // namespace syncline
