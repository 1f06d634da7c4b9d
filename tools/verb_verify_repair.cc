// syncline verify
// syncline repair [--dry-run] [--accept-loss]
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/text_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

double seconds_since(int64_t started_ns) {
  return static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
}

// Who asked verify already is not sent there again.
Error hint_onward(Error error) {
  const bool damage = error.code == Code::kCorrupt || error.code == Code::kDisagree;
  if (!damage) return error;
  if (error.hint.empty() || error.hint.find("syncline verify") != std::string::npos) {
    error.hint =
        "`syncline repair --dry-run` says what can be mended; where nothing can, put "
        ".git/syncline back from a backup, or see `syncline repair --accept-loss --dry-run`";
  }
  return error;
}

class VerifyVerb final : public Verb {
 public:
  void declare(Options&) override {}

  int run(Session& session) override {
    const Watchdog watchdog(session, "verify did not finish", "give a longer --timeout");
    const int64_t started_ns = system_clock().monotonic_ns();
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(hint_onward(store.error()));
    Progress progress(session.console(), "verify");
    const auto report = (*store)->verify(
        [&](uint64_t done, uint64_t total) { progress.update(done, done, total); });
    progress.clear();
    if (!report) return session.fail(hint_onward(report.error()));
    session.tell_notes(**store);
    const double seconds = seconds_since(started_ns);
    const int code = session.answer(verify_json(*report, seconds), verify_text(*report, seconds),
                                    report->ok() ? ExitCode::kDone : ExitCode::kDisagree);
    if (!report->ok() && !session.json()) {
      session.note("run `syncline repair --dry-run` to see what repair would do");
    }
    return code;
  }
};

class RepairVerb final : public Verb {
 public:
  void declare(Options& options) override {
    options.flag("--dry-run", dry_run_, "say what would be done, change nothing");
    options.flag("--accept-loss", accept_loss_,
                 "give up what the journal has lost: a new store goes on above all that was given");
  }

  int run(Session& session) override {
    const Watchdog watchdog(session, "repair did not finish", "run it again: it takes up the rest");
    if (accept_loss_) return accept_loss(session);
    const auto store = session.open_store();
    if (!store) return session.fail(store.error(), "nothing was changed");
    const auto report = (*store)->repair(dry_run_);
    session.tell_notes(**store);
    if (!report) {
      return session.fail(report.error(),
                          "the journal is untouched; what was replaced is kept in .git/syncline");
    }
    return session.answer(repair_json(*report, dry_run_), repair_text(*report, dry_run_),
                          report->left.empty() ? ExitCode::kDone : ExitCode::kDisagree);
  }

 private:
  int accept_loss(Session& session) {
    const auto root = session.store_root();
    if (!root) return session.fail(root.error());
    const auto report =
        Store::accept_loss(*root, {.dry_run = dry_run_, .deadline = session.deadline()});
    if (!report) return session.fail(report.error());
    return session.answer(loss_json(*report), loss_text(*report));
  }

  bool dry_run_ = false;
  bool accept_loss_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_verify_verb() {
  return std::make_unique<VerifyVerb>();
}
std::unique_ptr<Verb> make_repair_verb() {
  return std::make_unique<RepairVerb>();
}

}  // namespace syncline
