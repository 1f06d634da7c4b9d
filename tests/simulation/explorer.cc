#include "tests/simulation/explorer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "tests/simulation/persistence.h"

namespace syncline::simulation {

namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  return SimulatedRandom(a * 0x9e3779b97f4a7c15ULL + b).next_u64();
}

// Where not all are tried: so many are drawn first, and of them those that are.
constexpr uint64_t kSubsetsDrawn = 24;
// Of the second crashes, so many come when the recovery has ended.
constexpr uint64_t kSecondAtEndOneIn = 4;

bool one_in(uint64_t n, uint64_t seed, uint64_t number) {
  return n != 0 && mix(seed, number) % n == 0;
}

// Nothing fails here; a crash ends the life of the process, and what it was told then is void.
class LifeOf final : public Fate {
 public:
  LifeOf(const SimulatedPlatform& platform) : platform_(platform) {}
  bool dead() const override { return platform_.dead(); }
  bool errors_allowed() const override { return false; }

 private:
  const SimulatedPlatform& platform_;
};

}  // namespace

std::string describe(const Workload& workload) {
  std::string text;
  for (const Step step : workload) {
    if (!text.empty()) text += '+';
    text += step_name(step);
  }
  return text;
}

std::vector<Workload> all_workloads(size_t steps_max) {
  std::vector<Workload> all, longest = {{}};
  for (size_t length = 1; length <= steps_max; ++length) {
    std::vector<Workload> longer;
    for (const Workload& shorter : longest) {
      for (size_t step = 0; step < static_cast<size_t>(Step::kCount); ++step) {
        longer.push_back(shorter);
        longer.back().push_back(static_cast<Step>(step));
      }
    }
    all.insert(all.end(), longer.begin(), longer.end());
    longest = std::move(longer);
  }
  return all;
}

void ExplorerReport::add(const ExplorerReport& other) {
  workloads += other.workloads;
  crash_points += other.crash_points;
  states += other.states;
  second_crashes += other.second_crashes;
  verified += other.verified;
  replayed += other.replayed;
  exhausted_points += other.exhausted_points;
  lost += other.lost;
  doubled += other.doubled;
  other_faults += other.other_faults;
  failures.insert(failures.end(), other.failures.begin(), other.failures.end());
}

// Copies disk and ledger before every change, or kills the process before the nth.
class Explorer::Recorder final : public Conductor {
 public:
  void watch(const Machine& machine, const Ledger& ledger) {
    machine_ = &machine;
    ledger_ = &ledger;
  }
  void keep_all() { keep_all_ = true; }
  void crash_at(uint64_t nth) { crash_at_ = nth; }
  uint64_t changes() const { return changes_; }
  std::vector<CrashPoint>& points() { return points_; }
  void keep(std::string before) {
    points_.push_back(
        {std::move(before), {}, 0, {}, machine_->disk.image(), machine_->clock, *ledger_});
  }
  void keep(const DiskOperation& operation) {
    keep(fmt::format("{} {}", call_name(operation.call), operation.path));
    if (operation.call != Call::kWrite || operation.content.size() <= kSectorBytes) return;
    CrashPoint& point = points_.back();
    point.path = operation.path;
    point.offset = operation.offset;
    // Copied into the page cache page by page; any byte may be the last.
    const size_t count = mix(changes_, operation.content.size()) % operation.content.size();
    point.landed.assign(operation.content.begin(),
                        operation.content.begin() + static_cast<std::ptrdiff_t>(count));
  }

  Answer before(const DiskOperation& operation) override {
    if (!changes_something(operation)) return Answer::proceed();
    ++changes_;
    if (keep_all_) keep(operation);
    return changes_ == crash_at_ ? Answer::crash() : Answer::proceed();
  }
  void block(ProcessId, const std::function<bool()>& ready, Deadline deadline) override {
    if (ready()) return;
    SYNCLINE_ASSERT(!deadline.forever());  // nobody could ever let go
    const_cast<Machine*>(machine_)->clock.advance_to(deadline);
  }

 private:
  static bool changes_something(const DiskOperation& operation) {
    return simulation::changes(operation.call);
  }

  const Machine* machine_ = nullptr;
  const Ledger* ledger_ = nullptr;
  std::vector<CrashPoint> points_;
  uint64_t changes_ = 0, crash_at_ = 0;
  bool keep_all_ = false;
};

