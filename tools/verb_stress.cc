// syncline stress [--levels 5,10,15,20,30,50] [--rounds N] [--profile P]
//
// Runs many processes at once, each of which records once through the command line, and then
// compares every claim with rows, files and git. A call's answer is believed only if the row is in
// the table and its text is in the file.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "tools/child_process.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/scratch_directory.h"
#include "tools/stress_calls.h"
#include "tools/stress_report.h"
#include "tools/text_output.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr uint64_t kProcessesMax = 1000;
constexpr uint64_t kRoundsMax = 1000;
constexpr size_t kFailuresShown = 5;
constexpr size_t kFindingsShown = 20;
constexpr int64_t kCallTimeoutMs = 120'000;

struct Counters {
  uint64_t flushes = 0;
  uint64_t commits = 0;
};

// Receipts as their calls printed them, until their rows and files have been looked for.
struct Claim {
  ChildAnswer answer;
  std::string token;
};

class StressRun {
 public:
  StressRun(const Session& session, std::string root, uint64_t rounds)
      : session_(session), root_(std::move(root)), rounds_(rounds) {}

  Result<StressReport> run(const std::vector<uint64_t>& levels) {
    TRY(learn_store());
    const Deadline deadline = session_.deadline();
    Progress progress(session_.console(), "stress");
    uint64_t calls_total = 0, calls_done = 0;
    for (const uint64_t processes : levels) calls_total += processes * rounds_;
    for (const uint64_t processes : levels) {
      StressLevel level{.processes = processes};
      TRY_ASSIGN(const Counters before, counters());
      TRY_ASSIGN(const uint64_t rows_before, count_rows());
      claims_.clear();
      for (uint64_t round = 0; round < rounds_; ++round) {
        if (system_clock().passed(deadline)) {
          report_.stopped = "the time limit was reached";
          break;
        }
        TRY(run_round(level));
        calls_done += processes;
        progress.update(calls_done, calls_done, calls_total);
      }
      TRY(check_claims(level));
      TRY_ASSIGN(const uint64_t rows_after, count_rows());
      level.rows = rows_after - rows_before;
      TRY(fold());
      TRY_ASSIGN(const Counters after, counters());
      level.flushes = after.flushes - before.flushes;
      level.commits = after.commits - before.commits;
      report_.levels.push_back(std::move(level));
      if (!report_.stopped.empty()) break;
    }
    TRY(check_store());
    return std::move(report_);
  }

