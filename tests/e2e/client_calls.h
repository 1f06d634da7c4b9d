// What the clients of the torture and power tests ask for: one command line each, of an `elf`
// store.
//
// A record is a function of its key: its kind, fields and length follow from the key's text, so
// that whoever asks again with the same key asks for the same record, and the row that carries the
// key as its title can be found again by the sqlite3 program.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/subprocess.h"

namespace syncline {

struct WantedRecord {
  std::string kind;
  std::vector<std::pair<std::string, std::string>> fields;
};
WantedRecord wanted_record(const std::string& key);

struct ClientCall {
  std::vector<std::string> arguments;  // of `syncline --store ROOT`
  std::string input;                   // its standard input
  std::vector<std::string> keys;       // the records it asks for; empty: it only looks or syncs
  bool one_receipt = false;            // it answers a receipt (record), not a report (ingest)

  ProcessOptions options() const;
};

ClientCall record_call(const std::string& key, const std::string& stage = "applied");
ClientCall ingest_call(const std::vector<std::string>& keys);

// SYNCLINE_TEST_SEED, or one of its own.
uint64_t test_seed();

// The random choices of one test: everything it decides comes from here.
class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t limit) { return random_() % limit; }
  uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }
  bool one_in(uint64_t times) { return below(times) == 0; }
  std::string stage();  // one that needs no remote
  template <typename Item>
  const Item& of(const std::vector<Item>& items) {
    return items[below(items.size())];
  }
  std::mt19937_64& engine() { return random_; }

 private:
  std::mt19937_64 random_;
};

}  // namespace syncline
