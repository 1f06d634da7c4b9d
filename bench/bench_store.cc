#include "bench/bench_store.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace syncline {

void stop(const Error& error) {
  std::fprintf(stderr, "benchmark stopped: %s\n", error.message.c_str());
  std::exit(1);
}

Record note(uint64_t number, uint64_t body_bytes) {
  std::string body = "record " + std::to_string(number) + " ";
  while (body.size() < body_bytes) body += "the quick brown fox jumps over the lazy dog\n";
  body.resize(body_bytes);
  return {.kind = "note", .fields = {{"title", "note " + std::to_string(number)}, {"body", body}}};
}

BenchStore::BenchStore(StoreOptions options) : root_((scratch_ / "store").string()) {
  must(Store::init(root_, {.profile = "notes"}));
  store_ = must(Store::open(root_, options));
}

void BenchStore::journal_records(uint64_t count, uint64_t body_bytes) {
  // In handfuls: without background threads the queue is written by whoever waits.
  constexpr uint64_t kHandful = 256;
  std::vector<Ticket> tickets;
  for (uint64_t done = 0; done < count;) {
    tickets.clear();
    for (; done < count && tickets.size() < kHandful; ++done) {
      tickets.push_back(must(store_->submit(note(++records_, body_bytes))));
    }
    for (const Ticket ticket : tickets) must(store_->wait(ticket, Stage::kJournaled));
  }
}

void BenchStore::reach(Stage stage) {
  // One record more, waited for as far as asked: stages are reached in order.
  must(store_->record(note(++records_, 16), stage));
}

}  // namespace syncline
