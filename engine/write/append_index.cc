#include "engine/write/append_index.h"

#include "journal/base/try.h"

namespace syncline {

Status AppendIndex::catch_up(const Mark& end) {
  if (position_ == end) return {};
  TRY_ASSIGN(auto reader, Reader::open(directory_, store_, position_));
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(end));
    if (!frame) break;
    TRY(tail_.take(*frame));
  }
  position_ = end;
  return {};
}

}  // namespace syncline
