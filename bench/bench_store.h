// What the benchmark programs share: a store in a scratch directory, and records of a size.
//
// The directory is made below TMPDIR: point that at the disk to be measured. An error ends the
// program: a benchmark that goes on after a failed call measures nothing.
#pragma once

#include <memory>
#include <string>

#include "syncline/store.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

[[noreturn]] void stop(const Error& error);

template <typename T>
T must(Result<T> result) {
  if (!result) stop(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class BenchStore {
 public:
  explicit BenchStore(StoreOptions options = {});
  Store& store() { return *store_; }
  const std::string& root() const { return root_; }

  // Records durable in the journal and no further.
  void journal_records(uint64_t count, uint64_t body_bytes);
  void reach(Stage stage);  // for every record so far

 private:
  TemporaryDirectory scratch_{"syncline-bench"};
  std::string root_;
  std::unique_ptr<Store> store_;
  uint64_t records_ = 0;
};

// A note whose body has this many bytes; `number` makes it differ from its neighbours.
Record note(uint64_t number, uint64_t body_bytes);

}  // namespace syncline
