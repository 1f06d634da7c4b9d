#include "tests/simulation/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace syncline::simulation {

namespace {
// A change of place is thus likely every few operations, and long undisturbed runs happen too.
constexpr uint64_t kSwitchOneIn = 4;
}  // namespace

World::Actor::Actor(World& world, std::string name, std::function<void(Actor&)> body)
    : world_(world),
      name_(std::move(name)),
      platform_(world.machine_.disk, world.machine_.sqlite, world.machine_.random,
                [this] { world_.pause(*this); }),
      body_(std::move(body)),
      fiber_([this] { body_(*this); }) {}

World::World(const DiskImage& image, const SimulatedClock& clock, uint64_t seed,
             Misfortunes misfortunes)
    : misfortunes_(std::move(misfortunes)),
      schedule_(seed),
      machine_(image, *this, clock, seed + 1),
      capacity_bytes_(image.capacity_bytes) {
  machine_.clock.set_sleeper([this](Deadline until) { rest(until); });
}

World::~World() {
  machine_.clock.set_sleeper({});
}

void World::start(std::string name, std::function<void(Actor&)> body, int lives) {
  launch({std::move(name), std::move(body), lives});
}

void World::launch(const Start& start) {
  actors_.push_back(std::unique_ptr<Actor>(new Actor(*this, start.name, start.body)));
  starts_.push_back(start);
}

void World::run() {
  while (!cut_) {
    Actor* const next = choose();
    if (next == nullptr) break;
    running_ = next;
    next->waiting_ = false;
    next->fiber_.resume();
    running_ = nullptr;
    if (next->fiber_.done()) end(*next);
  }
  unwind_dead();
}

World::Actor* World::choose() {
  while (true) {
    std::vector<Actor*> able;
    Deadline soonest;
    bool somebody = false;
    for (const auto& actor : actors_) {
      if (actor->fiber_.done()) continue;
      somebody = true;
      const bool due =
          !actor->until_.forever() && actor->until_.monotonic_ns <= machine_.clock.peek_ns();
      if (!actor->waiting_ || due || (actor->ready_ != nullptr && (*actor->ready_)())) {
        able.push_back(actor.get());
      } else if (actor->until_.monotonic_ns < soonest.monotonic_ns) {
        soonest = actor->until_;
      }
    }
    if (!somebody) return nullptr;
    if (!able.empty()) return able[schedule_.below(able.size())];
    if (soonest.forever()) {
      deadlock_ = "every process waits for ever";
      for (const auto& actor : actors_) {
        if (!actor->fiber_.done()) machine_.disk.kill(actor->platform_.process());
      }
      return nullptr;
    }
    machine_.clock.advance_to(soonest);
  }
}

// A process that has ended, by itself or by its death.
void World::end(Actor& actor) {
  if (!actor.dead() || actor.reaped_) return;
  actor.reaped_ = true;
  actor.platform_.reap();
  ++kills_;
  Start again = starts_[static_cast<size_t>(
      std::ranges::find_if(actors_, [&](const auto& each) { return each.get() == &actor; }) -
      actors_.begin())];
  if (!cut_ && --again.lives > 0) launch(again);
}

// After a power cut: what stands on the stacks is taken down; none of it has an effect.
void World::unwind_dead() {
  for (const auto& actor : actors_) {
    while (!actor->fiber_.done()) {
      if (!actor->dead()) machine_.disk.kill(actor->platform_.process());
      running_ = actor.get();
      actor->fiber_.resume();
      running_ = nullptr;
    }
  }
  if (cut_) machine_.sqlite.clear();
}

void World::let_others_run(Actor& actor) {
  if (running_ != &actor || actor.dead()) return;
  actor.fiber_.leave();
}

void World::pause(Actor& actor) {
  if (schedule_.one_in(kSwitchOneIn)) let_others_run(actor);
}

void World::rest(Deadline until) {
  Actor* const actor = running_;
  if (actor == nullptr || actor->dead()) {
    machine_.clock.advance_to(until);
    return;
  }
  actor->ready_ = nullptr;
  actor->until_ = until;
  actor->waiting_ = true;
  actor->fiber_.leave();
  actor->until_ = kForever;
}

void World::block(ProcessId /*process*/, const std::function<bool()>& ready, Deadline deadline) {
  Actor* const actor = running_;
  if (actor == nullptr || actor->dead() || ready()) return;
  actor->ready_ = &ready;
  actor->until_ = deadline;
  actor->waiting_ = true;
  actor->fiber_.leave();
  actor->ready_ = nullptr;
  actor->until_ = kForever;
}

Answer World::before(const DiskOperation& operation) {
  Actor* const actor = running_;
  if (actor == nullptr) return Answer::proceed();
  if (schedule_.one_in(kSwitchOneIn)) let_others_run(*actor);
  ++operations_;
  weather();
  if (operations_ == misfortunes_.cut_power_at) {
    trace(operation, "POWER CUT");
    cut_ = true;
    // What the one at work had begun to write may be there in part.
    const uint64_t landed = operation.call == Call::kWrite
                                ? schedule_.below(operation.bytes / kSectorBytes + 1) * kSectorBytes
                                : 0;
    for (const auto& each : actors_) {
      if (each.get() != actor && !each->dead()) machine_.disk.kill(each->platform_.process());
    }
    return Answer::crash(landed);
  }
  if (const auto answer = misfortune(operation, *actor)) return *answer;
  trace(operation, "");
  return Answer::proceed();
}

std::optional<Answer> World::misfortune(const DiskOperation& operation, Actor& actor) {
  if (std::ranges::find(misfortunes_.kill_at, operations_) != misfortunes_.kill_at.end()) {
    trace(operation, "KILLED");
    actor.platform_.note_death();
    return Answer::crash(operation.call == Call::kWrite ? schedule_.below(operation.bytes + 1) : 0);
  }
  for (Misfortunes::Fault& fault : misfortunes_.faults) {
    if (fault.call != operation.call || operations_ < fault.from || operations_ > fault.to)
      continue;
    if (fault.once) fault.to = 0;
    trace(operation, "FAILS");
    ++injected_;
    return Answer::fail(fault.sys_errno,
                        fault.lands_in_part ? schedule_.below(operation.bytes + 1) : 0);
  }
  return std::nullopt;
}

void World::weather() {
  for (const auto& jump : misfortunes_.clock_jumps) {
    if (jump.at == operations_) machine_.clock.jump_ms(jump.difference_ms);
  }
  if (misfortunes_.read_only_from != 0) {
    machine_.disk.set_read_only(operations_ >= misfortunes_.read_only_from &&
                                operations_ <= misfortunes_.read_only_to);
  }
  if (misfortunes_.full_from == operations_) {
    DiskImage& image = machine_.disk.image();
    image.capacity_bytes = image.used_bytes() + schedule_.below(32 * 1024);
  }
  if (misfortunes_.full_to == operations_) machine_.disk.image().capacity_bytes = capacity_bytes_;
}

void World::trace(const DiskOperation& operation, std::string_view what) {
  if (!print_trace_) return;
  fmt::print(stderr, "{:6} {} {:14} {} {}+{} {}\n", operations_,
             running_ == nullptr ? "-" : running_->name_, call_name(operation.call), operation.path,
             operation.offset, operation.bytes, what);
}

}  // namespace syncline::simulation
