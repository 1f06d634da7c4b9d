// The end of a log, judged from journal/FORMAT.md, "Claims" and "The end of the log", alone.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "tests/journal/log/second_reader.h"

namespace second_reader {

struct Claim {
  uint64_t segment = 0, offset = 0, seq = 0;  // no segment: a sequence alone
};

// The verdict's words are those of the table.
struct Tail {
  std::string verdict;
  uint64_t offset = 0;  // p
  uint64_t seq = 0;     // of the last valid record before it
};

inline bool reaches_beyond(const Claim& claim, uint64_t segment, uint64_t p, uint64_t seq) {
  return claim.seq > seq || claim.segment > segment ||
         (claim.segment == segment && claim.offset > p);
}

// The control page's durable mark, and what sync.state was scanned up to: "Marks".
inline std::optional<Claim> page_claim(const std::string& page, const std::string& store) {
  if (page.size() != 4096 || page.compare(0, 8, "NYSCTRL1") != 0 || get(page, 8, 8) != 1 ||
      page.compare(16, 16, store) != 0) {
    return std::nullopt;
  }
  std::optional<Claim> claim;
  uint64_t turn = 0;
  for (const size_t slot : {size_t{512}, size_t{640}}) {
    if (get(page, slot + 64, 8) != (XXH3_64bits(page.data() + slot, 64) | 1)) continue;
    if (claim && get(page, slot, 8) <= turn) continue;
    turn = get(page, slot, 8);
    claim = {get(page, slot + 8, 8), get(page, slot + 16, 8), get(page, slot + 24, 8)};
  }
  return claim;
}

inline std::optional<Claim> sync_state_claim(const std::string& state, const std::string& store) {
  constexpr size_t kBranchAt = 108;
  if (state.size() < kBranchAt + 4 || state.compare(0, 8, "SYNCLST1") != 0 ||
      state.compare(8, 16, store) != 0 ||
      state.size() != kBranchAt + 4 + get(state, kBranchAt, 4) + 20 + 8 ||
      get(state, state.size() - 8, 8) != XXH3_64bits(state.data(), state.size() - 8)) {
    return std::nullopt;
  }
  return Claim{get(state, 76, 8), get(state, 84, 8), get(state, 92, 8)};
}

inline bool stale(const std::string& file, const std::string& store, const Header& h, uint64_t p) {
  Record ignored;
  for (uint64_t segments = 0; segments <= 16 && segments < h.segment; ++segments) {
    for (uint64_t epochs = 0; epochs <= 16 && epochs < h.epoch; ++epochs) {
      if (segments + epochs > 0 &&
          frame_header(file, store, h.segment - segments, h.epoch - epochs, p, ignored) != 0) {
        return true;
      }
    }
  }
  return false;
}

// `file` is the last segment, with a valid header; `outer` are the claims of kinds (c) to (f).
inline Tail judge_tail(const std::string& file, const std::string& store, const Header& h,
                       const std::vector<Claim>& outer = {}) {
  Tail tail{.verdict = {}, .offset = 4096, .seq = h.first_seq - 1};
  for (;;) {
    Record record;
    const uint64_t length = frame(file, store, h, tail.offset, file.size(), record);
    if (length == 0) break;
    if (record.seq != 0 && record.seq != tail.seq + 1) {
      tail.verdict = "gap";
      return tail;
    }
    if (record.seq != 0) tail.seq = record.seq;
    tail.offset += length;
  }
  const uint64_t p = tail.offset;
  const auto is_zero = [&](uint64_t from, uint64_t to) {
    to = std::min<uint64_t>(to, file.size());
    return std::all_of(file.begin() + static_cast<std::ptrdiff_t>(from),
                       file.begin() + static_cast<std::ptrdiff_t>(to),
                       [](char c) { return c == 0; });
  };
  const bool end_of_file = p >= file.size();
  const bool zero = !end_of_file && is_zero(p, p + 64);
  const bool end_like = end_of_file || zero || stale(file, store, h, p);
  bool later_frame = false;
  bool later_claim =
      reaches_beyond({h.segment, h.durable_end, h.durable_seq}, h.segment, p, tail.seq);
  for (uint64_t at = p + 64; at + 64 <= file.size(); at += 64) {
    Record header;
    if (frame_header(file, store, h.segment, h.epoch, at, header) == 0) continue;
    later_frame = true;
    later_claim =
        later_claim || reaches_beyond({h.segment, header.durable_offset, header.durable_seq},
                                      h.segment, p, tail.seq);
  }
  const bool outer_claim = std::any_of(outer.begin(), outer.end(), [&](const Claim& claim) {
    return reaches_beyond(claim, h.segment, p, tail.seq);
  });
  if (later_claim) {
    tail.verdict = "damage";
  } else if (outer_claim) {
    tail.verdict = end_like ? "lost" : "damage";
  } else if (!end_like || later_frame || p % 4096 != 0 || (zero && !is_zero(p, file.size()))) {
    tail.verdict = "torn tail";
  } else {
    tail.verdict = "clean end";
  }
  return tail;
}

}  // namespace second_reader
