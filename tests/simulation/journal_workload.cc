#include "tests/simulation/journal_workload.h"

#include "journal/base/assert.h"
#include "tests/simulation/persistence.h"

namespace syncline::simulation {
namespace {

// The wall clock is a year ahead, behind, right: no time in the journal may run backward.
constexpr int64_t kJumpsMs[] = {0, SimulatedClock::kYearMs, -2 * SimulatedClock::kYearMs};

// Payloads of one sector, of several, and beyond a block.
constexpr uint32_t kRecordBytes[] = {90, 700, 1500, 300};
constexpr uint32_t kControlBytes = 120;
constexpr uint32_t kFillerBytes = 40;

// Made once: the image before anybody has opened the journal.
DiskImage created_image() {
  SimulatedClock clock;
  FaultPlan plan(&clock);
  Disk disk(DiskImage(), plan, clock);
  const auto root = disk.open(0);
  SYNCLINE_ASSERT(root && Journal::create(**root, test_store(), clock, tiny_options()));
  return with_everything_synced(disk.image());
}

}  // namespace

std::string spell(const Word& word) {
  std::string text;
  for (const Step& step : word) {
    if (step.actor == 1) text += '\'';
    text += step.operation;
  }
  return text;
}

Word parse_word(std::string_view text) {
  Word word;
  unsigned actor = 0;
  for (const char c : text) {
    if (c == '\'') {
      actor = 1;
      continue;
    }
    word.push_back({c, actor});
    actor = 0;
  }
  return word;
}

std::vector<Word> words_of_length(size_t length) {
  std::vector<Word> words{{}};
  for (size_t i = 0; i < length; ++i) {
    std::vector<Word> longer;
    for (const Word& word : words) {
      for (unsigned actor = 0; actor < (i == 0 ? 1u : 2u); ++actor) {
        for (const char operation : kOperations) {
          longer.push_back(word);
          longer.back().push_back({operation, actor});
        }
      }
    }
    words = std::move(longer);
  }
  return words;
}

JournalOptions tiny_options() {
  JournalOptions options;
  options.segment_bytes_max = 16u << 10;
  options.prepare_bytes = 4u << 10;
  options.control_reserve_bytes = 4u << 10;
  options.direct_io = false;
  return options;
}

Workload::Workload(Conductor& conductor, SimulatedClock& clock)
    : disk(
          [] {
            static const DiskImage image = created_image();
            return image;
          }(),
          conductor, clock),
      clock_(clock),
      actors_(2) {
  actors_[1].process = disk.start_process();
  for (unsigned actor = 0; actor < 2; ++actor) SYNCLINE_ASSERT(open(actors_[actor]));
  SYNCLINE_ASSERT(record(0));
}

Workload::~Workload() {
  // Journals before their directories.
  for (Actor& actor : actors_) actor.journal.reset();
}

Status Workload::open(Actor& actor) {
  actor.journal.reset();
  TRY_ASSIGN(actor.root, disk.open(actor.process));
  TRY_ASSIGN(actor.journal, open_journal(*actor.root, clock_, tiny_options()));
  actor.last_end = 0;
  return {};
}

void Workload::bury(unsigned actor) {
  actors_[actor].journal.reset();
  actors_[actor].root.reset();
  disk.reap(actors_[actor].process);
}

void Workload::start(unsigned actor) {
  actors_[actor].process = disk.start_process();
  actors_[actor].last_end = 0;
}

Status Workload::append_by(Actor& actor, size_t first, bool control) {
  std::vector<std::string> texts;
  for (size_t i = first; i < ledger.size(); ++i) {
    texts.push_back(Ledger::payload(static_cast<uint32_t>(i), ledger.attempts()[i].payload_bytes));
  }
  std::vector<NewFrame> frames;
  const int64_t now_ms = clock_.now_ms() + kJumpsMs[first % std::size(kJumpsMs)];
  for (const std::string& text : texts) {
    frames.push_back(control ? control_frame(text, now_ms) : record_frame(text, 1, now_ms));
  }
  auto appended = syncline::append(*actor.journal, frames);
  if (!appended) {
    if (appended.error().code != Code::kOutcomeUnknown) {
      ledger.refused(first);
    } else {
      ledger.doubted();
    }
    return std::move(appended).error();
  }
  ledger.appended(first, appended->first_seq);
  actor.last = *appended;
  actor.last_end = ledger.size();
  return {};
}

Status Workload::append(Actor& actor, const std::vector<uint32_t>& payload_bytes, bool control) {
  return append_by(actor, ledger.attempt(payload_bytes, control), control);
}

Status Workload::flush(Actor& actor) {
  if (actor.last_end == 0) return {};
  if (Status flushed = actor.journal->flush(actor.last); !flushed) {
    ledger.doubted();
    return flushed;
  }
  ledger.acknowledged(actor.last_end);
  return {};
}

Status Workload::record(unsigned actor) {
  TRY(append(actors_[actor], {kRecordBytes[0]}, false));
  return flush(actors_[actor]);
}

Status Workload::append_until_full(Actor& actor) {
  const uint64_t before = actor.journal->end().position.segment;
  for (int i = 0; i < 6 && actor.journal->end().position.segment == before; ++i) {
    TRY(append(actor, {kFillerBytes}, false));
  }
  return {};
}

Status Workload::run(const Step& step) {
  Actor& actor = actors_[step.actor];
  // One whose reopening failed tries that again, whatever the step.
  if (actor.journal == nullptr) return open(actor);
  const uint32_t size = kRecordBytes[ledger.size() % std::size(kRecordBytes)];
  switch (step.operation) {
    case 'r':
      return append(actor, {size}, false);
    case 'g':
      // The first fills its block: what is left of a dead group may begin with a whole frame where
      // a shorter group over it ends.
      return append(actor, {kBlockBytes - kFrameHeaderBytes, 1200, size}, false);
    case 'c':
      return append(actor, {kControlBytes}, true);
    case 'f':
      return flush(actor);
    case 'F': {
      const size_t end = ledger.size();
      if (Status flushed = actor.journal->flush_all(); !flushed) {
        ledger.doubted();
        return flushed;
      }
      ledger.acknowledged(end);
      return {};
    }
    case 'o':
      return append_until_full(actor);
    case 't': {
      const Mark durable = actor.journal->durable();
      ledger.trimmable(durable);
      TRY(actor.journal->trim(durable));
      return {};
    }
    case 'e':
      return open(actor);
    default:
      SYNCLINE_ASSERT(false);
      return {};
  }
}

}  // namespace syncline::simulation
