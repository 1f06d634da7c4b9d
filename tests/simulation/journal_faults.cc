#include "tests/simulation/journal_faults.h"

#include <fmt/format.h>

#include <cerrno>

#include "journal/log/control_page.h"

namespace syncline::simulation {
namespace {

// The operations of a word's last step that change something, as a run without faults meets them.
std::vector<Call> calls_of_last_step(const Word& word) {
  struct Listener final : FaultPlan {
    using FaultPlan::FaultPlan;
    std::vector<Call> calls;
    bool listening = false;
    Answer before(const DiskOperation& operation) override {
      if (listening && changes(operation.call)) calls.push_back(operation.call);
      return FaultPlan::before(operation);
    }
  };
  SimulatedClock clock;
  Listener listener(&clock);
  Workload workload(listener, clock);
  for (size_t i = 0; i < word.size(); ++i) {
    listener.listening = i + 1 == word.size();
    if (!workload.run(word[i])) break;
  }
  listener.listening = false;
  return listener.calls;
}

Status run_all_but_last(Workload& workload, const Word& word) {
  for (size_t i = 0; i + 1 < word.size(); ++i) TRY(workload.run(word[i]));
  return {};
}

// Goes on, whatever has happened; what it is told is then held against the log.
std::string goes_on(Workload& workload, unsigned actor) {
  if (!workload.has(actor)) {
    if (const Status opened = workload.run({'e', actor}); !opened) {
      return "opening again: " + opened.error().message;
    }
  }
  if (const Status done = workload.record(actor); !done) {
    return fmt::format("process {} going on: {}", actor == 0 ? 'A' : 'B', done.error().message);
  }
  return check_log(workload.root(actor), workload.journal(actor), workload.ledger);
}

// What crashes leave when one has gone on, which writes over less than both, and when both have.
void explore_going_on(JournalExplorer& explorer, Workload& workload, unsigned first,
                      const std::string& trail) {
  for (const unsigned actor : {first, 1 - first}) {
    const std::string broken = goes_on(workload, actor);
    if (!broken.empty()) return explorer.fail(trail, broken);
    const std::string here = trail + (actor == first ? ":one on" : "");
    explorer.explore_point({workload.disk.image(), workload.ledger, "", false}, here, true);
  }
}

void explore_death(JournalExplorer& explorer, const Word& word, uint64_t nth,
                   uint64_t landed_bytes) {
  const std::string trail = fmt::format("{}:die {}+{}", spell(word), nth, landed_bytes);
  if (!explorer.wanted(trail)) return;
  SimulatedClock clock;
  FaultPlan plan(&clock);
  Workload workload(plan, clock);
  if (const Status done = run_all_but_last(workload, word); !done) {
    return explorer.fail(trail, done.error().message);
  }
  const unsigned dying = word.back().actor;
  plan.crash_at(nth, landed_bytes);
  try {
    static_cast<void>(workload.run(word.back()));
  } catch (const SimulatedCrash&) {
  }
  plan.crash_at(0);
  if (!workload.disk.alive(workload.process(dying))) {
    workload.bury(dying);
    workload.start(dying);
  }
  explore_going_on(explorer, workload, 1 - dying, trail);
}

struct Failure {
  const char* name;
  int sys_errno;
  FaultPlan::Duration duration;
};
constexpr Failure kFailures[] = {
    {"EIO once", EIO, FaultPlan::kOnce},    {"EIO", EIO, FaultPlan::kSticky},
    {"ENOSPC", ENOSPC, FaultPlan::kSticky}, {"EDQUOT once", EDQUOT, FaultPlan::kOnce},
    {"EROFS", EROFS, FaultPlan::kSticky},   {"ENOMEM once", ENOMEM, FaultPlan::kOnce},
};

// Where the last record stands.
uint64_t last_segment(Workload& workload, unsigned actor) {
  const auto log = read_entries(workload.root(actor), workload.journal(actor).end());
  return log && !log->empty() ? log->back().position.segment : 0;
}

void explore_failure(JournalExplorer& explorer, const Word& word, uint64_t nth, Call call,
                     const Failure& failure, uint64_t landed_bytes) {
  const std::string trail =
      fmt::format("{}:fail {}+{} {}", spell(word), nth, landed_bytes, failure.name);
  if (!explorer.wanted(trail)) return;
  SimulatedClock clock;
  FaultPlan plan(&clock);
  Workload workload(plan, clock);
  if (const Status done = run_all_but_last(workload, word); !done) {
    return explorer.fail(trail, done.error().message);
  }
  const unsigned actor = word.back().actor;
  const uint64_t segment = workload.journal(actor).end().position.segment;
  plan.fail_at(nth, failure.sys_errno, failure.duration, std::nullopt, landed_bytes);
  const Status failed = workload.run(word.back());
  if (failure.duration == FaultPlan::kSticky && !failed) {
    // While nothing works nothing is promised: what this answers is held against the log below.
    static_cast<void>(workload.run({'r', 1 - actor}));
    static_cast<void>(workload.run({'f', 1 - actor}));
  }
  plan.heal();
  for (const unsigned each : {1 - actor, actor}) {
    const std::string broken = goes_on(workload, each);
    if (!broken.empty()) return explorer.fail(trail, broken);
  }
  if (call == Call::kSync && word.back().operation != 'o' && word.back().operation != 't' &&
      last_segment(workload, 1 - actor) == segment) {
    return explorer.fail(trail, "acknowledged in a segment whose sync had failed");
  }
  explorer.explore_point({workload.disk.image(), workload.ledger, "", false}, trail, true);
}

// Opens the damaged image. Empty when nothing was lost, or the loss is told with its place.
std::string damage_is_loud(const DiskImage& image, const Ledger& ledger,
                           std::span<const DurableClaim> claims) {
  SimulatedClock clock;
  FaultPlan plan(&clock);
  Disk disk(image, plan, clock);
  const auto root = disk.open(0);
  if (!root) return root.error().message;
  const auto told = [](const Error& error) -> std::string {
    const bool placed = error.message.find("segment ") != std::string::npos &&
                        error.message.find("offset ") != std::string::npos;
    // Without its only segment there is no journal, and that is told.
    if (error.code == Code::kNotFound) return "";
    return error.code == Code::kCorrupt && placed ? "" : "without its place: " + error.message;
  };
  const auto journal = open_journal(**root, clock, tiny_options(), claims);
  if (!journal) return told(journal.error());
  const auto log = read_entries(**root, (*journal)->end());
  if (!log) return told(log.error());
  return ledger.check(*log, (*journal)->durable());
}

class Damager {
 public:
  // `end` is where the whole log ends.
  Damager(JournalExplorer& explorer, std::string trail, const DiskImage& image, Ledger ledger,
          const Mark& end)
      : explorer_(explorer),
        trail_(std::move(trail)),
        image_(image),
        ledger_(std::move(ledger)),
        claim_{end, "the test"} {}

