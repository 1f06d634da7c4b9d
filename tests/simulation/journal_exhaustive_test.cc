// The journal alone, exhaustively: workloads of operations of two processes, all of one and two, a
// twelfth of those of three and some of four, a crash at every I/O, every legal persisted subset, a
// second crash at every I/O of the recovery. Some four million distinct states.
//
//   SYNCLINE_SIM_SCALE=13     all workloads of three; beyond it, ever more outcomes of second
//                             crashes and workloads of four; below 1, as much less of three
//   SYNCLINE_SIM_SECOND=1     outcomes of each second crash, whatever the scale
//   SYNCLINE_SIM_JOBS=2       processes that share the work
//   SYNCLINE_SIM_REPLAY=...   one trail, as a failure prints it
//   SYNCLINE_SIM_LENGTH=2 SYNCLINE_SIM_STOP=1   no longer workloads; ends at the first that fails
//
// What parts of a run meet is the same for every number of jobs but for states counted as distinct:
// each part remembers its own.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "journal/base/assert.h"
#include "tests/simulation/journal_faults.h"

namespace syncline::simulation {
namespace {

// Of each crash in a recovery, so many legal outcomes are run; of first crashes all, up to 2^12.
constexpr double kSecondOutcomes = 11;
// Of the words of three and of four steps, these shares are run besides the shorter ones.
constexpr double kThreeSteps = 0.08;
constexpr double kFourSteps = 0.0073;

double scale() {
  const char* const text = std::getenv("SYNCLINE_SIM_SCALE");
  return text == nullptr ? 1.0 : std::max(0.001, std::atof(text));
}
unsigned jobs() {
  const char* const text = std::getenv("SYNCLINE_SIM_JOBS");
  const unsigned count = text == nullptr ? std::thread::hardware_concurrency()
                                         : static_cast<unsigned>(std::atoi(text));
  return std::clamp(count, 1u, 64u);
}
bool stops_at_first() {
  return std::getenv("SYNCLINE_SIM_STOP") != nullptr;
}
size_t length_limit() {
  const char* const text = std::getenv("SYNCLINE_SIM_LENGTH");
  return text == nullptr ? SIZE_MAX : static_cast<size_t>(std::atoi(text));
}
std::string replay() {
  const char* const text = std::getenv("SYNCLINE_SIM_REPLAY");
  return text == nullptr ? "" : text;
}

struct Sum {
  Figures figures;
  std::string failures;
};

// Runs `part` in a process for each job and adds up what they found.
template <typename Part>
Sum in_parts(unsigned count, Part part) {
  std::vector<std::FILE*> results;
  std::vector<pid_t> children;
  for (unsigned i = 0; i < count; ++i) {
    results.push_back(std::tmpfile());
    SYNCLINE_ASSERT(results.back() != nullptr);
    std::fflush(nullptr);
    const pid_t child = fork();
    SYNCLINE_ASSERT(child >= 0);
    if (child == 0) {
      JournalExplorer explorer = part(i, count);
      std::fwrite(&explorer.figures(), sizeof(Figures), 1, results.back());
      for (const std::string& failure : explorer.failures()) {
        std::fprintf(results.back(), "  %s\n", failure.c_str());
      }
      std::fflush(results.back());
      _exit(0);
    }
    children.push_back(child);
  }
  Sum sum;
  for (unsigned i = 0; i < count; ++i) {
    int status = 0;
    SYNCLINE_ASSERT(waitpid(children[i], &status, 0) == children[i]);
    if (status != 0) {
      sum.failures += "  part " + std::to_string(i) + " of the run died, status " +
                      std::to_string(status) + "\n";
    }
    std::rewind(results[i]);
    Figures figures;
    if (std::fread(&figures, sizeof figures, 1, results[i]) == 1) sum.figures.add(figures);
    char text[4096];
    for (size_t got = 0; (got = std::fread(text, 1, sizeof text, results[i])) > 0;) {
      sum.failures.append(text, got);
    }
    std::fclose(results[i]);
  }
  return sum;
}

JournalExplorer::Options explorer_options() {
  JournalExplorer::Options options;
  options.replay = replay();
  const char* const second = std::getenv("SYNCLINE_SIM_SECOND");
  options.second_outcomes =
      second != nullptr
          ? static_cast<uint64_t>(std::max(1, std::atoi(second)))
          : static_cast<uint64_t>(kSecondOutcomes * std::max(1.0, kThreeSteps * scale()));
  return options;
}

// Of the words up to that length, and of those with one step more where `longer`, as many as the
// scale says.
std::vector<Word> chosen_words(size_t length_max, bool longer = false) {
  if (!replay().empty()) return {parse_word(replay().substr(0, replay().find(':')))};
  std::vector<Word> words;
  SimulatedRandom random(1);
  const auto choose = [&](size_t length, double share) {
    for (const Word& word : words_of_length(length)) {
      if (static_cast<double>(random.below(1'000'000)) < share * 1e6) words.push_back(word);
    }
  };
  const size_t limit = std::min(length_max, length_limit());
  for (size_t length = 1; length <= limit; ++length) {
    choose(length, length < 3 ? 1.0 : kThreeSteps * scale());
  }
  if (longer && limit == length_max) choose(length_max + 1, kFourSteps * scale());
  return words;
}

void report(const Sum& sum, std::chrono::steady_clock::time_point begun) {
  const Figures& f = sum.figures;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (f.damaged > 0) {
    std::printf("journal: %llu workloads, %llu damaged images in %.1f s\n",
                static_cast<unsigned long long>(f.workloads),
                static_cast<unsigned long long>(f.damaged), seconds);
    return;
  }
  std::printf(
      "journal: %llu workloads, %llu crash points (%llu sampled), %llu outcomes, %llu second "
      "crashes: "
      "%llu distinct states run, %llu met again, in %.1f s, %.0f states/s\n",
      static_cast<unsigned long long>(f.workloads), static_cast<unsigned long long>(f.crash_points),
      static_cast<unsigned long long>(f.sampled_points),
      static_cast<unsigned long long>(f.outcomes),
      static_cast<unsigned long long>(f.second_crashes), static_cast<unsigned long long>(f.states),
      static_cast<unsigned long long>(f.repeated), seconds,
      static_cast<double>(f.states) / seconds);
}

// Each of the words taken apart by `explore`, in parts.
template <typename Explore>
void run(const std::vector<Word>& words, Explore explore) {
  const auto begun = std::chrono::steady_clock::now();
  const Sum sum = in_parts(jobs(), [&](unsigned part, unsigned parts) {
    JournalExplorer explorer(explorer_options());
    for (size_t i = part; i < words.size(); i += parts) {
      explore(explorer, words[i]);
      if (stops_at_first() && !explorer.failures().empty()) break;
    }
    return explorer;
  });
  report(sum, begun);
  EXPECT_EQ(sum.failures, "") << "replay with that in the environment, and this test as the filter";
}

TEST(JournalExhaustive, EveryCrashOfEveryWorkloadKeepsWhatWasAcknowledged) {
  run(chosen_words(3, /*longer=*/true),
      [](JournalExplorer& explorer, const Word& word) { explorer.explore(word); });
}

TEST(JournalExhaustive, EveryDeathOfOneOfTwoProcessesIsPutRightByTheOther) {
  run(chosen_words(3), explore_deaths);
}

TEST(JournalExhaustive, EveryFailedOperationIsToldAndLosesNothing) {
  run(chosen_words(3), explore_failures);
}

TEST(JournalExhaustive, DamageIsNeverSurvivedInSilence) {
  run(chosen_words(2), explore_damage);
}

}  // namespace
}  // namespace syncline::simulation
