// A second, independent reader of the journal, written from journal/FORMAT*.md alone: it shares no
// code with journal/ and knows no seam. It keeps the documents honest, and the first reader.
//
// Here: the directory, segments, frames. second_reader_tail.h judges the end of a log,
// second_reader_keys.h reads what outlives a trim, second_reader_payloads.h reads what stands in
// frames, second_reader_projections.h what follows.
#pragma once

#include <xxhash.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace second_reader {

struct Record {
  unsigned operation = 0;
  uint64_t seq = 0, id = 0;
  int64_t time_ms = 0;
  uint64_t segment = 0, offset = 0;
  uint64_t durable_seq = 0, durable_offset = 0;  // known to its writer; 0: nothing told
  std::string payload;
};

struct Journal {
  std::vector<Record> frames;
  // Empty when everything up to the end is in order; else "segment N offset M: …".
  std::string fault;
  uint64_t end_segment = 0, end_offset = 0;
  bool clean_end = false;
};

inline uint64_t get(const std::string& bytes, size_t at, int width) {
  uint64_t value = 0;
  for (int i = width - 1; i >= 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)]);
  }
  return value;
}

struct Header {
  uint64_t segment, epoch, first_seq, previous_segment, previous_end, durable_end, durable_seq;
  int64_t last_time_ms;
};

// "A header is valid if and only if", 1 to 4.
inline std::optional<Header> header(const std::string& file, const std::string& store,
                                    uint64_t segment) {
  if (file.size() < 4096 || file.compare(0, 8, "SYNCLJ1\n") != 0) return std::nullopt;
  if (get(file, 4088, 8) != XXH3_64bits(file.data(), 4088)) return std::nullopt;
  if (get(file, 8, 4) != 1 || get(file, 24, 8) != 0) return std::nullopt;
  if (file.compare(32, 16, store) != 0 || get(file, 48, 8) != segment) return std::nullopt;
  if (get(file, 12, 4) != 4096 || get(file, 128, 4) != 4096 || get(file, 132, 4) != 64) {
    return std::nullopt;
  }
  const Header h{get(file, 48, 8),  get(file, 56, 8),
                 get(file, 64, 8),  get(file, 72, 8),
                 get(file, 80, 8),  get(file, 104, 8),
                 get(file, 112, 8), static_cast<int64_t>(get(file, 96, 8))};
  if (h.epoch < 1 || h.first_seq < 1 || h.previous_segment >= h.segment ||
      h.previous_end % 64 != 0 || h.durable_end % 4096 != 0 || h.durable_end < 4096 ||
      h.durable_seq < h.first_seq - 1 ||
      ((h.segment | h.epoch | h.first_seq | h.previous_end | h.durable_end | h.durable_seq) >>
       62) != 0) {
    return std::nullopt;
  }
  return h;
}

// "A frame is valid at an offset if and only if", 1 to 3 and 4: whether the header there holds for
// a segment and epoch. Answers the frame's length, or 0.
inline uint64_t frame_header(const std::string& file, const std::string& store, uint64_t segment,
                             uint64_t epoch, uint64_t at, Record& out) {
  if (at + 64 > file.size()) return 0;
  if (file.compare(at, 4, "SNLF") != 0 || get(file, at + 5, 1) != 1) return 0;
  out.operation = static_cast<unsigned>(get(file, at + 4, 1));
  out.seq = get(file, at + 24, 8);
  const uint64_t payload = get(file, at + 40, 4);
  const uint64_t length = get(file, at + 44, 4);
  const uint64_t least = (64 + payload + 63) / 64 * 64;
  if (out.operation == 0 || payload > 67108864 || length % 64 != 0 || length < least ||
      length - least >= 4096 || (out.operation < 32) != (out.seq != 0)) {
    return 0;
  }
  const uint64_t lag = get(file, at + 6, 2);
  if (lag != 65535 && lag > at / 4096) return 0;
  std::string bound = store;
  for (const uint64_t value : {segment, epoch, at}) {
    for (int i = 0; i < 8; ++i) bound.push_back(static_cast<char>(value >> (8 * i)));
  }
  bound += file.substr(at, 8) + file.substr(at + 16, 48);
  if (XXH3_64bits(bound.data(), bound.size()) != get(file, at + 8, 8)) return 0;
  out.time_ms = static_cast<int64_t>(get(file, at + 48, 8));
  out.id = get(file, at + 56, 8);
  out.durable_seq = get(file, at + 32, 8);
  out.durable_offset = lag == 65535 ? 0 : (at / 4096 - lag) * 4096;
  out.segment = segment;
  out.offset = at;
  return length;
}

