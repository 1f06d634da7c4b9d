#include "sync/git/index_cursor.h"

#include <algorithm>

namespace syncline {
namespace {

using namespace index_format;

// What an entry needs as a rule; a longer name asks for more.
constexpr size_t kUsualEntryBytes = 256;

}  // namespace

bool IndexCursor::fail(std::string_view fault) {
  status_ = damaged(fault);
  left_ = 0;
  return false;
}

// Makes entry_ at least `count` bytes long, unless the entries' limit comes first.
bool IndexCursor::look(size_t count) {
  Result<std::string_view> seen = window_.from(begin_, count);
  if (seen) {
    entry_ = *seen;
    return true;
  }
  status_ = std::move(seen).error();
  left_ = 0;
  return false;
}

bool IndexCursor::next() {
  if (left_ == 0) return false;
  --left_;
  begin_ = end_;
  if (!look(kUsualEntryBytes)) return false;
  if (entry_.size() < kFixedEntryBytes + 1) return fail("an entry is cut off");
  flags_ = load_be16(entry_.data() + kFixedEntryBytes - 2);
  extended_flags_ = 0;
  name_at_ = kFixedEntryBytes;
  if ((flags_ & kExtended) != 0) {
    if (version_ < 3) return fail("an extended entry in a version 2 file");
    if (entry_.size() < kFixedEntryBytes + 2) return fail("an entry is cut off");
    extended_flags_ = load_be16(entry_.data() + kFixedEntryBytes);
    name_at_ += 2;
  }
  return version_ == 4 ? read_compressed_name() : read_name();
}

bool IndexCursor::find_name_end(size_t from, size_t& nul) {
  while (true) {
    nul = entry_.find('\0', from);
    if (nul != std::string_view::npos) return true;
    const size_t held = entry_.size();
    if (!look(2 * held)) return false;
    if (entry_.size() == held) return fail("a name has no end");
  }
}

bool IndexCursor::read_name() {
  size_t nul = 0;
  if (!find_name_end(name_at_, nul)) return false;
  const size_t length = (nul + 8) & ~size_t{7};  // 1 to 8 NULs, to a multiple of 8
  if (entry_.size() < length && !look(length)) return false;
  if (entry_.size() < length) return fail("an entry is cut off");
  path_ = entry_.substr(name_at_, nul - name_at_);
  end_ = begin_ + length;
  return name_length_agrees();
}

bool IndexCursor::read_compressed_name() {
  size_t strip = 0;
  size_t at = name_at_;
  for (bool first = true;; first = false) {
    // What next() looked at holds every varint that can be right.
    if (at >= entry_.size() || strip > (SIZE_MAX >> 8)) return fail("a name's prefix is cut off");
    const auto byte = static_cast<unsigned char>(entry_[at++]);
    strip = first ? byte & 127u : ((strip + 1) << 7) + (byte & 127u);
    if ((byte & 128) == 0) break;
  }
  size_t nul = 0;
  if (!find_name_end(at, nul)) return false;
  if (strip > joined_.size()) return fail("a name drops more than there is");
  previous_path_ = joined_;
  joined_.resize(joined_.size() - strip);
  joined_.append(entry_.substr(at, nul - at));
  path_ = joined_;
  end_ = begin_ + nul + 1;
  return name_length_agrees();
}

bool IndexCursor::name_length_agrees() {
  if ((flags_ & kNameMask) != std::min<size_t>(path_.size(), kNameMask)) {
    return fail("a name's length is not what its flags say");
  }
  return true;
}

}  // namespace syncline
