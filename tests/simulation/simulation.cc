#include "tests/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <set>

#include "tests/simulation/persistence.h"
#include "tests/simulation/rot.h"
#include "tests/simulation/world.h"

namespace syncline::simulation {

namespace {

// After so many worlds rot is tried once.
constexpr uint64_t kRotOneIn = 4;

class Story {
 public:
  Story(uint64_t seed, bool trace) : random_(seed), rot_random_(~seed), trace_(trace) {}

  StoryReport run() {
    BaseOptions options;
    options.retain_bytes_max = random_.one_in(3) ? 65536 : 0;
    options.batch_records_max = random_.coin() ? 1000 : 1 + random_.below(3);
    options.lived_in = random_.coin();
    const Base& start = base(options);
    image_ = start.image;
    clock_ = start.clock;
    ledger_ = start.ledger;
    if (random_.coin()) image_.mount = image_.find(kRoot.substr(1) + "/.git");
    const uint64_t worlds = 1 + random_.below(4);
    for (uint64_t i = 0; i < worlds && ledger_.faults.empty(); ++i) {
      disturbed(i == 0 ? 1 + random_.below(3) : random_.below(3));
    }
    if (ledger_.faults.empty()) undisturbed();
    report_.records = ledger_.entries.size();
    for (const auto& entry : ledger_.entries) report_.acknowledged += entry.told.acknowledged;
    report_.faults = std::move(ledger_.faults);
    return std::move(report_);
  }

 private:
  // Short and long stretches alike.
  uint64_t moment() { return 1 + random_.below(uint64_t{16} << random_.below(9)); }

  Misfortunes draw() {
    Misfortunes drawn;
    const uint64_t kind = random_.below(10);
    if (kind >= 1 && kind <= 3) {
      for (uint64_t n = 1 + random_.below(3); n > 0; --n) drawn.kill_at.push_back(moment());
    }
    if (kind >= 3 && kind <= 6) drawn.cut_power_at = moment();
    if (kind >= 6) draw_errors(drawn);
    if (random_.one_in(4)) {
      constexpr int64_t kYearMs = SimulatedClock::kYearMs;
      drawn.clock_jumps.push_back({moment(), random_.coin() ? kYearMs : -kYearMs});
    }
    return drawn;
  }

  void draw_errors(Misfortunes& drawn) {
    const uint64_t from = moment();
    const uint64_t to = from + moment();
    switch (random_.below(6)) {
      case 0:  // a sync fails, or all of them for a while
        drawn.faults.push_back({from, to, random_.one_in(4) ? Call::kSyncDirectory : Call::kSync,
                                EIO, random_.coin()});
        break;
      case 1:
        drawn.faults.push_back({from, to, Call::kWrite, random_.coin() ? EIO : ENOSPC,
                                random_.coin(), random_.coin()});
        break;
      case 2:
        drawn.full_from = from;
        drawn.full_to = to;
        break;
      case 3:
        drawn.read_only_from = from;
        drawn.read_only_to = to;
        break;
      case 4: {  // any call there is
        const auto call = static_cast<Call>(random_.below(static_cast<uint64_t>(Call::kClose)));
        constexpr int kErrors[] = {EIO, ENOSPC, EMFILE, ENOMEM, EDQUOT, EROFS};
        drawn.faults.push_back({from, to, call, kErrors[random_.below(6)], true});
        break;
      }
      default:
        drawn.faults.push_back({from, to, Call::kRead, EIO, true});
        break;
    }
  }

  std::vector<Step> draw_steps() {
    constexpr Step kSteps[] = {Step::kCreate,  Step::kCreate, Step::kAppend,     Step::kAppend,
                               Step::kSameKey, Step::kIngest, Step::kFold,       Step::kFold,
                               Step::kRotate,  Step::kTrim,   Step::kCheckpoint, Step::kCreate,
                               Step::kRetract};
    std::vector<Step> steps(random_.below(6));
    for (Step& step : steps) step = kSteps[random_.below(std::size(kSteps))];
    return steps;
  }

  void disturbed(uint64_t processes) {
    const Misfortunes misfortunes = draw();
    World world(image_, clock_, random_.next_u64(), misfortunes);
    if (trace_) {
      world.print_trace();
      fmt::print(stderr, "---- {} processes and one that looks, power cut at {}, {} kills, {}\n",
                 processes, misfortunes.cut_power_at, misfortunes.kill_at.size(),
                 misfortunes.any_error() ? "errors" : "no errors");
    }
    const bool all_lend = random_.one_in(3);
    for (uint64_t i = 0; i <= processes; ++i) {
      std::vector<Step> steps = draw_steps();
      const bool reopens = random_.one_in(4), lends = random_.coin() || all_lend;
      // What is answered before it was applied is the journal's promise alone.
      const Stage stage = random_.coin() ? Stage::kApplied : Stage::kJournaled;
      const bool verifies = i == processes && random_.one_in(4);
      world.start(
          std::string(1, static_cast<char>('A' + i)),
          [this, steps = std::move(steps), reopens, lends, stage, verifies](World::Actor& actor) {
            act(actor, steps, reopens, lends, stage, verifies);
          },
          1 + static_cast<int>(random_.below(3)));
    }
    const std::set<uint64_t> before = acknowledged();
    world.run();
    leave(world);
    if (all_lend && misfortunes.none()) expect_nothing_left();
    if (rot_random_.one_in(kRotOneIn)) rot(world.power_was_cut(), before);
  }

