#include "tests/fuzz/journal_history.h"

#include <cerrno>
#include <memory>

#include "journal/base/assert.h"
#include "journal/base/layout.h"
#include "journal/log/frame.h"
#include "tests/journal/log/journal_testing.h"
#include "tests/simulation/test_machine.h"

namespace syncline::fuzz {
namespace {

using simulation::Call;
using simulation::FaultPlan;
using simulation::SimulatedCrash;
using simulation::TestMachine;

// Writes one history: a store's processes one after the other, on a simulated disk.
class Author {
 public:
  explicit Author(std::string name) : root_(machine_.open()) {
    history_.name = std::move(name);
    must(Journal::create(*root_, test_store(), clock_, history_options()));
    open();
  }

  void open() {
    journal_.reset();
    auto opened = open_journal(*root_, clock_, history_options());
    must(opened);
    journal_ = std::move(*opened);
  }
  // The process dies; `page_lost`: the machine went down with it, and the page with that.
  void die(bool page_lost) {
    journal_.reset();
    root_.reset();
    machine_.kill();
    root_ = machine_.open();
    if (page_lost) std::ranges::fill(page(), std::byte{0});
  }

  // A group of records (and a control frame now and then), as one append.
  Appended append_group(size_t records, size_t payload_bytes) {
    std::vector<std::string> texts;
    std::vector<NewFrame> frames;
    for (size_t i = 0; i < records; ++i) {
      texts.push_back("record " + std::to_string(++texts_) + " ");
      texts.back().resize(std::max(texts.back().size(), payload_bytes), 'r');
    }
    const std::string control = "control " + std::to_string(++texts_);
    for (const std::string& text : texts) frames.push_back(record_frame(text, texts_, 1000));
    if (texts_ % 3 == 0) {
      frames.push_back(control_frame(control));
      history_.controls.insert(control);
    }
    const auto appended = append(*journal_, frames);
    must(appended);
    for (size_t i = 0; i < records; ++i) {
      history_.records[appended->first_seq + i].insert(texts[i]);
    }
    return *appended;
  }
  void flush(const Appended& appended) {
    must(journal_->flush(appended));
    history_.acknowledged = std::max(history_.acknowledged, appended.mark.seq);
  }
  void record_group(size_t records, size_t payload_bytes) {
    flush(append_group(records, payload_bytes));
  }
  void fail_next_sync() { machine_.plan.fail_at(1, EIO, FaultPlan::kOnce, Call::kSync); }
  void die_in_next_sync() { machine_.plan.crash_at(1); }
  simulation::DiskImage& disk() { return machine_.image(); }
  Journal& journal() { return *journal_; }

  JournalHistory finish() {
    const Position durable = journal_->durable().position;
    history_.page.assign(page().begin(), page().end());
    die(false);
    const auto directory = root_->open_directory(kJournalDirectory);
    must(directory);
    const auto names = (*directory)->list(".");
    must(names);
    for (const std::string& name : *names) {
      history_.files[name] = machine_.image().bytes(std::string(kJournalDirectory) + "/" + name);
    }
    for (const auto& [name, bytes] : history_.files) {
      if (name.ends_with(".seg")) take_segment(name, bytes, durable);
    }
    return std::move(history_);
  }

 private:
  template <typename T>
  static void must(const Result<T>& result) {
    SYNCLINE_ASSERT(result.has_value());
  }
  MutableByteSpan page() { return machine_.page("control"); }

  void take_segment(const std::string& name, const ByteVector& bytes, Position durable) {
    const uint64_t segment = load_le<uint64_t>(bytes.data() + 48);
    const auto header = decode_segment_header(bytes, test_store(), segment);
    must(header);
    history_.durable_bytes[name] = segment == durable.segment ? durable.offset : 0;
    const auto next = history_.files.find(segment_name(segment + 1));
    if (next != history_.files.end()) {
      history_.durable_bytes[name] = load_le<uint64_t>(next->second.data() + 80);
    }
    const FrameContext context{test_store(), segment, header->epoch};
    for (uint64_t at = kSegmentHeaderBytes; at < bytes.size(); at += kFrameAlignBytes) {
      FrameView frame;
      if (decode_frame(ByteSpan(bytes).subspan(at), context, at, frame) != FrameFault::kNone) {
        continue;
      }
      history_.frames.push_back(
          {name, segment, header->epoch, at, frame.frame_bytes, frame.seq, frame.durable_seq});
    }
  }

