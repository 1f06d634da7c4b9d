#include "tests/simulation/fault_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include "tests/simulation/machine.h"
#include "tests/simulation/persistence.h"

namespace syncline::simulation {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Beginning::kCount)> kBeginningNames = {
    "in-use", "killed", "power-cut", "no-database"};

constexpr std::array<std::string_view, 3> kAfter = {"killed", "power cut, nothing kept",
                                                    "power cut, everything kept"};

// What the kernel may answer to a call; see the manual pages of each.
std::span<const int> errors_of(Call call) {
  static constexpr int kNew[] = {ENOSPC, EDQUOT, EMFILE, EROFS, EIO, ENOMEM};
  static constexpr int kWritten[] = {ENOSPC, EDQUOT, EFBIG, EIO};
  static constexpr int kChanged[] = {ENOSPC, EROFS, EIO};
  static constexpr int kSynced[] = {EIO, ENOSPC, EDQUOT};
  static constexpr int kMapped[] = {ENOMEM, EMFILE, ENOSPC};
  static constexpr int kOpened[] = {EMFILE, ENFILE, ENOMEM, EIO};
  static constexpr int kLooked[] = {EIO, ENOMEM};
  static constexpr int kLocked[] = {ENOLCK};
  static constexpr int kRead[] = {EIO};
  switch (call) {
    case Call::kCreate:
    case Call::kCreateWhole:
    case Call::kMakeDirectory:
    case Call::kOpenLock:
      return kNew;
    case Call::kWrite:
      return kWritten;
    case Call::kTruncate:
    case Call::kRename:
    case Call::kRemoveFile:
    case Call::kRemoveDirectory:
      return kChanged;
    case Call::kSync:
    case Call::kSyncDirectory:
    case Call::kSyncFileSystem:
      return kSynced;
    case Call::kMapPage:
      return kMapped;
    case Call::kOpen:
    case Call::kOpenDirectory:
      return kOpened;
    case Call::kInfo:
    case Call::kList:
      return kLooked;
    case Call::kTryLock:
    case Call::kLock:
      return kLocked;
    case Call::kRead:
    case Call::kClose:
      return kRead;
    case Call::kUnlock:
    case Call::kWait:
    case Call::kWake:
    case Call::kCount:
      break;
  }
  return {};
}

class LifeWithFaults final : public Fate {
 public:
  explicit LifeWithFaults(const SimulatedPlatform& platform) : platform_(platform) {}
  bool dead() const override { return platform_.dead(); }
  bool errors_allowed() const override { return faulty; }
  bool faulty = false;

 private:
  const SimulatedPlatform& platform_;
};

// Counts calls, and fails one of them.
class Sweeper final : public Conductor {
 public:
  struct Met {
    Call call;
    uint64_t site;
  };

  void watch(Machine& machine) { machine_ = &machine; }
  // Keeps where calls come from.
  void note_sites(const CallSites& sites) { sites_ = &sites; }
  void fail(uint64_t nth, Call call, int sys_errno, bool sticky, bool lands_in_part) {
    nth_ = nth;
    call_ = call;
    sys_errno_ = sys_errno;
    sticky_ = sticky;
    lands_in_part_ = lands_in_part;
  }
  void heal() { nth_ = 0; }
  void stop_noting() { sites_ = nullptr; }
  bool fell() const { return fell_; }
  const std::vector<Met>& met() const { return met_; }

  Answer before(const DiskOperation& operation) override {
    ++calls_;
    if (sites_ != nullptr) met_.push_back({operation.call, sites_->here()});
    if (nth_ == 0 || calls_ < nth_ || operation.call != call_) return Answer::proceed();
    if (!sticky_ && calls_ != nth_) return Answer::proceed();
    fell_ = true;
    return Answer::fail(sys_errno_, lands_in_part_ ? operation.bytes / 2 : 0);
  }
  void block(ProcessId, const std::function<bool()>& ready, Deadline deadline) override {
    if (ready()) return;
    SYNCLINE_ASSERT(!deadline.forever());  // nobody could ever let go
    machine_->clock.advance_to(deadline);
  }

 private:
  Machine* machine_ = nullptr;
  const CallSites* sites_ = nullptr;
  std::vector<Met> met_;
  uint64_t calls_ = 0;
  uint64_t nth_ = 0;
  Call call_ = Call::kWrite;
  int sys_errno_ = 0;
  bool sticky_ = false, lands_in_part_ = false, fell_ = false;
};

