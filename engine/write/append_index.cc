#include "engine/write/append_index.h"

#include "journal/base/try.h"

namespace syncline {

Status AppendIndex::catch_up(const Mark& end) {
  if (position_ == end) return {};
  if (reader_ == nullptr || !reader_->skip_to(position_)) {
    TRY_ASSIGN(reader_, Reader::open(directory_, store_, position_));
  }
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader_->next(end));
    if (!frame) break;
    TRY(tail_.take(*frame));
  }
  position_ = end;
  return {};
}

}  // namespace syncline