  std::set<uint64_t> acknowledged() const {
    std::set<uint64_t> seqs;
    for (const auto& entry : ledger_.entries) {
      if (entry.told.acknowledged) seqs.insert(entry.told.seq);
    }
    return seqs;
  }

  void rot(bool power_was_cut, const std::set<uint64_t>& before) {
    std::set<uint64_t> certain;
    if (!power_was_cut) {
      std::ranges::set_difference(acknowledged(), before, std::inserter(certain, certain.end()));
    }
    RotReport rot = rot_after_acknowledgement(image_, clock_, ledger_, certain, rot_random_);
    report_.rotted += rot.tried;
    report_.rot_refused += rot.refused;
    report_.rot_salvaged += rot.salvaged;
    std::ranges::move(rot.faults, std::back_inserter(ledger_.faults));
  }

  // Every caller lent a hand before it closed: the last of them folded whatever there was.
  void expect_nothing_left() {
    World world(image_, clock_, random_.next_u64(), {});
    world.start("Y", [&](World::Actor& actor) {
      Client client(actor.platform(), kRoot, ledger_, actor);
      if (!client.open()) return;
      const Result<StoreStatus> status = client.store()->status();
      if (!status) {
        ledger_.faults.push_back("status: " + status.error().message);
      } else if (status->committed != status->journaled) {
        ledger_.faults.push_back(fmt::format("the last caller left {} of {} records behind",
                                             status->journaled - status->committed,
                                             status->journaled));
      }
      client.close();
    });
    world.run();
    leave(world);
  }

  void act(World::Actor& actor, const std::vector<Step>& steps, bool reopens, bool lends,
           Stage stage, bool verifies) {
    Client client(actor.platform(), kRoot, ledger_, actor);
    client.wait_for(stage);
    if (lends) client.lend_a_hand_before_close();
    if (!client.open()) return;
    for (size_t i = 0; i < steps.size() && !actor.dead(); ++i) {
      client.run(steps[i]);
      if (lends) client.lend_a_hand();
      if (!reopens || i % 2 == 0) continue;
      client.close();
      if (!client.open()) return;
    }
    if (verifies && !actor.dead()) (void)client.store()->verify({});
    client.close();
  }

  void leave(World& world) {
    ++report_.worlds;
    report_.operations += world.operations();
    report_.kills += world.kills();
    report_.injected += world.injected();
    if (!world.deadlock().empty()) ledger_.faults.push_back("deadlock: " + world.deadlock());
    clock_ = world.machine().clock;
    clock_.set_sleeper({});
    const uint64_t capacity = image_.capacity_bytes;
    image_ = world.machine().disk.image();
    image_.capacity_bytes = capacity;
    if (!world.power_was_cut()) return;
    ++report_.power_cuts;
    PersistenceOptions options;
    options.seed = random_.next_u64();
    options.enumerate_max = 32;
    options.sample = 32;
    const DiskImage before = image_;
    const PersistenceChoices choices(before, options);
    const uint64_t k = random_.below(choices.count());
    if (trace_) fmt::print(stderr, "---- left: {}\n", choices.describe(k));
    image_ = choices.apply(k);
  }

  // The end: what was not acknowledged is handed over again, all is carried to the branch, and then
  // nothing is left to be done.
  void undisturbed() {
    for (const bool again : {false, true}) {
      World world(image_, clock_, random_.next_u64(), {});
      if (trace_) {
        world.print_trace();
        fmt::print(stderr, "---- the end{}\n", again ? ", once more" : "");
      }
      Picture before;
      if (again) before = look_at(image_);
      const bool retries = random_.coin();
      world.start("Z", [&](World::Actor& actor) {
        Client client(actor.platform(), kRoot, ledger_, actor);
        if (!client.open()) return;
        if (retries && !again) client.retry_unacknowledged();
        client.sync();
        client.verify();
        if (again && before.journal_begins_after == 0) {
          const Status replayed = client.store()->replay_into("/replayed", std::nullopt, {});
          // With a retention this sync may have trimmed.
          if (!replayed && replayed.error().code != Code::kUnsupported) {
            ledger_.faults.push_back("replay: " + replayed.error().message);
          }
        }
        client.close();
      });
      world.run();
      leave(world);
      const Picture picture = look_at(image_);
      for (std::string& fault : judge(picture, ledger_.told())) {
        ledger_.faults.push_back(std::move(fault));
      }
      if (!again) continue;
      if (names(picture) != names(before) || picture.last_seq() != before.last_seq()) {
        ledger_.faults.push_back("opening the store once more changed it");
      }
      if (picture.journal_begins_after == 0 && ledger_.faults.empty() &&
          names(look_at(image_, "/replayed")) != names(picture)) {
        ledger_.faults.push_back("a replay makes other commits");
      }
    }
  }
  static std::string names(const Picture& picture) {
    std::string all;
    for (const OwnCommit& commit : picture.commits) all += commit.id.hex() + " ";
    return all;
  }

  SimulatedRandom random_;
  SimulatedRandom rot_random_;  // so that what the rot tries changes nothing of the story
  bool trace_;
  DiskImage image_;
  SimulatedClock clock_;
  Ledger ledger_;
  StoryReport report_;
};

}  // namespace

StoryReport run_story(uint64_t seed, bool trace) {
  return Story(seed, trace).run();
}

}  // namespace syncline::simulation
