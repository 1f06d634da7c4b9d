// Steps through the entries of an index in file order; knows where each begins and ends.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "sync/git/index_bytes.h"
#include "sync/git/index_file.h"
#include "sync/git/index_format.h"
#include "syncline/result.h"

namespace syncline {

class IndexCursor {
 public:
  // `window` begins at the first entry or before it, and ends with the trailer.
  IndexCursor(IndexWindow& window, uint32_t version, uint32_t count)
      : window_(window), version_(version), left_(count), end_(index_format::kHeaderBytes) {}

  // False at the end, and where an entry cannot be read; status() tells the two apart. Everything
  // about an entry is valid until the next call.
  bool next();

  const Status& status() const { return status_; }
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }
  std::string_view path() const { return path_; }
  std::string_view previous_path() const { return previous_path_; }  // version 4 only
  uint8_t stage() const { return static_cast<uint8_t>((flags_ & index_format::kStageMask) >> 12); }
  uint16_t flags() const { return flags_; }
  uint16_t extended_flags() const { return extended_flags_; }
  // The entry's bytes before its name.
  std::string_view fixed() const { return entry_.substr(0, name_at_); }

  TreeValue value() const {
    TreeValue value{.blob = {}, .mode = word(6)};
    std::memcpy(value.blob.bytes.data(), entry_.data() + 40, 20);
    return value;
  }
  IndexStat stat() const {
    return {.ctime_s = word(0),
            .ctime_ns = word(1),
            .mtime_s = word(2),
            .mtime_ns = word(3),
            .device = word(4),
            .inode = word(5),
            .uid = word(7),
            .gid = word(8),
            .size_bytes = word(9)};
  }

 private:
  uint32_t word(size_t number) const { return index_format::load_be32(entry_.data() + 4 * number); }
  bool look(size_t count);
  bool find_name_end(size_t from, size_t& nul);
  bool read_name();
  bool read_compressed_name();
  bool name_length_agrees();
  bool fail(std::string_view fault);

  IndexWindow& window_;
  uint32_t version_;
  uint32_t left_;
  uint64_t begin_ = 0;
  uint64_t end_;
  std::string_view entry_;  // from the entry's first byte to the end of what the window holds
  size_t name_at_ = 0;
  uint16_t flags_ = 0;
  uint16_t extended_flags_ = 0;
  std::string_view path_;
  std::string joined_;         // version 4: the name on which this entry's is built
  std::string previous_path_;  // version 4
  Status status_;
};

}  // namespace syncline
