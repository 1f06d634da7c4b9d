// Several processes on one simulated machine, and the one who decides what happens: which of them
// runs next, what fails, who dies and when power goes.
//
//   Actor (a process): a fiber with its own platform, VFS and disk handles
//      │ every disk operation, lock, page wait, pause and SQLite lock
//      ▼
//   World (the conductor): draws from the seed ──► let another run │ fail │ kill │ cut the power
//
// One thread, one seed: the same seed gives the same run, operation by operation. Time passes only
// as operations are done and when everybody waits. Everybody waiting for ever is a deadlock, which
// is a fault of the engine and reported as one.
//
// A process that is killed is unwound at once, before another runs: its locks are free, what it did
// to shared memory meanwhile is undone. Power that is cut kills all; the world is then over, and
// its disk's image is what a power cut may leave in many ways (persistence.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/fiber.h"
#include "tests/simulation/machine.h"

namespace syncline::simulation {

// What goes wrong, at which of the world's operations (numbered from 1, those that change something
// and those that do not alike). Zero: never.
struct Misfortunes {
  uint64_t cut_power_at = 0;
  std::vector<uint64_t> kill_at;  // whoever does the operation
  struct Fault {
    uint64_t from = 0, to = 0;  // operations
    Call call = Call::kWrite;
    int sys_errno = 0;
    bool once = false;
    bool lands_in_part = false;  // of a write
  };
  std::vector<Fault> faults;
  struct ClockJump {
    uint64_t at = 0;
    int64_t difference_ms = 0;
  };
  std::vector<ClockJump> clock_jumps;
  uint64_t read_only_from = 0, read_only_to = 0;
  uint64_t full_from = 0, full_to = 0;

  bool any_error() const { return !faults.empty() || read_only_from != 0 || full_from != 0; }
  bool none() const { return cut_power_at == 0 && kill_at.empty() && !any_error(); }
};

class World final : public Conductor {
 public:
  World(const DiskImage& image, const SimulatedClock& clock, uint64_t seed,
        Misfortunes misfortunes);
  ~World() override;

  // One process, from its start to its end.
  class Actor final : public Fate {
   public:
    SimulatedPlatform& platform() { return platform_; }
    bool dead() const override { return platform_.dead(); }
    bool errors_allowed() const override { return world_.misfortunes_.any_error(); }
    const std::string& name() const { return name_; }

   private:
    friend class World;
    Actor(World& world, std::string name, std::function<void(Actor&)> body);

    World& world_;
    std::string name_;
    SimulatedPlatform platform_;
    std::function<void(Actor&)> body_;
    Fiber fiber_;
    bool reaped_ = false;
    // Why it does not run; nothing: it could.
    const std::function<bool()>* ready_ = nullptr;
    Deadline until_;
    bool waiting_ = false;
  };

  // `again`: a process of this name starts anew when it was killed, as by a supervisor.
  void start(std::string name, std::function<void(Actor&)> body, int lives = 1);
  // Until every process has ended or power is cut.
  void run();

  bool power_was_cut() const { return cut_; }
  uint64_t operations() const { return operations_; }
  uint64_t kills() const { return kills_; }
  uint64_t injected() const { return injected_; }
  const std::string& deadlock() const { return deadlock_; }
  Machine& machine() { return machine_; }
  void print_trace() { print_trace_ = true; }

  Answer before(const DiskOperation& operation) override;
  void block(ProcessId process, const std::function<bool()>& ready, Deadline deadline) override;

 private:
  struct Start {
    std::string name;
    std::function<void(Actor&)> body;
    int lives = 0;
  };
  void launch(const Start& start);
  // Inside of a process: lets go of the thread until the scheduler comes back to it.
  void let_others_run(Actor& actor);
  void pause(Actor& actor);
  void rest(Deadline until);
  Actor* choose();
  void end(Actor& actor);
  void unwind_dead();
  std::optional<Answer> misfortune(const DiskOperation& operation, Actor& actor);
  void weather();
  Actor* running() { return running_; }
  void trace(const DiskOperation& operation, std::string_view what);

  Misfortunes misfortunes_;
  SimulatedRandom schedule_;
  Machine machine_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::vector<Start> starts_;  // by actor
  Actor* running_ = nullptr;
  uint64_t operations_ = 0;
  uint64_t kills_ = 0, injected_ = 0;
  uint64_t capacity_bytes_;
  bool cut_ = false;
  bool print_trace_ = false;
  std::string deadlock_;
};

}  // namespace syncline::simulation
