// syncline verify [--strict]
// syncline repair [--dry-run] [--restore SEQ|PATH] [--orphans] [--accept-loss]
#include <fmt/format.h>

#include <algorithm>

#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "tools/child_process.h"
#include "tools/failure.h"
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

class VerifyVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "verify",
            .usage = "verify [--strict]",
            .summary = "check journal, rows, files and git against each other"};
  }

  void declare(Options& options) override {
    options.flag("--strict", strict_, "what is a person's own (a note) is a disagreement too");
  }

  int run(Session& session) override {
    const Watchdog watchdog(session, "verify did not finish", "give a longer --timeout");
    const int64_t started_ns = system_clock().monotonic_ns();
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error());
    Progress progress(session.console(), "verify");
    auto report = (*store)->verify(
        [&](uint64_t done, uint64_t total) { progress.update(done, done, total); });
    progress.clear();
    if (!report) return session.fail(report.error());
    report->strict = strict_;
    session.tell_notes(**store);
    const double seconds = seconds_since(started_ns);
    const int code = session.answer(verify_json(*report, seconds), verify_text(*report, seconds),
                                    report->ok() ? ExitCode::kDone : ExitCode::kDisagree);
    if (!report->findings.empty() && !session.json()) {
      session.note("run `syncline repair --dry-run` to see what repair would do");
    }
    return code;
  }

 private:
  bool strict_ = false;
};

class RepairVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "repair",
            .usage = "repair",
            .summary = "make them agree, keeping what is replaced"};
  }

  void declare(Options& options) override {
    options.flag("--dry-run", dry_run_, "say what would be done, change nothing");
    options.text("--restore", restore_, "SEQ|PATH",
                 "put back the file or section that a person has removed; of SEQ its row, too");
    options.flag("--orphans", orphans_, "move files of no record out of the kinds' folders");
    options.flag("--accept-loss", accept_loss_,
                 "give up what the journal has lost: a new store goes on above all that was given");
  }

  int run(Session& session) override {
    const Watchdog watchdog(session, "repair did not finish", "run it again: it takes up the rest");
    if (restore_.has_value() && (accept_loss_ || dry_run_)) {
      return session.fail(make_error(Code::kInvalid, "--restore stands alone"), "nothing was done");
    }
    if (orphans_ && (accept_loss_ || restore_)) {
      return session.fail(make_error(Code::kInvalid, "--orphans stands alone"), "nothing was done");
    }
    if (restore_) return restore(session);
    if (orphans_) return move_orphans(session);
    if (accept_loss_) return accept_loss(session);
    auto report = repair(session);
    const bool journal_damaged =
        report ? has_journal_damage(report->left) : report.error().code == Code::kCorrupt;
    if (journal_damaged) report = repair_with_salvage(session, report);
    if (!report) {
      return session.fail(hint_beyond_repair(report.error()),
                          "what was replaced is kept in .git/syncline");
    }
    const int code = session.answer(repair_json(*report, dry_run_), repair_text(*report, dry_run_),
                                    report->left.empty() ? ExitCode::kDone : ExitCode::kDisagree);
    if (has_journal_damage(report->left) && !session.json()) {
      session.note(fmt::format("for what is left: {}", kBeyondRepairHint));
    }
    return code;
  }

 private:
  static bool has_journal_damage(const std::vector<Finding>& findings) {
    return std::ranges::any_of(
        findings, [](const Finding& each) { return each.cls == FindingClass::kJournalDamaged; });
  }

  Result<RepairReport> repair(Session& session) const {
    TRY_ASSIGN(const auto store, session.open_store());
    auto report = store->repair(dry_run_);
    if (report && !dry_run_) {
      TRY_ASSIGN(const bool set, store->set_merge_driver(own_program_path()));
      if (!set) session.note("another program is changing .git/config; run repair again");
    }
    session.tell_notes(*store);
    return report;
  }

  // The journal first: its lost frames are put back while nobody has the store open. Then the rest,
  // if the journal is whole again. `without` is what repair could do without that.
  Result<RepairReport> repair_with_salvage(Session& session,
                                           const Result<RepairReport>& without) const {
    TRY_ASSIGN(const std::string root, session.store_root());
    TRY_ASSIGN(RepairReport salvaged, Store::salvage(root, dry_run_));
    if (salvaged.healed.empty() && salvaged.left.empty()) return without;
    if (dry_run_ || !salvaged.left.empty()) return salvaged;
    TRY_ASSIGN(RepairReport rest, repair(session));
    rest.healed.insert(rest.healed.begin(), salvaged.healed.begin(), salvaged.healed.end());
    rest.kept_in = salvaged.kept_in;
    return rest;
  }

  int restore(Session& session) {
    const auto store = session.open_store();
    if (!store) return session.fail(store.error(), "nothing was done");
    const bool is_number = restore_->find_first_not_of("0123456789") == std::string::npos;
    Result<RestoreReport> report = make_error(Code::kInvalid, "--restore needs a number or a path");
    if (is_number) {
      const auto seq = parse_number("SEQ", *restore_);
      report = seq ? (*store)->restore(*seq) : Result<RestoreReport>(seq.error());
    } else {
      report = (*store)->restore(*restore_);
    }
    session.tell_notes(**store);
    if (!report) return session.fail(report.error(), "nothing was put back");
    ExitCode code = report->left.empty() ? ExitCode::kDone : ExitCode::kDisagree;
    if (!report->waiting.empty()) code = ExitCode::kTimeLimit;
    return session.answer(restore_json(*report), restore_text(*report), code);
  }

  int move_orphans(Session& session) {
    const auto store = session.open_store();
    if (!store) return session.fail(store.error(), "nothing was done");
    const auto report = (*store)->move_orphans(dry_run_);
    session.tell_notes(**store);
    if (!report) {
      return session.fail(report.error(), "what was moved is kept in .git/syncline/kept");
    }
    return session.answer(repair_json(*report, dry_run_), orphans_text(*report, dry_run_),
                          report->left.empty() ? ExitCode::kDone : ExitCode::kDisagree);
  }

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
  bool orphans_ = false;
  std::optional<std::string> restore_;
};

}  // namespace

std::unique_ptr<Verb> make_verify_verb() {
  return std::make_unique<VerifyVerb>();
}
std::unique_ptr<Verb> make_repair_verb() {
  return std::make_unique<RepairVerb>();
}

}  // namespace syncline