  TestMachine machine_;
  std::unique_ptr<Directory> root_;
  StillClock clock_;
  std::unique_ptr<Journal> journal_;
  JournalHistory history_;
  size_t texts_ = 0;
};

// Just made. Nothing is in it that could contradict its header.
JournalHistory empty() {
  Author author("empty");
  return author.finish();
}

JournalHistory one_segment() {
  Author author("one segment");
  for (size_t i = 1; i <= 5; ++i) author.record_group(i % 3 + 1, 40 * i);
  return author.finish();
}

JournalHistory rotated() {
  Author author("rotated");
  for (size_t i = 0; i < 7; ++i) author.record_group(2, i % 4 == 0 ? 3000 : 700);
  return author.finish();
}

JournalHistory trimmed() {
  Author author("trimmed");
  for (size_t i = 0; i < 7; ++i) author.record_group(2, i % 4 == 0 ? 3000 : 700);
  const auto trimmed = author.journal().trim(author.journal().durable());
  SYNCLINE_ASSERT(trimmed.has_value() && *trimmed > 0);
  for (size_t i = 0; i < 3; ++i) author.record_group(2, 1500);
  return author.finish();
}

// Records 4 and 5 are appended, not flushed; the cut takes 4, and others get these numbers.
JournalHistory torn_and_cut() {
  Author author("torn and cut");
  author.record_group(3, 100);
  const uint64_t torn_at = author.journal().end().position.offset;
  author.append_group(1, 200);
  author.append_group(1, 200);
  author.die(true);
  const std::string path = std::string(kJournalDirectory) + "/" + segment_name(1);
  ByteVector bytes = author.disk().bytes(path);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(torn_at), 512, std::byte{0});
  author.disk().set_bytes(path, bytes);
  author.open();
  author.record_group(2, 300);
  author.record_group(3, 60);
  return author.finish();
}

// A flush fails: the segment is left, what was above the durable mark is carried over.
JournalHistory abandoned() {
  Author author("abandoned");
  author.record_group(2, 100);
  author.append_group(2, 500);
  const Appended last = author.append_group(2, 100);
  author.fail_next_sync();
  author.flush(last);
  author.record_group(2, 100);
  return author.finish();
}

// The last groups were never flushed: any of them may be missing, and none is claimed.
JournalHistory unflushed_tail() {
  Author author("unflushed tail");
  author.record_group(3, 100);
  author.record_group(1, 5000);
  for (size_t i = 0; i < 3; ++i) author.append_group(2, 100 + 400 * i);
  return author.finish();
}

// The process died inside a flush, which the page tells.
JournalHistory flush_interrupted() {
  Author author("flush interrupted");
  author.record_group(3, 100);
  const Appended last = author.append_group(2, 300);
  author.die_in_next_sync();
  bool died = false;
  try {
    static_cast<void>(author.journal().flush(last));
  } catch (const SimulatedCrash&) {
    died = true;
  }
  SYNCLINE_ASSERT(died);
  return author.finish();
}

}  // namespace

JournalOptions history_options() {
  JournalOptions options;
  options.segment_bytes_max = 8u << 10;
  options.prepare_bytes = 4u << 10;
  options.control_reserve_bytes = 4u << 10;
  options.direct_io = false;
  return options;
}

const std::vector<JournalHistory>& journal_histories() {
  static const std::vector<JournalHistory> histories = [] {
    std::vector<JournalHistory> made;
    for (const auto& make : {one_segment, rotated, trimmed, torn_and_cut, abandoned, unflushed_tail,
                             flush_interrupted, empty}) {
      made.push_back(make());
    }
    return made;
  }();
  return histories;
}

}  // namespace syncline::fuzz