  void try_one(const std::string& name, const DiskImage& damaged) {
    const std::string trail = fmt::format("{}:{}", trail_, name);
    if (!explorer_.wanted(trail)) return;
    explorer_.count_damage();
    // Either claim suffices: the control page's own durable mark, or what a layer above knows where
    // the page is lost.
    if (const std::string broken = damage_is_loud(damaged, ledger_, {}); !broken.empty()) {
      explorer_.fail(trail, broken);
    }
    DiskImage without_page(damaged);
    without_page.set_bytes("control", ByteVector(kControlPageBytes));
    if (const std::string broken = damage_is_loud(without_page, ledger_, {&claim_, 1});
        !broken.empty()) {
      explorer_.fail(trail + " and no page", broken);
    }
  }

  void in_segment(const std::string& name, bool last) {
    const std::string path = "journal/" + name;
    const ByteVector bytes = image_.bytes(path);
    const uint64_t sectors = bytes.size() / kSectorBytes;
    SimulatedRandom random(std::hash<std::string>{}(trail_ + name));
    for (uint64_t at = 0; at < bytes.size(); at += kFrameAlignBytes) {
      DiskImage damaged(image_);
      const uint64_t bit = at * 8 + random.below(kFrameAlignBytes * 8);
      damaged.flip_bit(path, bit);
      try_one(fmt::format("{} bit {}", name, bit), damaged);
    }
    for (uint64_t sector = 0; sector < sectors; ++sector) {
      const ByteSpan content = ByteSpan(bytes).subspan(sector * kSectorBytes, kSectorBytes);
      if (all_zero(content)) continue;
      const ByteVector zeros(kSectorBytes);
      put(path, bytes, sector, zeros, fmt::format("{} sector {} lost", name, sector));
      for (int i = 0; i < 4; ++i) {
        const uint64_t to = random.below(sectors);
        put(path, bytes, to, content, fmt::format("{} sector {} at {}", name, sector, to));
      }
    }
    for (uint64_t size = 0; size < bytes.size(); size += kSectorBytes) {
      DiskImage damaged(image_);
      damaged.set_bytes(path, ByteSpan(bytes).first(size));
      try_one(fmt::format("{} cut to {}", name, size), damaged);
    }
    DiskImage damaged(image_);
    damaged.remove(path);
    if (!last || ledger_.acknowledged_seq() != 0) try_one(name + " gone", damaged);
  }

