// Journal directories that the real Journal left behind, and the truth about what is in them: what
// the recovery fuzzer damages, and what it holds recovery against.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/log/journal.h"

namespace syncline::fuzz {

using JournalFiles = std::map<std::string, ByteVector>;  // names within journal/

// A frame as it stands in its file.
struct PlacedFrame {
  std::string file;
  uint64_t segment = 0;
  uint64_t epoch = 0;
  uint64_t offset = 0;
  uint32_t frame_bytes = 0;
  uint64_t seq = 0;
  uint64_t durable_seq = 0;
};

struct JournalHistory {
  std::string name;
  JournalFiles files;
  ByteVector page;  // the control page as its last process left it
  // What was ever appended as a record of this seq. More than one where a power cut or a failed
  // flush took the first away before it was acknowledged.
  std::map<uint64_t, std::set<std::string>> records;
  std::set<std::string> controls;
  uint64_t acknowledged = 0;  // up to this record
  // Of each segment, the bytes that had to be durable when `acknowledged` was said.
  std::map<std::string, uint64_t> durable_bytes;
  std::vector<PlacedFrame> frames;  // whole ones, void ones too
};

// Small segments, so that a history of several is small too.
JournalOptions history_options();

// Built once, the same in every process.
const std::vector<JournalHistory>& journal_histories();

}  // namespace syncline::fuzz
