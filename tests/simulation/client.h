// What a program does with a store in a simulation, and what it was told: the ledger that the
// oracle holds the disk against.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/place/store_platform.h"
#include "syncline/store.h"
#include "tests/simulation/oracle.h"

namespace syncline::simulation {

enum class Step : uint8_t {
  kCreate,      // a record with a file of its own
  kAppend,      // a record that is a section of a shared file
  kSameKey,     // the last record again, by its key
  kIngest,      // three records in one group
  kFold,        // fold and publish
  kCheckpoint,  // files, directories and SQLite made durable
  kRotate,      // a record that fills the segment, and one that opens the next
  kTrim,        // fold and publish with a retention that lets old segments go
  kRetract,     // the last record that was acknowledged is taken away
  kReplay,      // the journal replayed into another directory
  kCount,
};
std::string_view step_name(Step step);

// The two kinds below, `retain_bytes_max`, and the smallest segments there are.
std::string configuration(uint64_t retain_bytes_max, uint64_t batch_records_max = 1000);

// Everything that was tried and told in one world, by all of its processes. Outlives them.
struct Ledger {
  struct Entry {
    Told told;
    Record record;
    bool told_new = false;  // somebody was told that this made the record
  };
  std::vector<Entry> entries;
  std::vector<std::string> faults;  // answers that no client may get

  size_t add(std::string kind, size_t body_bytes);
  std::vector<Told> told() const;
  // Of the last record that was acknowledged and that nobody has tried to take away.
  std::optional<size_t> retractable() const;
};

// How a client learns that its process died, or that a fault was injected into it: what it was
// answered then it never heard, or may be an error.
class Fate {
 public:
  virtual ~Fate() = default;
  virtual bool dead() const = 0;
  virtual bool errors_allowed() const = 0;
};

// That of a process to which nothing happens.
class LeftAlone final : public Fate {
 public:
  bool dead() const override { return false; }
  bool errors_allowed() const override { return false; }
};

class Client {
 public:
  Client(StorePlatform& platform, std::string root, Ledger& ledger, const Fate& fate)
      : platform_(platform), root_(std::move(root)), ledger_(ledger), fate_(fate) {}

  Status open();
  void close();
  // The stage that records are waited for; at first kApplied.
  void wait_for(Stage stage) { stage_ = stage; }
  // From the next open() on.
  void lend_a_hand_before_close() { lends_ = true; }
  void lend_a_hand();
  // False when the step was answered by an error; the ledger knows which were not allowed.
  bool run(Step step);
  // Hands every record over again that was not acknowledged: it must then be there once.
  void retry_unacknowledged();
  // Hands all of them over again: who was acknowledged must be told the same receipt.
  void retry_all();
  Store* store() { return store_.get(); }
  // Folds and publishes; what waits is a fault, for nobody stands in the way.
  bool sync();
  // The engine's own opinion.
  void verify();

 private:
  bool record(size_t entry);
  bool ingest(const std::vector<size_t>& entries);
  bool retract();
  bool same_key();
  bool replay();
  void acknowledge(size_t entry, const Receipt& receipt);
  // Notes an error that was not allowed; answers whether it was one.
  bool failed(std::string_view what, const Error& error);

  StorePlatform& platform_;
  std::string root_;
  Ledger& ledger_;
  const Fate& fate_;
  bool lends_ = false;
  Stage stage_ = Stage::kApplied;
  std::unique_ptr<Store> store_;
};

}  // namespace syncline::simulation
