#include "journal/log/reader.h"

#include <fmt/format.h>

#include <utility>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "journal/log/segment_scanner.h"

namespace syncline {
namespace {

Error at(Position position, const Error& error) {
  return Error{
      error.code, error.sys_errno,
      fmt::format("segment {} offset {}: {}", position.segment, position.offset, error.message),
      error.hint};
}

Error damaged(Position position, std::string_view fault) {
  return make_error(
      Code::kCorrupt,
      fmt::format("segment {} offset {}: {}", position.segment, position.offset, fault),
      kDamageHint);
}

}  // namespace

struct Reader::Impl {
  std::unique_ptr<Directory> journal_directory;
  StoreId store;
  Mark position;
  Reading reading = Reading::kSteps;
  OpenSegment current;
  OpenSegment next;  // the segment after, once it had to be looked at
  bool next_is_checked = false;
  OpenSegment after_next;  // the one after that, where it was looked at for where `next` ends
  std::optional<SegmentScanner> scanner;
  uint64_t skip_seq =
      0;  // after relocate() or begin_behind(): frames up to this record were read before

  Result<OpenSegment> open(uint64_t segment) {
    auto opened = open_segment(*journal_directory, store, segment, {});
    if (opened || opened.error().code != Code::kNotFound) return opened;
    // Gone behind the base is trimmed; gone anywhere else is damage.
    TRY_ASSIGN(const uint64_t base, read_base(*journal_directory, store));
    if (segment < base) {
      return make_error(Code::kNotFound, fmt::format("segment {} was trimmed", segment),
                        fmt::format("the journal now begins with segment {}", base));
    }
    return damaged({segment, 0}, "the segment is missing");
  }

  // The scanner goes first: until then it may be reading the segment that is left.
  Status enter(OpenSegment segment, uint64_t offset, uint64_t seq) {
    position = {{segment.id(), offset}, seq};
    const FrameContext context{store, segment.id(), segment.header.epoch};
    if (scanner) {
      scanner->move_to(*segment.file, context, offset, offset);
    } else {
      scanner.emplace(*segment.file, context, offset, offset);
    }
    if (reading == Reading::kThrough) scanner->read_through();
    current = std::move(segment);
    next = std::exchange(after_next, {});
    next_is_checked = false;
    return {};
  }

  // The position lies past the end of its segment: the frames there were carried over into a later
  // one when the segment was left. The seq finds them again.
  Status relocate() {
    const uint64_t target = position.seq;
    TRY_ASSIGN(OpenSegment following, open(current.id() + 1));
    TRY(check_chain(current.header, following.header));
    if (following.header.first_seq > target + 1) {
      return damaged(position.position, fmt::format("behind the end of the segment, and the next "
                                                    "begins with record {} instead of {}",
                                                    following.header.first_seq, target + 1));
    }
    skip_seq = target;
    after_next = {};
    const uint64_t seq = following.header.first_seq - 1;
    return enter(std::move(following), kSegmentHeaderBytes, seq);
  }

  // The mark's segment was trimmed, as `gone` says. That is no loss where the journal still begins
  // before the mark's next record: the segment had been left, and what stood in it carried over.
  Status begin_behind(const Mark& from, const Error& gone) {
    TRY_ASSIGN(const auto entries, list_segments(*journal_directory, store));
    if (entries.empty()) return gone;
    TRY_ASSIGN(OpenSegment first, open(entries.front().segment));
    if (first.id() < from.position.segment || first.header.first_seq > from.seq + 1) return gone;
    skip_seq = from.seq;
    const uint64_t seq = first.header.first_seq - 1;
    return enter(std::move(first), kSegmentHeaderBytes, seq);
  }

  // Where reading in the current segment has to stop, and whether the segment ends there.
  struct Bound {
    uint64_t offset = 0;
    bool closed = false;
  };
  Result<Bound> bound(const Mark& limit) {
    if (limit.position.segment == current.id()) return Bound{limit.position.offset, false};
    if (!next) {
      TRY_ASSIGN(next, open(current.id() + 1));
    }
    if (!next_is_checked) {
      TRY(check_chain(current.header, next.header));
      next_is_checked = true;
      if (reading == Reading::kThrough) expect_next(limit);
    }
    return Bound{next.header.previous_end, true};
  }

