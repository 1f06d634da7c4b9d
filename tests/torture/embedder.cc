// A program that embeds a store, for the torture tests to kill: threads of the store in the
// background, threads of its own recording, and a line on standard output for each receipt.
//
//   embedder ROOT THREADS KEY…
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "syncline/store.h"
#include "tests/e2e/client_calls.h"

namespace syncline {
namespace {

Record record_of(const std::string& key) {
  const WantedRecord wanted = wanted_record(key);
  Record record{.kind = wanted.kind, .key = key};
  for (const auto& [name, value] : wanted.fields) record.fields.emplace_back(name, value);
  return record;
}

// One write a line, so that a kill leaves whole lines and at most one cut short.
bool say(const Receipt& receipt, const std::string& key) {
  const nlohmann::json line{{"key", key},           {"seq", receipt.seq},
                            {"id", receipt.id},     {"table", receipt.table},
                            {"path", receipt.path}, {"duplicate", receipt.duplicate}};
  const std::string text = line.dump() + "\n";
  return write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

int run(const std::string& root, size_t threads, const std::vector<std::string>& keys) {
  const auto store = Store::open(root, {.background = true});
  if (!store) {
    std::fprintf(stderr, "open: %s\n", store.error().message.c_str());
    return 1;
  }
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  {
    std::vector<std::jthread> workers;
    while (workers.size() < threads) {
      workers.emplace_back([&] {
        for (size_t index = next++; index < keys.size(); index = next++) {
          const auto receipt = (*store)->record(record_of(keys[index]));
          if (!receipt) std::fprintf(stderr, "record: %s\n", receipt.error().message.c_str());
          if (!receipt || !say(*receipt, keys[index])) failed = true;
        }
      });
    }
  }
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace syncline

int main(int count, char** arguments) {
  if (count < 4) return 64;
  return syncline::run(arguments[1], std::strtoul(arguments[2], nullptr, 10),
                       {arguments + 3, arguments + count});
}
