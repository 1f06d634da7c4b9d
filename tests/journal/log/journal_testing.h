// What the tests of the journal share: a store id, a clock that stands still, short ways to append
// and to read everything back.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/base/try.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"
#include "journal/log/segment.h"

namespace syncline {

inline StoreId test_store(uint8_t last = 1) {
  StoreId store;
  for (size_t i = 0; i < store.bytes.size(); ++i) store.bytes[i] = static_cast<std::byte>(0xa0 + i);
  store.bytes[15] = static_cast<std::byte>(last);
  return store;
}

class StillClock final : public Clock {
 public:
  int64_t now_ms() override { return wall_ms; }
  int64_t monotonic_ns() override { return ++ticks; }
  void pause_ns(int64_t duration_ns) override { ticks += duration_ns; }
  int64_t wall_ms = 1'700'000'000'000;
  int64_t ticks = 0;
};

inline JournalOptions small_options() {
  JournalOptions options;
  options.segment_bytes_max = 64u << 10;
  options.prepare_bytes = 16u << 10;
  options.control_reserve_bytes = 8u << 10;
  options.direct_io = false;
  return options;
}

struct Entry {
  Operation operation = Operation::kCreate;
  uint64_t seq = 0;
  uint64_t id = 0;
  int64_t time_ms = 0;
  std::string payload;
  Position position;
  bool operator==(const Entry&) const = default;
};

inline NewFrame record_frame(std::string_view payload, uint64_t id = 1, int64_t time_ms = 1000) {
  return {Operation::kCreate, id, time_ms, as_bytes(payload), hash_payload(as_bytes(payload))};
}
inline NewFrame control_frame(std::string_view payload, int64_t time_ms = 1000) {
  return {Operation::kBatch, 0, time_ms, as_bytes(payload), hash_payload(as_bytes(payload))};
}

inline Result<Appended> append(Journal& journal, std::vector<NewFrame> frames) {
  TRY_ASSIGN(AppendTurn turn, journal.begin_append());
  for (NewFrame& frame : frames) {
    if (is_record(frame.operation)) frame.time_ms = std::max(frame.time_ms, turn.last_time_ms());
  }
  return turn.append(frames);
}
inline Result<Appended> append_text(Journal& journal, std::string_view payload) {
  return append(journal, {record_frame(payload)});
}
// Appended and acknowledged.
inline Result<Appended> record_text(Journal& journal, std::string_view payload) {
  TRY_ASSIGN(const Appended appended, append_text(journal, payload));
  TRY(journal.flush(appended));
  return appended;
}

inline Result<std::unique_ptr<Journal>> open_journal(Directory& directory, Clock& clock,
                                                     const JournalOptions& options,
                                                     std::span<const DurableClaim> claims = {}) {
  return Journal::open(directory, test_store(), clock, make_plain_ring(), options, claims);
}

inline Result<std::vector<Entry>> read_entries(Directory& directory, const Mark& limit,
                                               Mark from = {}) {
  TRY_ASSIGN(const auto reader, Reader::open(directory, test_store(), from));
  std::vector<Entry> entries;
  for (;;) {
    TRY_ASSIGN(const auto frame, reader->next(limit));
    if (!frame) return entries;
    entries.push_back({frame->operation, frame->seq, frame->id, frame->time_ms,
                       std::string(as_text(frame->payload)), frame->position});
  }
}
inline std::vector<std::string> payloads(const std::vector<Entry>& entries) {
  std::vector<std::string> texts;
  for (const Entry& entry : entries) texts.push_back(entry.payload);
  return texts;
}
// The payloads of everything in the log, or the error's text in their place.
inline std::vector<std::string> contents(Directory& directory, const Journal& journal) {
  const auto entries = read_entries(directory, journal.end());
  if (!entries) return {"error: " + entries.error().message};
  return payloads(*entries);
}

template <typename T>
std::string error_of(const Result<T>& result) {
  return result ? "no error"
                : std::string(code_name(result.error().code)) + ": " + result.error().message;
}
#define ASSERT_OK(expression)                      \
  do {                                             \
    const auto& result_of = (expression);          \
    ASSERT_TRUE(result_of) << error_of(result_of); \
  } while (false)
#define EXPECT_OK(expression)                      \
  do {                                             \
    const auto& result_of = (expression);          \
    EXPECT_TRUE(result_of) << error_of(result_of); \
  } while (false)

}  // namespace syncline