  // Tells the scanner how far it may read in the next segment. Whatever is wrong with the one after
  // is said when reading comes to it.
  void expect_next(const Mark& limit) {
    uint64_t end = limit.position.offset;
    if (limit.position.segment != next.id()) {
      auto opened = open_segment(*journal_directory, store, next.id() + 1, {});
      if (!opened || !check_chain(next.header, opened->header)) return;
      after_next = std::move(*opened);
      end = after_next.header.previous_end;
    }
    scanner->expect(*next.file, kSegmentHeaderBytes, end);
  }

  Status cross() {
    if (next.header.first_seq != position.seq + 1) {
      return damaged(position.position,
                     fmt::format("the segment ends after record {}, but the next begins with {}",
                                 position.seq, next.header.first_seq));
    }
    const uint64_t seq = position.seq;
    return enter(std::move(next), kSegmentHeaderBytes, seq);
  }
};

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::open(Directory& directory, const StoreId& store, Mark from,
                                             Reading reading) {
  auto impl = std::make_unique<Impl>();
  impl->store = store;
  impl->reading = reading;
  TRY_ASSIGN(impl->journal_directory, directory.open_directory(kJournalDirectory));
  if (from.position.segment == 0) {
    TRY_ASSIGN(OpenSegment first, open_first_segment(*impl->journal_directory, store));
    from = first.header.start();
    TRY(impl->enter(std::move(first), from.position.offset, from.seq));
  } else {
    auto opened = impl->open(from.position.segment);
    if (!opened && opened.error().code == Code::kNotFound) {
      TRY(impl->begin_behind(from, opened.error()));
      return std::unique_ptr<Reader>(new Reader(std::move(impl)));
    }
    TRY_ASSIGN(OpenSegment segment, std::move(opened));
    if (from.position.offset < kSegmentHeaderBytes ||
        from.position.offset % kFrameAlignBytes != 0 || from.seq + 1 < segment.header.first_seq) {
      return damaged(from.position,
                     fmt::format("no frame can begin here after record {}", from.seq));
    }
    TRY(impl->enter(std::move(segment), from.position.offset, from.seq));
  }
  return std::unique_ptr<Reader>(new Reader(std::move(impl)));
}

Result<std::optional<FrameView>> Reader::next(const Mark& limit) {
  Impl& r = *impl_;
  while (r.position.position < limit.position) {
    TRY_ASSIGN(const Impl::Bound bound, r.bound(limit));
    if (bound.closed && r.position.position.offset > bound.offset) {
      TRY(r.relocate());
      continue;
    }
    if (bound.closed && r.position.position.offset == bound.offset) {
      TRY(r.cross());
      continue;
    }
    r.scanner->set_limit(bound.offset);
    FrameView frame;
    const auto fault = r.scanner->next(frame);
    if (!fault) return at(r.position.position, fault.error());
    if (*fault != FrameFault::kNone) {
      return damaged(r.position.position,
                     fmt::format("{} (after record {})", frame_fault_name(*fault), r.position.seq));
    }
    if (is_record(frame.operation)) {
      if (frame.seq != r.position.seq + 1) {
        return damaged(frame.position, fmt::format("record {} stands where record {} belongs",
                                                   frame.seq, r.position.seq + 1));
      }
      r.position.seq = frame.seq;
    }
    r.position.position = frame.end();
    if (r.skip_seq != 0) {
      if (r.position.seq < r.skip_seq || (r.position.seq == r.skip_seq && frame.seq != 0)) {
        continue;
      }
      r.skip_seq = 0;
    }
    return std::optional(frame);
  }
  return std::optional<FrameView>{};
}

bool Reader::skip_to(const Mark& mark) {
  Impl& r = *impl_;
  if (mark.position.segment != r.current.id() || mark.position < r.position.position ||
      r.skip_seq != 0) {
    return false;
  }
  const FrameContext context{r.store, r.current.id(), r.current.header.epoch};
  r.scanner->move_to(*r.current.file, context, mark.position.offset, mark.position.offset);
  r.position = mark;
  return true;
}

const Mark& Reader::position() const {
  return impl_->position;
}

}  // namespace syncline
