// The ingest loop against a target that fails on demand, with a clock that only pauses move.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tools/ingest.h"

namespace syncline {
namespace {

class PausedClock final : public Clock {
 public:
  int64_t now_ms() override { return 0; }
  int64_t monotonic_ns() override { return now_ns_; }
  void pause_ns(int64_t duration_ns) override {
    now_ns_ += duration_ns;
    paused_ns_ += duration_ns;
  }
  int64_t paused_ns() const { return paused_ns_; }

 private:
  int64_t now_ns_ = 1;
  int64_t paused_ns_ = 0;
};

// Records in order; what `fail_wait` or `fail_submit` name by title fails so often.
class ScriptedTarget final : public IngestTarget {
 public:
  explicit ScriptedTarget(PausedClock& clock) : clock_(clock) {}

  Result<Ticket> submit(const Record& record, Deadline deadline) override {
    if (auto failed = take(fail_submit, record)) {
      if (failed->code == Code::kTimeout)
        clock_.pause_ns(deadline.monotonic_ns - clock_.monotonic_ns());
      return *failed;
    }
    submitted_.push_back(record);
    outstanding_max = std::max(outstanding_max, submitted_.size() - waited_);
    return Ticket();
  }

  // Tickets are waited for in the order they were handed out.
  Result<Receipt> wait(const Ticket&, Stage, Deadline) override {
    const Record& record = submitted_[waited_++];
    if (auto failed = take(fail_wait, record)) return *failed;
    const auto [known, added] = keys_.emplace(record.key, last_seq + 1);
    if (!record.key.empty() && !added) return Receipt{.seq = known->second, .duplicate = true};
    Receipt receipt{.seq = ++last_seq, .stage = Stage::kApplied};
    receipt.set_aside = set_aside[title(record)];
    written.push_back(title(record));
    return receipt;
  }

  static std::string title(const Record& record) {
    return record.fields.empty() ? "" : std::get<std::string>(record.fields[0].second);
  }

  struct Fault {
    Error error;
    int times = 1;
  };
  std::map<std::string, Fault> fail_submit, fail_wait;
  std::map<std::string, std::string> set_aside;
  std::vector<std::string> written;
  uint64_t last_seq = 0;
  size_t outstanding_max = 0;

 private:
  static std::optional<Error> take(std::map<std::string, Fault>& faults, const Record& record) {
    const auto fault = faults.find(title(record));
    if (fault == faults.end() || fault->second.times == 0) return std::nullopt;
    if (fault->second.times > 0) --fault->second.times;
    return fault->second.error;
  }
  PausedClock& clock_;
  std::vector<Record> submitted_;
  size_t waited_ = 0;
  std::map<std::string, uint64_t> keys_;
};

LineReader::Source text_source(std::string text) {
  return [text = std::move(text), at = size_t{0}](MutableByteSpan into) mutable -> Result<size_t> {
    const size_t count = std::min(into.size(), text.size() - at);
    std::memcpy(into.data(), text.data() + at, count);
    at += count;
    return count;
  };
}

std::string line(const std::string& title, const std::string& key = {}) {
  return R"({"kind":"note",)" + (key.empty() ? "" : R"("key":")" + key + R"(",)") +
         R"("fields":{"title":")" + title + "\"}}\n";
}

class IngestLoop : public testing::Test {
 protected:
  IngestReport run(LineReader::Source source, IngestOptions options = {}) {
    LineReader lines(std::move(source));
    IngestHooks hooks;
    hooks.reject = [&](uint64_t number, const std::string& reason, std::string_view raw) -> Status {
      rejected_.emplace_back(number, reason);
      rejected_raw_.emplace_back(raw);
      if (reject_fails_) return make_error(Code::kRetryLater, "the disk is full");
      return {};
    };
    hooks.remark = [&](uint64_t number, const std::string&) { remarked_.push_back(number); };
    hooks.waiting = [&](const std::string& reason) {
      if (!reason.empty()) waited_for_.push_back(reason);
    };
    hooks.progress = [&](const IngestReport& report) {
      if (report.read >= stop_after_) stop_ = true;
    };
    hooks.stop = [&] { return stop_; };
    Ingest ingest(target_, lines, clock_, options, std::move(hooks));
    IngestReport report = ingest.run();
    failure_ = ingest.failure();
    timed_out_ = ingest.timed_out();
    EXPECT_EQ(report.read, report.accepted + report.duplicates + report.rejected + report.unknown +
                               report.not_written)
        << "each line ends in exactly one count";
    return report;
  }
  IngestReport run(const std::string& text, IngestOptions options = {}) {
    return run(text_source(text), options);
  }

