// What `syncline bench` measures: for about as long as it is told, in stores that it makes new.
//
// Every function answers what was done a second, counted from the first to the moment at which the
// last has reached the stage. Failure: an error, and nothing of it is a figure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "syncline/store.h"

namespace syncline {

class BenchRuns {
 public:
  static constexpr size_t kBodyBytes = 1000;

  // `directory` is empty, and on the file system that is to be measured; it outlives this.
  explicit BenchRuns(std::string directory) : directory_(std::move(directory)) {}

  // One block after another written over and flushed, as the journal does for one caller.
  Result<double> disk_flushes(double seconds);
  // Each caller waits until its record is durable before it makes the next.
  Result<double> callers(int threads, double seconds);
  // Handed over without a pause, a window of records on their way. kCommitted: published as well.
  Result<double> stream(Stage stage, double seconds);
  // `syncline record` as a process for each record, some of them at once, until applied.
  Result<double> one_shot(int processes, double seconds);

 private:
  Result<std::string> fresh_root();
  Result<std::unique_ptr<Store>> fresh_store(bool background);

  std::string directory_;
  uint64_t stores_ = 0;
};

}  // namespace syncline