// The same, and 5 and 6.
inline uint64_t frame(const std::string& file, const std::string& store, const Header& h,
                      uint64_t at, uint64_t end, Record& out) {
  if (at + 64 > end || end > file.size()) return 0;
  const uint64_t length = frame_header(file, store, h.segment, h.epoch, at, out);
  if (length == 0 || at + length > end) return 0;
  const uint64_t payload = get(file, at + 40, 4);
  out.payload = file.substr(at + 64, payload);
  if (XXH3_64bits(out.payload.data(), payload) != get(file, at + 16, 8)) return 0;
  for (uint64_t i = at + 64 + payload; i < at + length; ++i) {
    if (file[i] != 0) return 0;
  }
  return length;
}

// What `base` says, 1 where there is none; nothing where it is invalid.
inline std::optional<uint64_t> base(const std::optional<std::string>& file,
                                    const std::string& store) {
  if (!file) return 1;
  if (file->size() != 40 || file->compare(0, 8, "SYNCLB1\n") != 0 ||
      file->compare(8, 16, store) != 0 || get(*file, 24, 8) == 0 ||
      get(*file, 32, 8) != XXH3_64bits(file->data(), 32)) {
    return std::nullopt;
  }
  return get(*file, 24, 8);
}

// Takes away what stands before the log's begin. Answers the missing segment; 0 where there is
// none.
inline uint64_t cut_to_begin(std::map<uint64_t, std::string>& files, uint64_t base) {
  uint64_t begin = files.empty() ? 0 : files.rbegin()->first;
  while (begin > 1 && files.contains(begin - 1)) --begin;
  if (begin != 0 && begin <= base && base <= files.rbegin()->first) {
    files.erase(files.begin(), files.find(begin));
    return 0;
  }
  uint64_t missing = base;
  while (files.contains(missing)) ++missing;
  return missing;
}

// `files` by segment id; `store` is 16 bytes.
inline Journal read(const std::map<uint64_t, std::string>& files, const std::string& store) {
  Journal journal;
  const auto fault = [&](uint64_t segment, uint64_t offset, const char* what) {
    journal.fault =
        "segment " + std::to_string(segment) + " offset " + std::to_string(offset) + ": " + what;
    return journal;
  };
  std::optional<Header> before;
  uint64_t seq = 0;
  for (auto at = files.begin(); at != files.end(); ++at) {
    const auto& [id, file] = *at;
    const auto h = header(file, store, id);
    if (!h) return fault(id, 0, "header");
    if (before && (h->segment != before->segment + 1 || h->previous_segment != before->segment ||
                   h->epoch < before->epoch || h->first_seq < before->first_seq ||
                   h->previous_end < before->durable_end ||
                   h->first_seq - 1 < before->durable_seq || h->first_seq != seq + 1)) {
      return fault(id, 0, "chain");
    }
    seq = h->first_seq - 1;
    const auto next = std::next(at);
    const bool last = next == files.end();
    uint64_t end = file.size();
    if (!last) {
      const auto following = header(next->second, store, next->first);
      if (!following) return fault(next->first, 0, "header");
      end = following->previous_end;
    }
    uint64_t offset = 4096;
    while (offset < end) {
      Record record;
      const uint64_t length = frame(file, store, *h, offset, end, record);
      if (length == 0 || (record.seq != 0 && record.seq != seq + 1)) {
        if (!last) return fault(id, offset, "frame");
        break;
      }
      if (record.seq != 0) seq = record.seq;
      offset += length;
      journal.frames.push_back(record);
    }
    journal.end_segment = id;
    journal.end_offset = offset;
    journal.clean_end =
        offset % 4096 == 0 && file.find_first_not_of('\0', offset) == std::string::npos;
    before = h;
  }
  return journal;
}

}  // namespace second_reader