  PausedClock clock_;
  ScriptedTarget target_{clock_};
  std::vector<std::pair<uint64_t, std::string>> rejected_;
  std::vector<std::string> rejected_raw_;
  std::vector<uint64_t> remarked_;
  std::vector<std::string> waited_for_;
  std::optional<Error> failure_;
  bool timed_out_ = false;
  bool stop_ = false;
  bool reject_fails_ = false;
  uint64_t stop_after_ = UINT64_MAX;
};

TEST_F(IngestLoop, EmptyInputIsNoError) {
  const IngestReport report = run("");
  EXPECT_EQ(report.read, 0u);
  EXPECT_EQ(report.first_seq, 0u);
  EXPECT_TRUE(report.stopped.empty());
  EXPECT_FALSE(failure_);
}

TEST_F(IngestLoop, LinesGoInInOrder) {
  const IngestReport report = run(line("a") + line("b") + line("c"));
  EXPECT_EQ(report.accepted, 3u);
  EXPECT_EQ(report.first_seq, 1u);
  EXPECT_EQ(report.last_seq, 3u);
  EXPECT_EQ(target_.written, (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(IngestLoop, BadLinesAreKeptWithTheirNumberAndTheRestGoesIn) {
  const IngestReport report = run(line("a") + "not json\n" + line("b") + "\n{}\n");
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.rejected, 2u);
  ASSERT_EQ(rejected_.size(), 2u);
  EXPECT_EQ(rejected_[0].first, 2u);
  EXPECT_EQ(rejected_raw_[0], "not json");
  EXPECT_EQ(rejected_[1].first, 5u);
}

TEST_F(IngestLoop, WhatTheStoreRefusesIsRejectedWithItsRawLine) {
  target_.fail_submit["b"] = {make_error(Code::kInvalid, "no such kind")};
  target_.fail_wait["c"] = {make_error(Code::kKeyConflict, "the key is taken")};
  const IngestReport report = run(line("a") + line("b") + line("c") + line("d"));
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.rejected, 2u);
  EXPECT_EQ(rejected_[0].second, "no such kind");
  EXPECT_EQ(rejected_[1].first, 3u);
  EXPECT_EQ(rejected_raw_[1] + "\n", line("c"));
}

TEST_F(IngestLoop, DuplicatesAreCountedNotAccepted) {
  const IngestReport report = run(line("a", "k1") + line("a", "k1") + line("b", "k2"));
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.duplicates, 1u);
  EXPECT_EQ(report.last_seq, 2u);
}

TEST_F(IngestLoop, StrictStopsAtTheFirstBadLine) {
  const IngestReport report = run(line("a") + "x\n" + line("b"), {.strict = true});
  EXPECT_EQ(report.accepted, 1u);
  EXPECT_EQ(report.rejected, 1u);
  EXPECT_EQ(report.read, 2u);
  EXPECT_NE(report.stopped.find("line 2"), std::string::npos);
}

TEST_F(IngestLoop, AFullDiskIsWaitedOutAndTheLineGoesIn) {
  target_.fail_wait["b"] = {make_error(Code::kRetryLater, "the disk is full"), 5};
  const IngestReport report = run(line("a") + line("b") + line("c"));
  EXPECT_EQ(report.accepted, 3u);
  EXPECT_EQ(report.not_written, 0u);
  EXPECT_EQ(waited_for_.size(), 5u);
  EXPECT_GT(clock_.paused_ns(), 0);
  EXPECT_EQ(std::count(target_.written.begin(), target_.written.end(), "b"), 1);
}

TEST_F(IngestLoop, AFullBacklogIsWaitedOut) {
  target_.fail_submit["b"] = {make_error(Code::kTimeout, "the queue is full"), 4};
  const IngestReport report = run(line("a") + line("b"));
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(waited_for_.size(), 4u);
}

TEST_F(IngestLoop, ADiskThatStaysFullEndsAtTheTimeLimit) {
  target_.fail_wait["b"] = {make_error(Code::kRetryLater, "the disk is full"), -1};
  const IngestReport report = run(line("a") + line("b"), {.deadline = clock_.after_ms(10'000)});
  EXPECT_EQ(report.accepted, 1u);
  EXPECT_EQ(report.not_written, 1u);
  EXPECT_TRUE(timed_out_);
  EXPECT_LE(clock_.paused_ns(), 11'000'000'000);
}

TEST_F(IngestLoop, AStopFinishesWhatWasHandedOver) {
  stop_after_ = 3;
  const IngestReport report = run(line("a") + line("b") + line("c") + line("d") + line("e"));
  EXPECT_EQ(report.read, 3u);
  EXPECT_EQ(report.accepted, 3u);
  EXPECT_FALSE(report.stopped.empty());
  EXPECT_FALSE(failure_);
}

TEST_F(IngestLoop, AnUnknownOutcomeIsNeitherAcceptedNorRejected) {
  target_.fail_wait["b"] = {make_error(Code::kOutcomeUnknown, "the flush failed")};
  const IngestReport report = run(line("a") + line("b") + line("c"));
  EXPECT_EQ(report.unknown, 1u);
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(remarked_, std::vector<uint64_t>{2});
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, Code::kOutcomeUnknown);
}

TEST_F(IngestLoop, ABrokenStoreStopsItAndNothingIsCalledAccepted) {
  target_.fail_submit["b"] = {make_error(Code::kIo, "the disk is gone"), -1};
  const IngestReport report = run(line("a") + line("b") + line("c"));
  EXPECT_EQ(report.accepted, 1u);
  EXPECT_EQ(report.not_written, 1u);
  EXPECT_EQ(report.read, 2u);
  EXPECT_TRUE(failure_);
}

TEST_F(IngestLoop, ADurableRecordThatFailsLaterIsAccepted) {
  Error error = make_error(Code::kIo, "the database is gone");
  error.seq = 7;
  target_.fail_wait["a"] = {error};
  const IngestReport report = run(line("a"));
  EXPECT_EQ(report.accepted, 1u);
  EXPECT_EQ(report.last_seq, 7u);
  EXPECT_TRUE(failure_);
}

TEST_F(IngestLoop, SetAsideIsAcceptedAndSaid) {
  target_.set_aside["b"] = "a directory is in the way";
  const IngestReport report = run(line("a") + line("b"));
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.set_aside, 1u);
  EXPECT_EQ(remarked_, std::vector<uint64_t>{2});
}

TEST_F(IngestLoop, ALineThatCannotBeKeptEndsIt) {
  reject_fails_ = true;
  const IngestReport report = run("bad\n" + line("a"));
  EXPECT_EQ(report.rejected, 1u);
  EXPECT_EQ(report.read, 1u);
  EXPECT_TRUE(failure_);
}

TEST_F(IngestLoop, AReadErrorEndsItButLosesNothing) {
  int reads = 0;
  const IngestReport report = run([&](MutableByteSpan into) -> Result<size_t> {
    if (reads++ > 0) return make_error(Code::kIo, "input/output error");
    const std::string text = line("a") + line("b") + R"({"kind":"note","fi)";
    std::memcpy(into.data(), text.data(), text.size());
    return text.size();
  });
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.read, 2u) << "half a line is not a line";
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->code, Code::kIo);
}

TEST_F(IngestLoop, OutstandingLinesAreBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += line("t" + std::to_string(i));
  const IngestReport report = run(text, {.tickets_max = 10});
  EXPECT_EQ(report.accepted, 1000u);
  EXPECT_LE(target_.outstanding_max, 10u);
}

TEST_F(IngestLoop, OutstandingBytesAreBounded) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += line(std::string(1000, 'x') + std::to_string(i));
  const IngestReport report = run(text, {.bytes_max = 5000});
  EXPECT_EQ(report.accepted, 100u);
  EXPECT_LE(target_.outstanding_max, 6u);
}

TEST_F(IngestLoop, AnOverlongLineIsRejectedAndTheRestGoesIn) {
  const std::string text = line("a") + std::string(kLineBytesMax + 10, 'x') + "\n" + line("b");
  const IngestReport report = run(text);
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.rejected, 1u);
  EXPECT_EQ(rejected_[0].first, 2u);
}

}  // namespace
}  // namespace syncline