void Explorer::run(const Workload& workload, uint64_t only_state) {
  state_ = 0;
  only_state_ = only_state;
  ++report_.workloads;
  BaseOptions options;
  for (const Step step : workload) {
    if (step == Step::kTrim) options.retain_bytes_max = 65536;
  }
  // Every other workload begins on a store that has been in use.
  uint64_t number = 0;
  for (const Step step : workload) number = number * 31 + static_cast<uint64_t>(step) + 1;
  options.lived_in = number % 2 == 0;
  const Base& start = base(options);
  DiskImage image = start.image;
  // Of half of them the repository is a file system of its own.
  if (number / 2 % 2 == 0) image.mount = image.find(kRoot.substr(1) + "/.git");

  std::vector<CrashPoint> points;
  {
    Recorder recorder;
    Machine machine(image, recorder, start.clock, mix(options_.seed, number));
    Ledger ledger = start.ledger;
    recorder.watch(machine, ledger);
    recorder.keep_all();
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const LifeOf life(platform);
    Client client(platform, kRoot, ledger, life);
    // Of others half wait for no more than the journal.
    if (number / 4 % 2 == 0) client.wait_for(Stage::kJournaled);
    bool good = client.open().has_value();
    for (const Step step : workload) good = good && client.run(step);
    client.close();
    recorder.keep("the end");
    points = std::move(recorder.points());
    if (!ledger.faults.empty()) fail(workload, points.back(), "without a crash", ledger.faults);
  }
  report_.crash_points += points.size();
  // The end first: what commits must be called is learnt from the run without a crash.
  explore(workload, points.back());
  points.pop_back();
  for (const CrashPoint& point : points) explore(workload, point);
}

void Explorer::explore(const Workload& workload, const CrashPoint& point) {
  state(workload, point, point.image, "killed");
  if (!point.landed.empty() && point.image.exists(point.path)) {
    DiskImage torn = point.image;
    torn.write(torn.find(point.path), point.offset, point.landed);
    state(workload, point, std::move(torn),
          fmt::format("killed, {} bytes of the write there", point.landed.size()));
  }
  PersistenceOptions how;
  how.seed = mix(options_.seed, state_);
  how.enumerate_max = options_.subsets_max;
  how.sample = std::max<uint64_t>(options_.subsets_max, kSubsetsDrawn);
  const PersistenceChoices choices(point.image, how);
  report_.exhausted_points += choices.exhaustive() ? 1 : 0;
  const bool all = choices.count() <= options_.subsets_max;
  for (uint64_t i = 0; i < std::min(choices.count(), options_.subsets_max); ++i) {
    // The first is "nothing kept".
    const uint64_t k = all || i == 0 ? i : mix(how.seed, i) % choices.count();
    if (only_state_ != 0 && state_ + 1 != only_state_) {
      ++state_;
      continue;
    }
    state(workload, point, choices.apply(k), choices.describe(k));
  }
}

void Explorer::state(const Workload& workload, const CrashPoint& point, DiskImage image,
                     const std::string& how) {
  const uint64_t number = mix(options_.seed, ++state_);
  if (only_state_ != 0 && state_ != only_state_) return;
  ++report_.states;
  Ledger ledger = point.ledger;
  Recorder recorder;
  const bool second = one_in(options_.second_crash_one_in, 2, number);
  std::string then;
  SimulatedClock clock = point.clock;
  if (second) {
    // Any change of the recovery may be the one that does not happen, its last as well as its
    // first; or it ends, having answered for what it found, and the power goes then.
    Recorder counting;
    Ledger unheard = ledger;
    recover(image, clock, unheard, counting, number);
    const bool ends = one_in(kSecondAtEndOneIn, 8, number);
    const uint64_t at = ends ? 0 : 1 + mix(number, 3) % std::max<uint64_t>(1, counting.changes());
    recorder.crash_at(at);
    const DiskImage left = recover(image, clock, ledger, recorder, number);
    ++report_.second_crashes;
    PersistenceOptions options;
    options.seed = number;
    options.enumerate_max = 8;
    options.sample = 8;
    const PersistenceChoices choices(left, options);
    // Of one that ended a kill takes nothing.
    const uint64_t k = mix(number, 4) % (choices.count() + (ends ? 0 : 1));
    then =
        fmt::format("; then {} {}",
                    ends ? "at the end of recovery" : fmt::format("at change {} of recovery", at),
                    k == choices.count() ? "killed" : choices.describe(k));
    image = k == choices.count() ? left : choices.apply(k);
    clock.advance_ns(1'000'000'000);
  }
  Recorder undisturbed;
  const DiskImage rest = recover(image, clock, ledger, undisturbed, number);
  check(rest, ledger, number);
  if (!ledger.faults.empty()) fail(workload, point, how + then, ledger.faults);
}

DiskImage Explorer::recover(const DiskImage& image, const SimulatedClock& clock, Ledger& ledger,
                            Conductor& conductor, uint64_t number) {
  Machine machine(image, conductor, clock, number);
  static_cast<Recorder&>(conductor).watch(machine, ledger);
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const LifeOf life(platform);
    Client client(platform, kRoot, ledger, life);
    if (client.open()) {
      if (number % 2 == 0) client.retry_unacknowledged();
      client.sync();
      if (one_in(options_.verify_one_in, 5, number)) {
        ++report_.verified;
        client.verify();
      }
      client.close();
    }
  }
  return machine.disk.image();
}