bool run_workload(Client& client, const Workload& workload) {
  bool good = client.open().has_value();
  for (const Step step : workload) good = good && client.run(step);
  return good;
}

}  // namespace

std::string_view beginning_name(Beginning beginning) {
  return kBeginningNames[static_cast<size_t>(beginning)];
}

std::string describe(const SweepCase& each) {
  return fmt::format("{}:{}", beginning_name(each.beginning), describe(each.workload));
}

std::vector<SweepCase> all_cases() {
  std::vector<SweepCase> cases;
  for (size_t step = 0; step < static_cast<size_t>(Step::kCount); ++step) {
    cases.push_back({Beginning::kInUse, {static_cast<Step>(step)}});
  }
  for (const Beginning beginning :
       {Beginning::kKilled, Beginning::kPowerCut, Beginning::kNoDatabase}) {
    cases.push_back({beginning, {Step::kFold}});
    cases.push_back({beginning, {Step::kAppend, Step::kFold, Step::kCheckpoint}});
  }
  // Much at once: what is open already from the step before is used on.
  cases.push_back({Beginning::kInUse, {Step::kIngest, Step::kFold, Step::kIngest, Step::kFold}});
  cases.push_back(
      {Beginning::kInUse, {Step::kRotate, Step::kFold, Step::kCheckpoint, Step::kTrim}});
  return cases;
}

void SweepReport::add(const SweepReport& other) {
  faults += other.faults;
  answered += other.answered;
  lost += other.lost;
  doubled += other.doubled;
  for (const auto& [site, count] : other.sites_met) sites_met[site] += count;
  for (const auto& [site, count] : other.sites_failed_once) sites_failed_once[site] += count;
  for (const auto& [site, count] : other.sites_failed_sticky) sites_failed_sticky[site] += count;
  failures.insert(failures.end(), other.failures.begin(), other.failures.end());
}

FaultSweep::Start FaultSweep::start_of(const SweepCase& each) const {
  BaseOptions options;
  options.lived_in = true;
  for (const Step step : each.workload) {
    if (step == Step::kTrim) options.retain_bytes_max = 65536;
  }
  const Base& in_use = base(options);
  Start start{in_use.image, in_use.clock, in_use.ledger};
  if (each.beginning == Beginning::kInUse) return start;
  // A record whose process is gone before it could fold.
  Sweeper undisturbed;
  Machine machine(start.image, undisturbed, start.clock, options_.seed);
  undisturbed.watch(machine);
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const LifeWithFaults life(platform);
    Client client(platform, kRoot, start.ledger, life);
    SYNCLINE_ASSERT(run_workload(client, {Step::kCreate, Step::kAppend}));
    client.close();
  }
  start.clock = machine.clock;
  start.image = machine.disk.image();
  if (each.beginning == Beginning::kPowerCut) start.image = with_nothing_kept(start.image);
  if (each.beginning == Beginning::kNoDatabase) {
    Machine again(start.image, undisturbed, start.clock, options_.seed);
    undisturbed.watch(again);
    SimulatedPlatform platform(again.disk, again.sqlite, again.random);
    const auto root = platform.open_directory(kRoot);
    SYNCLINE_ASSERT(root.has_value());
    for (const char* name : {"syncline.db", "syncline.db-wal", "syncline.db-shm"}) {
      static_cast<void>((*root)->remove_file(name));  // where it is there
    }
    start.image = again.disk.image();
  }
  return start;
}

std::vector<FaultSweep::Fault> FaultSweep::faults_of(const SweepCase& each, const Start& start) {
  Sweeper counting;
  Machine machine(start.image, counting, start.clock, options_.seed);
  counting.watch(machine);
  Ledger ledger = start.ledger;
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    const LifeWithFaults life(platform);
    Client client(platform, kRoot, ledger, life);
    counting.note_sites(sites_);
    const bool good = run_workload(client, each.workload);
    counting.stop_noting();
    client.close();
    if (!good || !ledger.faults.empty()) {
      report_.failures.push_back(describe(each) + " fails without a fault: " +
                                 (ledger.faults.empty() ? "" : ledger.faults.front()));
      return {};
    }
  }
  std::vector<Fault> faults;
  const std::vector<Sweeper::Met>& met = counting.met();
  for (size_t i = 0; i < met.size(); ++i) {
    const std::string site = sites_.name(met[i].site);
    if (!errors_of(met[i].call).empty()) ++report_.sites_met[site];
    for (const int sys_errno : errors_of(met[i].call)) {
      for (const bool sticky : {false, true}) {
        faults.push_back({i + 1, met[i].call, site, sys_errno, sticky, false});
        const bool runs_out = sys_errno == ENOSPC || sys_errno == EIO;
        if (met[i].call == Call::kWrite && runs_out) {
          faults.push_back({i + 1, met[i].call, site, sys_errno, sticky, true});
        }
      }
    }
  }
  return faults;
}

