#include "tools/stress_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "journal/log/journal.h"
#include "tools/text_output.h"

namespace syncline {
namespace {

constexpr size_t kFindingsShown = 20;
constexpr int64_t kCallTimeoutMs = 120'000;
// A reader for so many writers.
constexpr uint64_t kWritersAReader = 5;

// An effect without its record, or a record without its effect.
bool is_orphan(FindingClass cls) {
  return cls == FindingClass::kRecordMissing || cls == FindingClass::kFileWithoutRow ||
         cls == FindingClass::kRowWithoutFile || cls == FindingClass::kRowWithoutCommit ||
         cls == FindingClass::kFileWithoutCommit || cls == FindingClass::kCommitWithoutRow ||
         cls == FindingClass::kForeignRow;
}

}  // namespace

Result<StressReport> StressRuns::run(const std::vector<uint64_t>& levels) {
  TRY(learn_store());
  const Deadline deadline = session_.deadline();
  Progress progress(session_.console(), "stress");
  calls_total_ = kSequentialCalls;
  for (const uint64_t processes : levels) calls_total_ += processes * rounds_;
  TRY_ASSIGN(report_.sequential,
             run_level(1, kSequentialCalls, /*readers=*/false, progress, deadline));
  for (const uint64_t processes : levels) {
    if (!report_.stopped.empty()) break;
    TRY_ASSIGN(StressLevel level,
               run_level(processes, rounds_, /*readers=*/true, progress, deadline));
    report_.levels.push_back(std::move(level));
  }
  TRY(check_store());
  return std::move(report_);
}

Result<StressLevel> StressRuns::run_level(uint64_t processes, uint64_t rounds, bool readers,
                                          Progress& progress, Deadline deadline) {
  StressLevel level{.processes = processes};
  TRY_ASSIGN(const Counters before, counters());
  TRY_ASSIGN(const uint64_t rows_before, count_rows());
  claims_.clear();
  for (uint64_t round = 0; round < rounds; ++round) {
    if (system_clock().passed(deadline)) {
      report_.stopped = "the time limit was reached";
      break;
    }
    TRY(run_round(level, readers));
    calls_done_ += processes;
    progress.update(calls_done_, calls_done_, calls_total_);
  }
  TRY(check_claims(level));
  TRY_ASSIGN(const uint64_t rows_after, count_rows());
  level.rows = rows_after - rows_before;
  TRY(fold());
  TRY_ASSIGN(const Counters after, counters());
  level.flushes = after.flushes - before.flushes;
  level.commits = after.commits - before.commits;
  level.retries = after.retries - before.retries;
  level.git_lock_waits = after.git_lock_waits - before.git_lock_waits;
  return level;
}

Status StressRuns::learn_store() {
  TRY_ASSIGN(const auto store, Store::open(root_));
  config_ = store->config();
  TRY_ASSIGN(const StoreStatus status, store->status());
  report_.profile = config_.profile;
  report_.rounds = rounds_;
  // Another stress run in the same store has other tokens.
  run_ = fmt::format("{:x}", system_random().next_u64() & 0xffffffu);
  if (status.journaled != 0) run_ += fmt::format("-{}", status.journaled);
  return {};
}

Status StressRuns::run_round(StressLevel& level, bool readers) {
  const int64_t timeout_ms = session_.options().timeout_ms.value_or(kCallTimeoutMs);
  const std::string timeout = fmt::format("{:.3f}", static_cast<double>(timeout_ms) / 1000.0);
  std::vector<StressCall> calls;
  std::vector<ChildProcess> children, reading;
  for (uint64_t i = 0; i < level.processes; ++i) {
    calls.push_back(make_stress_call(config_, run_, next_call_++));
  }
  const auto start = [&](std::vector<std::string> arguments,
                         std::vector<ChildProcess>& into) -> Status {
    arguments.insert(arguments.begin(),
                     {"syncline", "--store", root_, "--json", "--timeout", timeout});
    TRY_ASSIGN(ChildProcess child, ChildProcess::start(kOwnProgram, arguments));
    into.push_back(std::move(child));
    return {};
  };
  const int64_t started_ns = system_clock().monotonic_ns();
  Status started;
  for (size_t i = 0; i < calls.size() && started; ++i) {
    std::vector<std::string> arguments{"record"};
    arguments.insert(arguments.end(), calls[i].arguments.begin(), calls[i].arguments.end());
    started = start(std::move(arguments), children);
    if (!started || !readers || i % kWritersAReader != 0) continue;
    started = start({i % (2 * kWritersAReader) == 0 ? "status" : "log"}, reading);
  }
  std::vector<ChildProcess::Outcome> outcomes;
  for (ChildProcess& child : children) {
    TRY_ASSIGN(ChildProcess::Outcome outcome, child.wait());
    outcomes.push_back(std::move(outcome));
  }
  level.seconds += static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
  for (ChildProcess& child : reading) {
    TRY_ASSIGN(const ChildProcess::Outcome outcome, child.wait());
    ++level.reads;
    if (outcome.exit_code != 0) ++level.reads_failed;
    if (outcome.exit_code != 0 && level.failures.size() < kFailuresShown) {
      level.failures.push_back(fmt::format("read, exit {}: {}", outcome.exit_code, outcome.output));
    }
  }
  TRY(started);
  for (size_t i = 0; i < outcomes.size(); ++i) note_outcome(level, calls[i], outcomes[i]);
  return {};
}

void StressRuns::note_outcome(StressLevel& level, const StressCall& call,
                              const ChildProcess::Outcome& outcome) {
  ++level.calls;
  auto answer = parse_child_answer(outcome.output);
  if (outcome.exit_code != 0 || !answer || !answer->error.empty()) {
    if (outcome.exit_code == 0) {
      ++level.exit_zero;
      ++level.lost;  // a success that cannot be read is no success
    }
    if (level.failures.size() < kFailuresShown) {
      level.failures.push_back(
          fmt::format("exit {}: {}", outcome.exit_code, answer ? answer->error : outcome.output));
    }
    return;
  }
  ++level.exit_zero;
  if (answer->id == 0) ++level.id_zero;
  if (!ids_.emplace(answer->table, answer->id).second) ++level.duplicate_ids;
  claims_.push_back({std::move(*answer), call.token});
}

// Every claim against the table and the file it names.
Status StressRuns::check_claims(StressLevel& level) {
  TRY_ASSIGN(const auto database, open_database());
  std::map<std::string, std::string> appended;  // files that many records share, read once
  for (const Claim& claim : claims_) {
    TRY_ASSIGN(const bool row, row_exists(*database, claim.answer));
    const auto cached = appended.find(claim.answer.path);
    std::string text =
        cached != appended.end() ? cached->second : read_work_file(claim.answer.path);
    const bool file = text.find(claim.token) != std::string::npos;
    if (cached == appended.end()) appended.emplace(claim.answer.path, std::move(text));
    if (file) ++level.files;
    if (!row || !file) {
      ++level.lost;
      if (level.failures.size() < kFailuresShown) {
        level.failures.push_back(fmt::format("seq {} exited 0 but its {} is missing",
                                             claim.answer.seq, row ? "file" : "row"));
      }
    }
  }
  return {};
}

std::string StressRuns::read_work_file(const std::string& path) const {
  std::ifstream file(root_ + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<std::unique_ptr<Database>> StressRuns::open_database() const {
  return Database::open(root_ + "/" + config_.database, Database::Access::kRead);
}

Result<bool> StressRuns::row_exists(Database& database, const ChildAnswer& answer) const {
  for (const KindSpec& kind : config_.kinds) {
    if (kind.table != answer.table) continue;
    TRY_ASSIGN(
        Statement statement,
        database.prepare(fmt::format("SELECT 1 FROM {} WHERE {} = ?1", quote_identifier(kind.table),
                                     quote_identifier(kind.id_column))));
    statement.bind(1, answer.id);
    return statement.step();
  }
  return false;
}

Result<uint64_t> StressRuns::count_rows() const {
  TRY_ASSIGN(const auto database, open_database());
  std::set<std::string> tables;
  for (const KindSpec& kind : config_.kinds) tables.insert(kind.table);
  uint64_t rows = 0;
  for (const std::string& table : tables) {
    TRY_ASSIGN(Statement statement,
               database->prepare(fmt::format("SELECT count(*) FROM {}", quote_identifier(table))));
    TRY_ASSIGN(const bool found, statement.step());
    if (found) rows += static_cast<uint64_t>(statement.integer(0));
  }
  return rows;
}

Result<StressRuns::Counters> StressRuns::counters() const {
  TRY_ASSIGN(const auto store, Store::open(root_));
  TRY_ASSIGN(const StoreStatus status, store->status());
  Counters found{.flushes = status.flushes, .commits = status.batches, .retries = status.retries};
  for (const auto& [cause, count] : status.retries_by_cause) {
    if (cause == retry_cause_name(RetryCause::kGitLock)) found.git_lock_waits = count;
  }
  return found;
}

Status StressRuns::fold() const {
  TRY_ASSIGN(const auto store, Store::open(root_));
  // Whether publishing has to wait for the user's git state does not matter here.
  TRY(store->sync(false, system_clock().after_ms(kCallTimeoutMs)));
  return {};
}

Status StressRuns::check_store() {
  TRY_ASSIGN(const auto store, Store::open(root_));
  TRY_ASSIGN(const VerifyReport verified, store->verify([](uint64_t, uint64_t) {}));
  report_.findings = verified.findings.size();
  for (const Finding& finding : verified.findings) {
    report_.orphans += is_orphan(finding.cls) ? 1 : 0;
    if (report_.finding_lines.size() < kFindingsShown) {
      report_.finding_lines.push_back(finding_text(finding));
    }
  }
  return {};
}

}  // namespace syncline
