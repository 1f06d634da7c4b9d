// Store::verify and Store::repair: the Verifier's report, and what can be healed of it.
//
// Repair heals what follows from the journal alone: missing rows, missing files, unfolded and
// unpublished records, a lost or moved ref, a damaged database. What a person changed is left, and
// so is damage to the journal itself: both are named in `left`.
#include <fmt/format.h>

#include <algorithm>

#include "engine/projection/database_replacement.h"
#include "engine/store/store_impl.h"
#include "engine/verify/finding_class.h"
#include "engine/verify/verifier.h"
#include "journal/base/try.h"
#include "sync/git/broken_refs.h"
#include "sync/git/own_attributes.h"
#include "sync/git/own_excludes.h"

namespace syncline {

namespace {

bool healable(const Finding& finding) {
  return heals_from_journal(finding.cls);
}

bool is_among(const Finding& finding, const std::vector<Finding>& others) {
  return std::ranges::any_of(others, [&](const Finding& other) {
    return other.cls == finding.cls && other.seq == finding.seq && other.path == finding.path;
  });
}

// The check itself failed, for now: that says nothing about what the store holds.
bool is_no_finding(Code code) {
  return code == Code::kIo || code == Code::kBusy || code == Code::kRetryLater ||
         code == Code::kReadOnly || code == Code::kUnsupported;
}

}  // namespace

Result<VerifyReport> Store::verify(const std::function<void(uint64_t, uint64_t)>& progress) {
  TRY(impl_->check_process());
  return impl_->verify(progress);
}

Result<VerifyReport> Store::Impl::verify(const std::function<void(uint64_t, uint64_t)>& progress,
                                         Orphans* orphans) {
  const DatabaseFile file = database_file(places, *config);
  if (const Status sound = check_database(file); !sound) {
    if (is_no_finding(sound.error().code)) return sound.error();
    VerifyReport report;
    report.findings.push_back({FindingClass::kRecordMissing,
                               0,
                               {},
                               {},
                               0,
                               {},
                               fmt::format("the database cannot be read ({}): `syncline repair` "
                                           "rebuilds it from the journal",
                                           sound.error().message)});
    return report;
  }
  // Others go on writing, and may trim a segment or move the ref while we look. What they thus made
  // impossible to judge is looked at again.
  constexpr int kTries = 3;
  for (int tries = 1;; ++tries) {
    Result<VerifyReport> report = verify_once(file, progress, orphans);
    const bool trimmed = !report && report.error().code == Code::kNotFound;
    const bool moved = report && std::ranges::any_of(report->findings, [](const Finding& finding) {
                         return finding.cls == FindingClass::kHistoryRewritten;
                       });
    if (tries == kTries || !(trimmed || moved)) return report;
  }
}

Result<VerifyReport> Store::Impl::verify_once(
    const DatabaseFile& file, const std::function<void(uint64_t, uint64_t)>& progress,
    Orphans* orphans) {
  TRY_ASSIGN(const auto database, Database::open(file, Database::Access::kRead));
  TRY_ASSIGN(const VerifyFloor floor, verify_floor(*store_directory, *journal));
  Result<VerifyReport> report = make_error(Code::kInternal, "not verified");
  Verifier::Unexplained unexplained;
  const auto run = [&](Syncer* syncer, const std::optional<Error>& git_error) {
    Verifier verifier(places, *config, *store_directory, *journal, *database, floor,
                      identity.first_seq, progress);
    report = verifier.run(syncer, git_error);
    if (orphans != nullptr) *orphans = verifier.take_orphans();
    unexplained = verifier.unexplained();
  };
  const std::string& branch = config->sync.branch.empty() ? identity.branch : config->sync.branch;
  // A person's HEAD or branch is no disagreement of ours, and nothing that repair could mend.
  const std::string broken =
      broken_ref(places.root, branch, *places.platform).value_or(std::string());
  if (broken.empty()) {
    const Status asked = roles->sync.read_syncer([&](Syncer& syncer) -> Status {
      run(&syncer, std::nullopt);
      return {};
    });
    if (!asked && is_no_finding(asked.error().code)) return asked.error();
    if (!asked) run(nullptr, asked.error());
  } else {
    run(nullptr, std::nullopt);
    if (report)
      report->behind.push_back("rows alone were looked at, no commits and no files: " + broken);
  }
  if (std::string tracked = tracked_database(places, *config); report && !tracked.empty()) {
    report->behind.push_back(std::move(tracked));
  }
  const auto explain = [&](std::optional<size_t> line, const std::string& why) {
    if (report && line && !why.empty()) report->behind[*line] += ": " + why;
  };
  // After everything was looked at: a try that succeeds would change what is found.
  std::string before;
  if (unexplained.applied) {
    before = why_applying_waits();
    explain(unexplained.applied, before);
  }
  if (unexplained.committed) {
    explain(unexplained.committed,
            before.empty() ? why_committing_waits() : "what is not applied cannot be committed");
  }
  if (report && !identity.kept.empty()) {
    report->notes.push_back({FindingClass::kRecordMissing,
                             identity.first_seq - 1,
                             {},
                             {},
                             0,
                             {},
                             fmt::format("records up to here were given up, their rows, files and "
                                         "commits stay; what is left of their journal is in "
                                         ".git/syncline/{}",
                                         identity.kept)});
  }
  return report;
}

Status Store::Impl::heal(const std::vector<Finding>& findings) {
  if (const Status sound = check_database(database_file(places, *config));
      !sound && sound.error().code == Code::kCorrupt) {
    TRY(roles->apply.rebuild_database());
  }
  std::vector<uint64_t> rows, files;
  for (const Finding& finding : findings) {
    if (finding.seq == 0) continue;  // about the whole database, or about git
    if (heals_row(finding.cls)) rows.push_back(finding.seq);
    if (heals_file(finding.cls)) files.push_back(finding.seq);
  }
  // First apply what this database lacks: one that was put back from a copy is behind.
  TRY(roles->apply.try_turns());
  TRY(roles->apply.with_applier([&](Applier& applier) -> Status {
    TRY(applier.restore_rows(rows));
    return applier.restore_files(files);
  }));
  TRY(roles->sync.with_syncer([](Syncer& syncer, OutcomeSource& known) -> Status {
    return syncer.committer().restore(known);
  }));
  TRY(roles->sync.try_turns(/*publish_now=*/true, kForever));
  return {};
}

Result<RepairReport> Store::repair(bool dry_run) {
  TRY(impl_->check_process());
  RepairReport report;
  TRY_ASSIGN(const VerifyReport found, verify({}));
  for (const Finding& finding : found.findings) {
    (healable(finding) ? report.healed : report.left).push_back(finding);
  }
  if (!dry_run && impl_->check_writable()) {
    TRY_ASSIGN(const auto common, impl_->places.platform->open_directory(impl_->places.common_dir));
    TRY(write_own_attributes(*common, impl_->config->sync.own_paths));
    TRY(write_own_excludes(*common, impl_->config->sync.excluded));
  }
  if (!dry_run && !report.healed.empty()) {
    TRY(impl_->check_writable());
    TRY(impl_->heal_and_look_again(report, found));
  }
  if (impl_->check_writable()) TRY(impl_->try_again(report, dry_run));
  return report;
}

Status Store::Impl::heal_and_look_again(RepairReport& report, const VerifyReport& found) {
  TRY(heal(report.healed));

  // Nothing is called healed before it was looked at again. A database that could not be read may
  // have hidden other findings.
  TRY_ASSIGN(VerifyReport after, verify({}));
  std::vector<Finding> hidden;
  for (const Finding& finding : after.findings) {
    if (!is_among(finding, found.findings)) hidden.push_back(finding);
  }
  if (std::ranges::any_of(hidden, healable)) {
    TRY(heal(hidden));
    TRY_ASSIGN(after, verify({}));
  }
  for (const Finding& finding : hidden) {
    (healable(finding) ? report.healed : report.left).push_back(finding);
  }
  std::vector<Finding> healed;
  for (Finding& finding : report.healed) {
    (is_among(finding, after.findings) ? report.left : healed).push_back(std::move(finding));
  }
  report.healed = std::move(healed);
  return {};
}

}  // namespace syncline
