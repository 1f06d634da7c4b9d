#include "tools/stress_old_way.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <set>
#include <sstream>

#include "engine/sqlite/database.h"
#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "tools/child_process.h"

namespace syncline {
namespace {

// Finds a program as a shell does.
constexpr const char* kEnv = "/usr/bin/env";

std::string file_of(uint64_t call) {
  return fmt::format("records/record_{}.md", call);
}

Result<std::string> run_program(std::vector<std::string> command) {
  const std::string name = command.front();
  command.insert(command.begin(), "env");
  TRY_ASSIGN(ChildProcess child, ChildProcess::start(kEnv, command));
  TRY_ASSIGN(const ChildProcess::Outcome outcome, child.wait());
  if (outcome.exit_code == 0) return outcome.output;
  return make_error(Code::kIo,
                    fmt::format("{} ended with {}: {}", name, outcome.exit_code, outcome.output));
}

}  // namespace

Result<OldWayReport> OldWay::run(uint64_t sequential, const std::vector<uint64_t>& levels,
                                 uint64_t rounds) {
  TRY(prepare());
  TRY_ASSIGN(report_.sequential, run_level(1, sequential));
  for (const uint64_t processes : levels) {
    TRY_ASSIGN(StressLevel level, run_level(processes, rounds));
    report_.levels.push_back(std::move(level));
  }
  return std::move(report_);
}

Status OldWay::prepare() {
  std::error_code failed;
  const std::string parent = std::filesystem::temp_directory_path(failed).string();
  TRY_ASSIGN(ScratchDirectory made, ScratchDirectory::make(failed ? "/tmp" : parent, "old-way-"));
  directory_.emplace(std::move(made));
  TRY(git({"init", "-q", "-b", "main"}));
  for (const char* setting : {"user.name=Old", "user.email=old@localhost", "gc.auto=0"}) {
    const std::string text = setting;
    const size_t equal = text.find('=');
    TRY(git({"config", text.substr(0, equal), text.substr(equal + 1)}));
  }
  TRY(git({"commit", "-q", "--allow-empty", "-m", "start"}));
  std::filesystem::create_directory(directory_->path() + "/records", failed);
  TRY(run_program({"sqlite3", directory_->path() + "/records/index.db",
                   "CREATE TABLE learnings(id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT "
                   "NULL, filepath TEXT NOT NULL, title TEXT NOT NULL, summary TEXT)"}));
  return {};
}

Result<std::string> OldWay::git(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{"git", "-C", directory_->path()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(std::move(command));
}

Result<uint64_t> OldWay::commits() const {
  TRY_ASSIGN(const std::string count, git({"rev-list", "--count", "HEAD"}));
  uint64_t number = 0;
  std::from_chars(count.data(), count.data() + count.size(), number);
  return number;
}

Result<StressLevel> OldWay::run_level(uint64_t processes, uint64_t rounds) {
  StressLevel level{.processes = processes};
  const uint64_t first = next_call_;
  TRY_ASSIGN(const uint64_t commits_before, commits());
  std::vector<uint64_t> exited_zero;
  for (uint64_t round = 0; round < rounds; ++round) {
    std::vector<ChildProcess> children;
    const uint64_t first_of_round = next_call_;
    const int64_t started_ns = system_clock().monotonic_ns();
    Status started;
    while (started && children.size() < processes) {
      auto child = ChildProcess::start(
          report_.script, {report_.script, directory_->path(), std::to_string(next_call_)});
      if (!child) {
        started = child.error();
        break;
      }
      ++next_call_;
      children.push_back(std::move(*child));
    }
    for (size_t i = 0; i < children.size(); ++i) {
      TRY_ASSIGN(const ChildProcess::Outcome outcome, children[i].wait());
      ++level.calls;
      if (outcome.exit_code == 0) {
        exited_zero.push_back(first_of_round + i);
      } else if (level.failures.size() < kFailuresShown) {
        level.failures.push_back(fmt::format("exit {}: {}", outcome.exit_code, outcome.output));
      }
    }
    level.seconds += static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
    TRY(started);
  }
  level.exit_zero = exited_zero.size();
  TRY_ASSIGN(const uint64_t commits_after, commits());
  level.commits = commits_after - commits_before;
  TRY(look(first, exited_zero, level));
  return level;
}

Status OldWay::look(uint64_t first, const std::vector<uint64_t>& exited_zero, StressLevel& level) {
  std::set<std::string> rows, committed;
  TRY_ASSIGN(const auto database,
             Database::open(directory_->path() + "/records/index.db", Database::Access::kRead));
  TRY_ASSIGN(Statement statement, database->prepare("SELECT filepath FROM learnings"));
  while (true) {
    TRY_ASSIGN(const bool row, statement.step());
    if (!row) break;
    rows.emplace(statement.text(0));
  }
  TRY_ASSIGN(const std::string names, git({"ls-tree", "-r", "--name-only", "HEAD"}));
  std::istringstream lines(names);
  for (std::string line; std::getline(lines, line);) committed.insert(line);
  const std::set<uint64_t> said(exited_zero.begin(), exited_zero.end());
  for (uint64_t call = first; call < next_call_; ++call) {
    std::error_code unknown;
    const std::string file = file_of(call);
    const bool has_row = rows.contains(file), has_commit = committed.contains(file);
    const bool has_file = std::filesystem::exists(directory_->path() + "/" + file, unknown);
    const bool whole = has_row && has_file && has_commit;
    level.rows += has_row ? 1 : 0;
    level.files += has_file ? 1 : 0;
    if (said.contains(call) && !whole) ++level.lost;
    if (!whole && (has_row || has_file || has_commit)) ++report_.orphans;
  }
  return {};
}

}  // namespace syncline
