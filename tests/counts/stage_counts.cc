// stage_counts DIR RECORDS STAGE: makes a store in DIR, takes RECORDS notes of 1,000 bytes to STAGE
// (journaled, applied, committed), and prints how often memory was taken from the C++ heap since.
//
// One thread does all of it, so that what counts_test.cc counts from outside is the same every
// time.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "engine/write/stage.h"
#include "syncline/store.h"

namespace {

uint64_t allocations = 0;

}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t /*bytes*/) noexcept {
  std::free(memory);
}

namespace syncline {
namespace {

constexpr uint64_t kWindow = 500;

// Text that does not compress to nothing, and is no two records' own.
std::string make_body() {
  std::string body;
  for (uint64_t word = 1; body.size() < 1000; ++word) {
    body += fmt::format("{:016x} ", word * 0x9e3779b97f4a7c15u);
  }
  body.resize(1000);
  return body;
}

Record note(uint64_t number) {
  static const std::string text = make_body();
  const std::string name = std::to_string(number);
  std::string body = text;
  body.replace(0, name.size(), name);
  return {.kind = "note",
          .fields = {{"title", "note number " + name}, {"body", std::move(body)}},
          .key = "key-" + name};
}

Status take(const std::string& root, uint64_t records, Stage stage) {
  const auto made = Store::init(root, {.profile = "notes"});
  if (!made) return made.error();
  const auto store = Store::open(root);
  if (!store) return store.error();
  allocations = 0;
  std::vector<Ticket> tickets;
  for (uint64_t number = 0; number < records; ++number) {
    auto ticket = (*store)->submit(note(number));
    if (!ticket) return ticket.error();
    tickets.push_back(std::move(*ticket));
    if (tickets.size() < kWindow && number + 1 < records) continue;
    for (const Ticket& each : tickets) {
      const bool last = number + 1 == records && &each == &tickets.back();
      const auto receipt = (*store)->wait(each, last ? stage : Stage::kJournaled);
      if (!receipt) return receipt.error();
    }
    tickets.clear();
  }
  fmt::print("{}\n", allocations);
  return {};
}

}  // namespace
}  // namespace syncline

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const auto* const rung =
      std::ranges::find(syncline::kLadder, std::string_view(argv[3]), &syncline::Rung::name);
  if (rung == syncline::kLadder.end()) return 64;
  const syncline::Status taken =
      syncline::take(argv[1], std::strtoull(argv[2], nullptr, 10), rung->stage);
  if (!taken) fmt::print(stderr, "{}\n", taken.error().message);
  return taken ? 0 : 1;
}