void Explorer::check(const DiskImage& image, Ledger& ledger, uint64_t number) {
  const Picture picture = look_at(image, kRoot, one_in(options_.verify_one_in, 7, number));
  for (std::string& fault : judge(picture, ledger.told())) {
    ledger.faults.push_back(std::move(fault));
  }
  check_commits(picture, ledger);
  if (!one_in(options_.replay_one_in, 6, number) || picture.journal_begins_after > 0) return;
  // Recovered once more: nothing may change; then replayed: the same commits.
  ++report_.replayed;
  Recorder recorder;
  Machine machine(image, recorder, SimulatedClock{}, number);
  recorder.watch(machine, ledger);
  const std::string into = "/replayed";
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const LifeOf life(platform);
    Client client(platform, kRoot, ledger, life);
    if (!client.open()) return;
    client.sync();
    const Status replayed = client.store()->replay_into(into, std::nullopt, {});
    if (!replayed && replayed.error().code != Code::kUnsupported) {
      ledger.faults.push_back("replay answered: " + replayed.error().message);
    }
    client.close();
  }
  const Picture again = look_at(machine.disk.image());
  if (again.commits.size() != picture.commits.size() || again.last_seq() != picture.last_seq()) {
    ledger.faults.push_back("recovering again changed the store");
  }
  if (again.journal_begins_after > 0) return;  // a retention has trimmed it meanwhile
  const Picture replayed = look_at(machine.disk.image(), into);
  std::string ours, theirs;
  for (const OwnCommit& commit : picture.commits) ours += commit.id.hex() + " ";
  for (const OwnCommit& commit : replayed.commits) theirs += commit.id.hex() + " ";
  if (ours != theirs) {
    ledger.faults.push_back(fmt::format("a replay's commits are {}, not {}", theirs, ours));
  }
}

void Explorer::check_commits(const Picture& picture, Ledger& ledger) {
  std::map<uint64_t, const JournalRecord*> records;
  for (const JournalRecord& record : picture.journal) records[record.seq] = &record;
  for (const OwnCommit& commit : picture.commits) {
    std::string made_of = commit.parent.hex() + picture.store_id;
    bool known = true;
    for (uint64_t seq = commit.first_seq; seq <= commit.last_seq; ++seq) {
      const auto record = records.find(seq);
      known = known && record != records.end();
      if (!known) break;
      made_of += fmt::format(" {} {} {}", record->second->content, record->second->id,
                             record->second->time_ms);
    }
    if (!known) continue;  // trimmed
    const auto [first, fresh] = commits_.emplace(made_of, commit.id.hex());
    if (!fresh && first->second != commit.id.hex()) {
      ledger.faults.push_back(fmt::format("records {}-{} are commit {}, and were {} elsewhere",
                                          commit.first_seq, commit.last_seq, commit.id.hex(),
                                          first->second));
    }
  }
}

void Explorer::fail(const Workload& workload, const CrashPoint& point, const std::string& how,
                    const std::vector<std::string>& faults) {
  std::string text = fmt::format("workload {} state {} (crash before {}: {})", describe(workload),
                                 state_, point.before, how);
  for (const std::string& fault : faults) {
    text += "\n    " + fault;
    report_.lost += fault.starts_with("LOST") ? 1 : 0;
    report_.doubled += fault.starts_with("DOUBLED") ? 1 : 0;
  }
  report_.other_faults += faults.size();
  report_.failures.push_back(std::move(text));
}

}  // namespace syncline::simulation
