// Reads frames in journal order, across segments. One scanner, many visitors: apply, fold, verify,
// replay and log all read through this.
//
// A Reader needs no locks: what lies before a durable mark never changes. Not thread-safe; open one
// for each thread. Memory: one read buffer (grows to the largest frame met), and three parts of
// 4 MiB while a long log is read through.
#pragma once

#include <memory>
#include <optional>

#include "journal/log/format.h"
#include "journal/log/frame.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

enum class Reading : uint8_t {
  kSteps,    // a few frames, or what has come since the last time
  kThrough,  // all there is, as fast as the disk gives it
};

class Reader {
 public:
  // `directory` is the store's (.git/syncline), and must outlive the reader. `from` is a mark that
  // was durable: a frame boundary and the last seq before it. Mark{} starts at the first segment's
  // start. A mark in a trimmed segment stays valid as long as the journal still holds the record
  // after it.
  static Result<std::unique_ptr<Reader>> open(Directory& directory, const StoreId& store, Mark from,
                                              Reading reading = Reading::kSteps);
  ~Reader();

  // The next frame before `limit`, or nothing. The view is valid until the next call. kCorrupt
  // names segment and offset: before a durable mark nothing may be missing, whatever the fault
  // looks like. A segment trimmed meanwhile answers kNotFound.
  Result<std::optional<FrameView>> next(const Mark& limit);

  // After the last frame returned.
  const Mark& position() const;
  // Goes on behind `mark`, which is later, without reading what lies between. False where it is in
  // another segment: then a new reader is needed.
  bool skip_to(const Mark& mark);

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