 private:
  Status learn_store() {
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

  Status run_round(StressLevel& level) {
    const int64_t timeout_ms = session_.options().timeout_ms.value_or(kCallTimeoutMs);
    const std::string timeout = fmt::format("{:.3f}", static_cast<double>(timeout_ms) / 1000.0);
    std::vector<StressCall> calls;
    std::vector<ChildProcess> children;
    for (uint64_t i = 0; i < level.processes; ++i) {
      calls.push_back(make_stress_call(config_, run_, next_call_++));
    }
    const int64_t started_ns = system_clock().monotonic_ns();
    Status started;
    for (const StressCall& call : calls) {
      std::vector<std::string> arguments{"syncline",  "--store", root_,   "--json",
                                         "--timeout", timeout,   "record"};
      arguments.insert(arguments.end(), call.arguments.begin(), call.arguments.end());
      auto child = ChildProcess::start(kOwnProgram, arguments);
      if (!child) {
        started = child.error();
        break;
      }
      children.push_back(std::move(*child));
    }
    std::vector<ChildProcess::Outcome> outcomes;
    for (ChildProcess& child : children) {
      TRY_ASSIGN(ChildProcess::Outcome outcome, child.wait());
      outcomes.push_back(std::move(outcome));
    }
    level.seconds += static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
    TRY(started);
    for (size_t i = 0; i < outcomes.size(); ++i) note_outcome(level, calls[i], outcomes[i]);
    return {};
  }

  void note_outcome(StressLevel& level, const StressCall& call,
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
  Status check_claims(StressLevel& level) {
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

  std::string read_work_file(const std::string& path) const {
    std::ifstream file(root_ + "/" + path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Result<std::unique_ptr<Database>> open_database() const {
    return Database::open(root_ + "/" + config_.database, Database::Access::kRead);
  }

  Result<bool> row_exists(Database& database, const ChildAnswer& answer) const {
    for (const KindSpec& kind : config_.kinds) {
      if (kind.table != answer.table) continue;
      TRY_ASSIGN(Statement statement,
                 database.prepare(fmt::format("SELECT 1 FROM {} WHERE {} = ?1",
                                              quote_identifier(kind.table),
                                              quote_identifier(kind.id_column))));
      statement.bind(1, answer.id);
      return statement.step();
    }
    return false;
  }

  Result<uint64_t> count_rows() const {
    TRY_ASSIGN(const auto database, open_database());
    std::set<std::string> tables;
    for (const KindSpec& kind : config_.kinds) tables.insert(kind.table);
    uint64_t rows = 0;
    for (const std::string& table : tables) {
      TRY_ASSIGN(Statement statement, database->prepare(fmt::format("SELECT count(*) FROM {}",
                                                                    quote_identifier(table))));
      TRY_ASSIGN(const bool found, statement.step());
      if (found) rows += static_cast<uint64_t>(statement.integer(0));
    }
    return rows;
  }

  Result<Counters> counters() const {
    TRY_ASSIGN(const auto store, Store::open(root_));
    TRY_ASSIGN(const StoreStatus status, store->status());
    return Counters{.flushes = status.flushes, .commits = status.batches};
  }

  Status fold() const {
    TRY_ASSIGN(const auto store, Store::open(root_));
    // Whether publishing has to wait for the user's git state does not matter here.
    TRY(store->sync(false, session_.deadline(kCallTimeoutMs)));
    return {};
  }

  Status check_store() {
    TRY_ASSIGN(const auto store, Store::open(root_));
    TRY_ASSIGN(const VerifyReport verified, store->verify([](uint64_t, uint64_t) {}));
    report_.findings = verified.findings.size();
    for (const Finding& finding : verified.findings) {
      if (report_.finding_lines.size() == kFindingsShown) break;
      report_.finding_lines.push_back(finding_text(finding));
    }
    return {};
  }

  const Session& session_;
  std::string root_;
  uint64_t rounds_;
  Config config_;
  std::string run_;
  uint64_t next_call_ = 0;
  std::vector<Claim> claims_;
  std::set<std::pair<std::string, uint64_t>> ids_;
  StressReport report_;
};

class StressVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "stress",
            .usage = "stress",
            .summary = "many processes recording at once, and what became of it"};
  }

  void declare(Options& options) override {
    options.text("--levels", levels_, "N,N,...", "processes at once (default 5,10,15,20,30,50)");
    options.number("--rounds", rounds_, "N", "rounds a level (default 3)");
    options.text("--profile", profile_, "NAME",
                 "of the temporary store: elf (default), notes, packages");
  }

  // In a temporary store, unless --store names one: stress writes records that stay.
  int run(Session& session) override {
    const auto levels =
        parse_number_list("--levels", levels_.value_or("5,10,15,20,30,50"), kProcessesMax);
    if (!levels) return session.fail(levels.error(), "nothing was done");
    const uint64_t rounds = rounds_.value_or(3);
    if (rounds == 0 || rounds > kRoundsMax) {
      return session.fail(
          make_error(Code::kInvalid, fmt::format("--rounds takes 1 to {}", kRoundsMax)),
          "nothing was done");
    }
    std::optional<ScratchDirectory> scratch;
    std::string root;
    if (session.options().store) {
      if (profile_) {
        return session.fail(make_error(Code::kInvalid,
                                       "--profile is for a temporary store, but "
                                       "--store names one that has its own"),
                            "nothing was done");
      }
      root = *session.options().store;
    } else {
      std::error_code failed;
      const std::string parent = std::filesystem::temp_directory_path(failed).string();
      auto made = ScratchDirectory::make(failed ? "/tmp" : parent, "syncline-stress-");
      if (!made) return session.fail(made.error());
      scratch.emplace(std::move(*made));
      root = scratch->path();
      const auto store = Store::init(root, {.profile = profile_.value_or("elf"), .nested = true});
      if (!store) return session.fail(store.error());
    }
    auto report = StressRun(session, root, rounds).run(*levels);
    if (!report) return session.fail(report.error());
    const bool good = report->nothing_lost();
    // A store with a fault in it is worth more than a clean temporary directory.
    if (!good && scratch) scratch->keep();
    if (!scratch || !good) report->store = root;
    const std::string place =
        report->store.empty() ? "" : fmt::format("store: {}\n", printable(report->store));
    const ExitCode code = !good                      ? ExitCode::kFailed
                          : !report->stopped.empty() ? ExitCode::kTimeLimit
                                                     : ExitCode::kDone;
    return session.answer(stress_json(*report), stress_table(*report) + place, code);
  }

 private:
  std::optional<std::string> levels_;
  std::optional<uint64_t> rounds_;
  std::optional<std::string> profile_;
};

}  // namespace

std::unique_ptr<Verb> make_stress_verb() {
  return std::make_unique<StressVerb>();
}

}  // namespace syncline