  void between(const std::string& one, const std::string& other) {
    DiskImage damaged(image_);
    damaged.set_bytes("journal/" + one, image_.bytes("journal/" + other));
    try_one(one + " replaced by " + other, damaged);
    damaged.set_bytes("journal/" + other, image_.bytes("journal/" + one));
    try_one(one + " and " + other + " changed places", damaged);
  }

 private:
  void put(const std::string& path, const ByteVector& bytes, uint64_t sector, ByteSpan content,
           const std::string& name) {
    ByteVector changed = bytes;
    std::ranges::copy(content,
                      changed.begin() + static_cast<std::ptrdiff_t>(sector * kSectorBytes));
    DiskImage damaged(image_);
    damaged.set_bytes(path, changed);
    try_one(name, damaged);
  }

  JournalExplorer& explorer_;
  std::string trail_;
  const DiskImage& image_;
  Ledger ledger_;
  DurableClaim claim_;
};

}  // namespace

void explore_deaths(JournalExplorer& explorer, const Word& word) {
  if (!explorer.wanted(spell(word))) return;
  explorer.count_workload();
  const std::vector<Call> calls = calls_of_last_step(word);
  for (size_t i = 0; i < calls.size(); ++i) {
    explore_death(explorer, word, i + 1, 0);
    if (calls[i] != Call::kWrite) continue;
    // In the first frame, in one of a group behind it, all of it.
    for (const uint64_t landed_bytes :
         {uint64_t{512}, uint64_t{1536}, kBlockBytes + uint64_t{1536}, uint64_t{1} << 20}) {
      explore_death(explorer, word, i + 1, landed_bytes);
    }
  }
}

void explore_failures(JournalExplorer& explorer, const Word& word) {
  if (!explorer.wanted(spell(word))) return;
  explorer.count_workload();
  const std::vector<Call> calls = calls_of_last_step(word);
  for (size_t i = 0; i < calls.size(); ++i) {
    for (const Failure& failure : kFailures) {
      explore_failure(explorer, word, i + 1, calls[i], failure, 0);
      if (calls[i] == Call::kWrite) {
        explore_failure(explorer, word, i + 1, calls[i], failure, 1024);
      }
    }
  }
}

void explore_damage(JournalExplorer& explorer, const Word& word) {
  const std::string trail = spell(word);
  if (!explorer.wanted(trail)) return;
  explorer.count_workload();
  SimulatedClock clock;
  FaultPlan plan(&clock);
  Workload workload(plan, clock);
  for (const Step& step : word) {
    if (const Status done = workload.run(step); !done) {
      return explorer.fail(trail, done.error().message);
    }
  }
  if (const Status done = workload.run({'F', 0}); !done) {
    return explorer.fail(trail, done.error().message);
  }
  const DiskImage image = with_everything_synced(workload.disk.image());
  Damager damager(explorer, trail, image, workload.ledger, workload.journal(0).end());
  const auto entries = list_segments(**workload.root(0).open_directory("journal"), test_store());
  if (!entries) return explorer.fail(trail, entries.error().message);
  std::string before;
  for (const SegmentEntry& entry : *entries) {
    const std::string name = segment_name(entry.segment);
    damager.in_segment(name, entry.segment == entries->back().segment);
    if (!before.empty()) damager.between(before, name);
    before = name;
  }
}

}  // namespace syncline::simulation
