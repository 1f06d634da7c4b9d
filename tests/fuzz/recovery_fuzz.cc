// Recovery of a journal directory that was damaged or forged.
//
// Holds of any directory: Journal::open either refuses, naming the segment, and has changed no
// file; or it opens, and then
//   - no old segment's bytes were changed, and a new one is sound;
//   - reading either refuses, naming segment and offset, or yields records without a gap up to the
//     end, each one that was really appended with this seq (unless a frame of that seq was forged);
//   - what was claimed durable is there; and no frame that still stands claims what is not;
//   - a second open finds nothing to do and the same records;
//   - a record appended now is acknowledged and read back, after another open too.
// Damage alone, behind what was durable, stops nothing: it opens, with every acknowledged record.
//
//   u8 history; u8 the control page: lost, kept, noise; u8 claim: none, all, some; then mutations
#include <optional>

#include "journal/base/layout.h"
#include "tests/fuzz/directory_mutation.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/journal_history.h"
#include "tests/journal/log/journal_testing.h"
#include "tests/simulation/test_machine.h"

namespace syncline::fuzz {
namespace {

constexpr std::string_view kNewText = "appended after recovery";

bool names_segment(std::string_view message) {
  return message.find("segment ") != std::string_view::npos ||
         message.find("journal/base") != std::string_view::npos;
}
bool names_place(std::string_view message) {
  return names_segment(message) && (message.find("offset ") != std::string_view::npos ||
                                    message.find("journal/base") != std::string_view::npos);
}

// memcmp, for comparing vectors byte by byte is most of the time under the sanitizers.
bool same_bytes(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
bool same_files(const JournalFiles& a, const JournalFiles& b) {
  return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
    return one.first == other.first && same_bytes(one.second, other.second);
  });
}

class Recovery {
 public:
  Recovery(const JournalHistory& history, MutatedDirectory directory, uint8_t page, uint8_t claim)
      : history_(history), directory_(std::move(directory)), root_(machine_.open()) {
    static_cast<void>(root_->make_directories(kJournalDirectory, true));
    for (const auto& [name, bytes] : directory_.files)
      machine_.image().set_bytes(path_of(name), bytes);
    set_page(page);
    if (claim % 3 == 1) claims_.push_back({{{}, history.acknowledged}, "claim of all"});
    if (claim % 3 == 2) {
      claims_.push_back({{{}, history.acknowledged * (claim / 3u) / 85}, "claim of some"});
    }
  }

  void check() {
    auto opened = open();
    if (!opened) return check_refusal(opened.error());
    auto first = std::move(*opened);
    check_old_segments_untouched();
    const Mark end = first->end();
    const auto entries = read_entries(*root_, end);
    if (!claims_.empty()) {
      require(end.seq >= claims_.front().mark.seq, "a record that was claimed durable is dropped");
    }
    if (!entries) {
      check_read_refusal(entries.error());
      return;
    }
    check_entries(*entries, end);
    check_claims_of_frames(*first);
    if (nothing_durable_touched()) {
      require(end.seq >= history_.acknowledged, "an acknowledged record is dropped");
    }
    if (!directory_.damaged && !directory_.forged) {
      const uint64_t all = history_.records.empty() ? 0 : history_.records.rbegin()->first;
      require(end.seq == all, "a record of a sound directory is dropped");
    }
    check_append(std::move(first), *entries);
  }

 private:
  // As FORMAT.md has it: 16 hexadecimal digits, not all of them zero.
  static bool is_segment_name(std::string_view name) {
    return name.size() == 20 && name.ends_with(".seg") &&
           name.find_first_not_of("0123456789abcdef") == 16 && name.find_first_not_of('0') < 16;
  }
  static std::string path_of(const std::string& name) {
    return std::string(kJournalDirectory) + "/" + name;
  }
  void set_page(uint8_t page) {
    if (page % 3 == 0) return;
    const auto mapped = root_->map_page("control", history_.page.size());
    require(mapped.has_value(), "the page");
    const MutableByteSpan bytes = machine_.page("control");
    std::ranges::copy(history_.page, bytes.begin());
    if (page % 3 == 2) bytes[page * 16u % bytes.size()] ^= std::byte{0x5a};
  }
  Result<std::unique_ptr<Journal>> open() {
    return open_journal(*root_, clock_, history_options(), claims_);
  }
  JournalFiles files() {
    JournalFiles found;
    const auto directory = root_->open_directory(kJournalDirectory);
    require(directory.has_value(), "the journal's directory is gone");
    const auto names = (*directory)->list(".");
    require(names.has_value(), "the journal's directory cannot be read");
    for (const std::string& name : *names) found[name] = machine_.image().bytes(path_of(name));
    return found;
  }

  void check_refusal(const Error& error) {
    require_or_say(same_files(files(), directory_.files),
                   [&] { return "a refusal changed the directory: " + error.message; });
    const bool none_there = std::ranges::none_of(
        directory_.files, [](const auto& entry) { return is_segment_name(entry.first); });
    require_or_say(error.code != Code::kNotFound || none_there,
                   [&] { return "a journal not found that is there: " + error.message; });
    const bool names = error.code == Code::kCorrupt ? names_place(error.message)
                                                    : names_segment(error.message) || none_there;
    require_or_say(names, [&] { return "a refusal that does not say where: " + error.message; });
    require_or_say(!nothing_durable_touched(), [&] {
      return "refused, though nothing that was durable is damaged: " + error.message;
    });
    const auto again = open();
    require(!again && again.error().code == error.code, "a second open says something else");
  }

