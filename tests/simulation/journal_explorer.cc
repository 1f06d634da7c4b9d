#include "tests/simulation/journal_explorer.h"

#include <fmt/format.h>

#include <cstdio>

#include "journal/base/assert.h"

namespace syncline::simulation {
namespace {

constexpr size_t kFailuresMax = 5;
constexpr uint32_t kAfterBytes = 200;

Status append_after(Journal& journal, Ledger& ledger, Clock& clock) {
  const size_t first = ledger.attempt({kAfterBytes}, false);
  const std::string text = Ledger::payload(static_cast<uint32_t>(first), kAfterBytes);
  TRY_ASSIGN(const Appended appended, append(journal, {record_frame(text, 1, clock.now_ms())}));
  ledger.appended(first, appended.first_seq);
  TRY(journal.flush(appended));
  ledger.acknowledged(first + 1);
  return {};
}

}  // namespace

void Figures::add(const Figures& other) {
  workloads += other.workloads;
  crash_points += other.crash_points;
  outcomes += other.outcomes;
  second_crashes += other.second_crashes;
  states += other.states;
  repeated += other.repeated;
  damaged += other.damaged;
  sampled_points += other.sampled_points;
}

bool SeenKeys::insert(uint64_t key) {
  if (key == 0) key = 1;
  if (used_ * 2 > slots_.size()) grow();
  for (size_t at = key % slots_.size();; at = (at + 1) % slots_.size()) {
    if (slots_[at] == key) return false;
    if (slots_[at] != 0) continue;
    slots_[at] = key;
    ++used_;
    return true;
  }
}

void SeenKeys::grow() {
  std::vector<uint64_t> old = std::move(slots_);
  slots_.assign(old.size() * 2, 0);
  used_ = 0;
  for (const uint64_t key : old) {
    if (key != 0) insert(key);
  }
}

void CrashRecorder::note(std::string name, bool killed_only) {
  points_.push_back(
      {disk_->image(), ledger_ != nullptr ? *ledger_ : Ledger(), std::move(name), killed_only});
}

Answer CrashRecorder::before(const DiskOperation& operation) {
  if (disk_ != nullptr && changes(operation.call)) {
    const uint64_t nth = operations() + 1 - begun_at_;
    note(std::to_string(nth));
    // Killed in the middle of a write; what a power cut leaves of it is among the outcomes of the
    // point behind it.
    const uint64_t part = operation.bytes / 2 / kSectorBytes * kSectorBytes;
    const InodeNumber inode = disk_->image().find(operation.path);
    if (operation.call == Call::kWrite && part > 0 && inode != 0) {
      note(std::to_string(nth) + "m", true);
      DiskImage& image = points_.back().image;
      image.write(inode, operation.offset, operation.content.first(part));
    }
  }
  return FaultPlan::before(operation);
}

std::string check_log(Directory& root, const Journal& journal, const Ledger& ledger,
                      std::vector<Entry>* log) {
  auto entries = read_entries(root, journal.end());
  if (!entries) return "reading: " + entries.error().message;
  std::string broken = ledger.check(*entries, journal.durable());
  if (log != nullptr) *log = std::move(*entries);
  return broken;
}

void JournalExplorer::fail(const std::string& trail, const std::string& what) {
  if (failures_.size() >= kFailuresMax) return;
  // At once as well: a part of a long run may not live to tell.
  std::fprintf(stderr, "FAILED %s: %s\n", trail.c_str(), what.c_str());
  failures_.push_back(fmt::format("{}\n    SYNCLINE_SIM_REPLAY=\"{}\"", what, trail));
}

bool JournalExplorer::wanted(const std::string& trail) const {
  if (options_.replay.empty()) return true;
  const std::string& shorter = trail.size() < options_.replay.size() ? trail : options_.replay;
  const std::string& longer = trail.size() < options_.replay.size() ? options_.replay : trail;
  return longer.starts_with(shorter) &&
         (longer.size() == shorter.size() || longer[shorter.size()] == ':');
}

void JournalExplorer::explore(const Word& word) {
  const std::string trail = spell(word);
  if (!wanted(trail)) return;
  ++figures_.workloads;
  SimulatedClock clock;
  CrashRecorder recorder(&clock);
  Workload workload(recorder, clock);
  for (size_t i = 0; i < word.size(); ++i) {
    if (i + 1 == word.size()) recorder.record(workload.disk, &workload.ledger);
    if (const Status done = workload.run(word[i]); !done) {
      return fail(trail, "without any fault: " + done.error().message);
    }
  }
  recorder.note("end");
  recorder.stop();
  if (const std::string broken = check_log(workload.root(0), workload.journal(0), workload.ledger);
      !broken.empty()) {
    return fail(trail, "without any fault: " + broken);
  }
  for (const CrashRecorder::Point& point : recorder.points()) {
    explore_point(point, trail + ":" + point.name, false);
  }
}

void JournalExplorer::explore_point(const CrashRecorder::Point& point, const std::string& trail,
                                    bool second) {
  if (!wanted(trail)) return;
  ++(second ? figures_.second_crashes : figures_.crash_points);
  if (wanted(trail + ":kill")) {
    if (!second) ++figures_.outcomes;
    examine(point.image, point.ledger, trail + ":kill", second);
  }
  if (point.killed_only) return;
  PersistenceOptions persistence = options_.first;
  if (second) {
    persistence.enumerate_max = options_.second_outcomes;
    persistence.sample = options_.second_outcomes;
    persistence.seed = std::hash<std::string>{}(trail);
  }
  const PersistenceChoices choices(point.image, persistence);
  if (!second && !choices.exhaustive()) ++figures_.sampled_points;
  for (uint64_t k = 0; k < choices.count(); ++k) {
    const std::string where = fmt::format("{}:{}", trail, k);
    if (!wanted(where)) continue;
    if (!second) ++figures_.outcomes;
    const size_t failures_before = failures_.size();
    examine(choices.apply(k), point.ledger, where, second);
    if (failures_.size() > failures_before) failures_.back() += "\n    " + choices.describe(k);
  }
}

// Not noted where it is the second crash: there is no third.
bool JournalExplorer::examine(const DiskImage& image, const Ledger& ledger,
                              const std::string& trail, bool second) {
  if (!seen_.insert(image.hash() + image.boot * 0x9e3779b97f4a7c15ULL + ledger.hash() + second)) {
    ++figures_.repeated;
    if (options_.replay.empty()) return false;
  }
  ++figures_.states;
  CrashRecorder recorder;
  const std::string broken = run_to_the_end(image, ledger, recorder, second);
  if (!broken.empty()) fail(trail, broken);
  for (CrashRecorder::Point& point : recorder.points()) {
    point.ledger = ledger;
    explore_point(point, trail + ":" + point.name, true);
  }
  return true;
}

std::string JournalExplorer::run_to_the_end(const DiskImage& image, Ledger ledger,
                                            CrashRecorder& recorder, bool second) {
  SimulatedClock clock;
  DiskImage after;
  std::vector<Entry> log;
  {
    Disk disk(image, recorder, clock);
    const auto root = disk.open(0);
    SYNCLINE_ASSERT(root);
    if (!second) recorder.record(disk, nullptr);
    auto journal = open_journal(**root, clock, tiny_options());
    if (!second && journal) recorder.note("opened");
    recorder.stop();
    if (!journal) return "opening is refused: " + journal.error().message;
    if (std::string broken = check_log(**root, **journal, ledger, &log); !broken.empty()) {
      return "after recovery: " + broken;
    }
    ledger.settle(log);
    if (const Status done = append_after(**journal, ledger, clock); !done) {
      return "going on after recovery: " + done.error().message;
    }
    after = with_nothing_kept(disk.image());
  }
  Disk disk(std::move(after), recorder, clock);
  const auto root = disk.open(0);
  const auto journal = open_journal(**root, clock, tiny_options());
  if (!journal) return "opening once more is refused: " + journal.error().message;
  std::vector<Entry> again;
  if (std::string broken = check_log(**root, **journal, ledger, &again); !broken.empty()) {
    return "opened once more: " + broken;
  }
  // The same and one more; a removal by trim that was not durable may be undone in front of it.
  if (again.size() < log.size() + 1 || !std::equal(log.rbegin(), log.rend(), again.rbegin() + 1)) {
    return "opened once more, the log is another";
  }
  return {};
}

}  // namespace syncline::simulation
