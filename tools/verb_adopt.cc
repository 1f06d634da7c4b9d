// syncline adopt [--dry-run]
#include "tools/json_output.h"
#include "tools/text_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class AdoptVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "adopt",
            .usage = "adopt [--dry-run]",
            .summary = "take rows and files of others into the journal"};
  }

  void declare(Options& options) override {
    options.flag("--dry-run", dry_run_, "say what would be taken, change nothing");
  }

  int run(Session& session) override {
    const Watchdog watchdog(session, "adopt did not finish", "run it again: it takes up the rest");
    const auto store = session.open_store({.one_shot = true});
    if (!store) return session.fail(store.error(), "nothing was adopted");
    const Deadline deadline = session.deadline();
    const auto report = (*store)->adopt({.dry_run = dry_run_, .deadline = deadline});
    if (report && !dry_run_) session.lend_a_hand(**store, deadline);
    session.tell_notes(**store);
    if (!report) {
      return session.fail(report.error(),
                          "what was adopted before stays; run it again for the rest");
    }
    return session.answer(adopt_json(*report), adopt_text(*report),
                          report->left.empty() ? ExitCode::kDone : ExitCode::kRejected);
  }

 private:
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_adopt_verb() {
  return std::make_unique<AdoptVerb>();
}

}  // namespace syncline