  void check_read_refusal(const Error& error) {
    require_or_say(error.code == Code::kCorrupt || error.code == Code::kUnsupported ||
                       error.code == Code::kDisagree,
                   [&] { return "an odd error: " + error.message; });
    require_or_say(names_segment(error.message),
                   [&] { return "a refusal that does not say where: " + error.message; });
    require_or_say(!nothing_durable_touched(), [&] {
      return "cannot be read, though nothing that was durable is damaged: " + error.message;
    });
  }

  void check_old_segments_untouched() {
    const JournalFiles now = files();
    for (const auto& [name, bytes] : directory_.files) {
      if (name.ends_with(".new")) continue;
      const auto found = now.find(name);
      require(found != now.end(), "recovery removed a file");
      require(same_bytes(found->second, bytes), "recovery wrote into a file that was there");
    }
    for (const auto& [name, bytes] : now) {
      if (directory_.files.contains(name)) continue;
      const uint64_t segment = bytes.size() < 56 ? 0 : load_le<uint64_t>(bytes.data() + 48);
      const auto header = decode_segment_header(bytes, test_store(), segment);
      require_or_say(name == segment_name(segment) && header.has_value(), [&] {
        return "recovery made a segment that it would refuse: " + error_of(header);
      });
    }
  }

  void check_entries(const std::vector<Entry>& entries, const Mark& end) {
    std::optional<uint64_t> last;
    for (const Entry& entry : entries) {
      if (!is_record(entry.operation)) {
        require(directory_.forged_controls || history_.controls.contains(entry.payload),
                "a control frame that nobody wrote");
        continue;
      }
      require(!last || entry.seq == *last + 1, "a gap between records");
      last = entry.seq;
      if (directory_.forged_seqs.contains(entry.seq)) continue;
      const auto known = history_.records.find(entry.seq);
      require(known != history_.records.end() && known->second.contains(entry.payload),
              "a record that nobody appended with this seq");
    }
    require(!last || *last == end.seq, "the records end before the log does");
  }

  // The last segment as it was before recovery, its frames as they were written: what a whole one
  // behind the end claims to have been durable cannot be missing.
  void check_claims_of_frames(const Journal& journal) {
    if (directory_.forged) return;
    const auto& report = journal.recovery();
    const Position end = report.torn ? report.torn_at : journal.end().position;
    for (const PlacedFrame& frame : history_.frames) {
      if (frame.segment != end.segment || frame.offset < end.offset) continue;
      const auto found = directory_.files.find(frame.file);
      const auto original = history_.files.find(frame.file);
      if (found == directory_.files.end() || !same(found->second, original->second, 0, 4096) ||
          !same(found->second, original->second, frame.offset, kFrameHeaderBytes)) {
        continue;
      }
      require(frame.durable_seq <= journal.end().seq, "a frame behind the end claims what is gone");
    }
  }
  static bool same(const ByteVector& a, const ByteVector& b, uint64_t from, uint64_t count) {
    return a.size() >= from + count && b.size() >= from + count &&
           same_bytes(ByteSpan(a).subspan(from, count), ByteSpan(b).subspan(from, count));
  }
  bool nothing_durable_touched() const {
    if (directory_.forged) return false;
    for (const auto& [name, bytes] : directory_.files) {
      if (name == "base" || (name.ends_with(".seg") && !history_.files.contains(name))) {
        const auto original = history_.files.find(name);
        if (original == history_.files.end() || !same_bytes(original->second, bytes)) return false;
      }
    }
    return std::ranges::all_of(history_.files, [&](const auto& entry) {
      const auto found = directory_.files.find(entry.first);
      if (found == directory_.files.end()) return false;
      const auto durable = history_.durable_bytes.find(entry.first);
      return durable == history_.durable_bytes.end() ||
             same(found->second, entry.second, 0, durable->second);
    });
  }

  void check_append(std::unique_ptr<Journal> journal, const std::vector<Entry>& before) {
    const Mark end = journal->end();
    journal.reset();
    auto second = open();
    require_or_say(second.has_value(), [&] { return "a second open: " + error_of(second); });
    require(!(*second)->recovery().torn && !(*second)->recovery().abandoned,
            "a second open found something to put right");
    require((*second)->end().seq == end.seq, "a second open ends elsewhere");
    const auto same_entries = read_entries(*root_, (*second)->end());
    require_or_say(same_entries && *same_entries == before,
                   [&] { return "a second open reads something else: " + error_of(same_entries); });

    const auto appended = record_text(**second, kNewText);
    require_or_say(appended.has_value(), [&] { return "cannot append: " + error_of(appended); });
    require(appended->first_seq == end.seq + 1, "an append leaves a gap");
    second->reset();
    std::ranges::fill(machine_.page("control"), std::byte{0});
    auto third = open();
    require_or_say(third.has_value(), [&] { return "a third open: " + error_of(third); });
    const auto after = read_entries(*root_, (*third)->end());
    require_or_say(after.has_value(),
                   [&] { return "reading after the append: " + error_of(after); });
    require(after->size() == before.size() + 1 && after->back().payload == kNewText &&
                std::equal(before.begin(), before.end(), after->begin()),
            "an acknowledged append is not read back behind what was there");
  }

  const JournalHistory& history_;
  const MutatedDirectory directory_;
  simulation::TestMachine machine_;
  std::unique_ptr<Directory> root_;
  StillClock clock_;
  std::vector<DurableClaim> claims_;
};

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  InputReader input(data, size);
  const auto& histories = journal_histories();
  const JournalHistory& history = histories[input.u8() % histories.size()];
  const uint8_t page = input.u8();
  const uint8_t claim = input.u8();
  Recovery(history, mutate(history, input), page, claim).check();
  return 0;
}
