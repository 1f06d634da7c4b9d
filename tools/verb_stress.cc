// syncline stress [--levels 5,10,15,20,30,50] [--rounds N] [--profile P] [--against SCRIPT]
//
// Runs many processes at once, each of which records once through the command line, and then
// compares every claim with rows, files and git (stress_runs.h).
#include <fmt/format.h>

#include <filesystem>

#include "tools/json_output.h"
#include "tools/scratch_directory.h"
#include "tools/stress_old_way.h"
#include "tools/stress_report.h"
#include "tools/stress_runs.h"
#include "tools/text_output.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr uint64_t kProcessesMax = 1000;
constexpr uint64_t kRoundsMax = 1000;

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
    options.text("--against", against_, "SCRIPT",
                 "the old way, beside: SCRIPT DIRECTORY NUMBER writes file, row and commit");
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
    auto report = StressRuns(session, root, rounds).run(*levels);
    if (!report) return session.fail(report.error());
    if (against_ && report->stopped.empty()) {
      auto old_way = OldWay(*against_).run(kSequentialCalls, *levels, rounds);
      if (!old_way) return session.fail(old_way.error());
      report->against = std::move(*old_way);
    }
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
  std::optional<std::string> against_;
};

}  // namespace

std::unique_ptr<Verb> make_stress_verb() {
  return std::make_unique<StressVerb>();
}

}  // namespace syncline