void FaultSweep::run(const SweepCase& each) {
  const Start start = start_of(each);
  const std::vector<Fault> faults = faults_of(each, start);
  for (uint64_t number = 1; number <= faults.size(); ++number) {
    const Fault& fault = faults[number - 1];
    if (options_.only ? *options_.only == number : is_chosen(fault, number)) {
      try_fault(each, start, fault, number);
    }
  }
}

// Drawn, since numbers have the rhythm of the errors, every other of which is for good.
bool FaultSweep::is_chosen(const Fault& fault, uint64_t number) const {
  const auto& failed = fault.sticky ? report_.sites_failed_sticky : report_.sites_failed_once;
  if (!failed.contains(fault.site)) return true;
  return SimulatedRandom(number + (options_.seed << 32)).one_in(options_.one_in);
}

void FaultSweep::try_fault(const SweepCase& each, const Start& start, const Fault& fault,
                           uint64_t number) {
  SimulatedRandom drawn(number * 0x9e3779b97f4a7c15ULL + options_.seed);
  const Stage stage = drawn.coin() ? Stage::kApplied : Stage::kJournaled;
  const bool syncs = drawn.coin(), closes = drawn.one_in(3);
  const size_t after = drawn.below(kAfter.size());
  ++report_.faults;
  ++(fault.sticky ? report_.sites_failed_sticky : report_.sites_failed_once)[fault.site];
  Ledger ledger = start.ledger;
  Sweeper sweeper;
  Machine machine(start.image, sweeper, start.clock, options_.seed);
  sweeper.watch(machine);
  bool lives = false;
  {
    SimulatedPlatform platform(machine.disk, machine.sqlite, machine.random);
    LifeWithFaults life(platform);
    Client client(platform, kRoot, ledger, life);
    client.wait_for(stage);
    life.faulty = true;
    sweeper.fail(fault.nth, fault.call, fault.sys_errno, fault.sticky, fault.lands_in_part);
    if (!run_workload(client, each.workload)) ++report_.answered;
    sweeper.heal();
    // It goes on without help, in the same process where it could open the store at all.
    life.faulty = false;
    lives = client.store() != nullptr || client.open().has_value();
    if (lives) client.retry_unacknowledged();
    // Every other time the power goes with nothing of this process's own having tidied up.
    if (lives && syncs) client.sync();
    if (closes) client.close();
    machine.disk.kill(platform.process());
  }
  DiskImage image = machine.disk.image();
  if (after == 1) image = with_nothing_kept(image);
  if (after == 2)
    image = PersistenceChoices(image, {.enumerate_max = 1, .sample = 1}).everything_kept();
  Sweeper undisturbed;
  Machine next(image, undisturbed, machine.clock, options_.seed + 1);
  undisturbed.watch(next);
  {
    SimulatedPlatform platform(next.disk, next.sqlite, next.random);
    const LifeWithFaults life(platform);
    Client client(platform, kRoot, ledger, life);
    if (client.open()) {
      client.retry_unacknowledged();
      client.sync();
      client.verify();
      client.close();
    }
  }
  const Picture picture = look_at(next.disk.image(), kRoot, /*thorough=*/number % 8 == 0);
  for (std::string& found : judge(picture, ledger.told()))
    ledger.faults.push_back(std::move(found));
  if (ledger.faults.empty()) return;
  std::string text =
      fmt::format("case {} fault {} (call {}, {} at {}, answers {}{}{}; then {})", describe(each),
                  number, fault.nth, call_name(fault.call), fault.site,
                  std::strerror(fault.sys_errno), fault.sticky ? " from then on" : " once",
                  fault.lands_in_part ? ", half of it lands" : "", kAfter[after]);
  for (const std::string& found : ledger.faults) {
    text += "\n    " + found;
    report_.lost += found.starts_with("LOST") ? 1 : 0;
    report_.doubled += found.starts_with("DOUBLED") ? 1 : 0;
  }
  report_.failures.push_back(std::move(text));
}

}  // namespace syncline::simulation
