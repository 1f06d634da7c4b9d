// Making a journal, and opening one: recovery where nobody else has it open.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "journal/base/assert.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/copied_page.h"
#include "journal/log/journal_impl.h"

namespace syncline {
namespace {

// A number that no earlier process which was alone has chosen.
uint64_t new_presence(std::string_view token, Clock& clock) {
  const int64_t times[] = {clock.monotonic_ns(), clock.now_ms()};
  const uint64_t seed = XXH3_64bits(times, sizeof times);
  return XXH3_64bits_withSeed(token.data(), token.size(), seed) | 1;
}

Error no_journal(const Directory& directory) {
  return make_error(Code::kNotFound, fmt::format("there is no journal in {}", directory.path()));
}

// A segment that never got its name was never part of the journal.
Status remove_unborn(Directory& journal_directory) {
  TRY_ASSIGN(const auto names, journal_directory.list("."));
  for (const std::string& name : names) {
    if (!name.ends_with(".new")) continue;
    if (Status removed = journal_directory.remove_file(name);
        !removed && removed.error().code != Code::kNotFound) {
      return removed;
    }
  }
  return {};
}

Status check_claims(std::span<const DurableClaim> claims, const EpochMark& end) {
  for (const DurableClaim& claim : claims) {
    if (!reaches_beyond(claim, end.mark())) continue;
    return make_error(
        Code::kCorrupt,
        fmt::format(
            "the journal has lost data that was durable: segment {} offset {}: it ends after "
            "record {}, but durable was {}",
            end.segment, end.offset, end.seq, describe(claim)),
        kDamageHint);
  }
  return {};
}

}  // namespace

Status Journal::create(Directory& directory, const StoreId& store, Clock& clock,
                       const JournalOptions& options, uint64_t first_seq,
                       const std::function<Status(Directory& journal_directory)>& keep_below) {
  TRY(directory.make_directories(kJournalDirectory, true));
  TRY_ASSIGN(const auto lock, directory.open_lock(kAppendLockName));
  TRY(lock->lock(FileLock::Mode::kExclusive, kForever));
  TRY_ASSIGN(const auto journal_directory, directory.open_directory(kJournalDirectory));
  const uint64_t segment = keep_below ? 2 : 1;
  const auto there = journal_directory->info(segment_name(segment));
  if (!there && there.error().code != Code::kNotFound) return there.error();
  if (!there && keep_below) {
    TRY(keep_below(*journal_directory));
    TRY(write_base(*journal_directory, store, segment));
  }
  // A create that died here has left a base that names a segment not there yet.
  if (there || !keep_below) {
    TRY_ASSIGN(const auto entries, list_segments(*journal_directory, store));
    if (!entries.empty()) {
      return make_error(Code::kExists,
                        fmt::format("there is a journal in {} already", directory.path()));
    }
  }
  SegmentHeader header;
  header.store = store;
  header.segment = segment;
  header.epoch = 1;
  header.first_seq = first_seq;
  header.durable_seq = first_seq - 1;
  header.created_ms = clock.now_ms();
  header.capacity_bytes = options.segment_bytes_max;
  TRY(write_unborn_segment(*journal_directory, header, {}, first_size_bytes(options, 0),
                           options.direct_io));
  TRY(journal_directory->rename(unborn_segment_name(segment), segment_name(segment)));
  TRY(journal_directory->sync_directory("."));
  return directory.sync_directory(".");
}

Result<std::unique_ptr<Journal>> Journal::open(Directory& directory, const StoreId& store,
                                               Clock& clock, std::unique_ptr<Ring> ring,
                                               const JournalOptions& options,
                                               std::span<const DurableClaim> claims) {
  auto impl = std::make_unique<Impl>(directory, store, clock, options, std::move(ring));
  TRY(impl->open(claims));
  return std::unique_ptr<Journal>(new Journal(std::move(impl)));
}

Status Journal::Impl::open(std::span<const DurableClaim> claims) {
  auto opened = root.open_directory(kJournalDirectory);
  if (!opened && opened.error().code == Code::kNotFound) return no_journal(root);
  if (!opened) return std::move(opened).error();
  journal_directory = std::move(*opened);
  TRY_ASSIGN(append_lock, root.open_lock(kAppendLockName));
  TRY_ASSIGN(flush_lock, root.open_lock(kFlushLockName));
  TRY_ASSIGN(open_lock, root.open_lock(kOpenLockName));
  if (options.beside) return open_beside(claims);

  // The append lock serialises opening: open.lock can be tried exclusively and then made shared
  // (which is not atomic) without another process coming in between.
  TRY(lock_append(options.open_deadline));
  const auto open_now = [&]() -> Status {
    TRY_ASSIGN(report.alone, open_lock->try_lock(FileLock::Mode::kExclusive));
    if (!report.alone) {
      TRY(lock_and_tell(*open_lock, FileLock::Mode::kShared, options.open_deadline, clock,
                        options.on_wait));
    }
    TRY_ASSIGN(auto mapped, root.map_page(kControlName, kControlPageBytes));
    page.emplace(std::move(mapped));
    // A page that is not shared is worked out anew. A process that opens the store once it can be
    // written again must find itself alone, and must not believe the file behind this page.
    if (page->is_private()) {
      Status read = recover_alone(claims);
      open_lock->unlock();
      return read;
    }
    if (!report.alone) return join(claims);
    page->reset_live();
    TRY(recover_alone(claims));
    return open_lock->lock(FileLock::Mode::kShared, kForever);
  };
  Status status = or_out_of_memory(open_now);
  present = status.has_value() && !page->is_private();
  if (present) page->add_live(1);
  unlock_append();
  return status;
}

// What stands in the log at this moment is what a crash would leave now: recovery's reading of it
// says what is durable, and its writing is left to those who have the locks. A writer that goes on
// meanwhile may look like damage, which does not stay.
Status Journal::Impl::open_beside(std::span<const DurableClaim> claims) {
  constexpr int kTries = 4;
  Status read;
  for (int tries = 0; tries < kTries; ++tries) {
    page.emplace(std::make_unique<CopiedPage>(root, kControlName, kControlPageBytes));
    report = {};
    report.alone = true;
    read = or_out_of_memory([&] { return recover_alone(claims); });
    if (read || read.error().code != Code::kCorrupt) break;
  }
  return read;
}

// Other processes have the store open, and work by what the page says.
Status Journal::Impl::join(std::span<const DurableClaim> claims) {
  if (!page->valid(store)) {
    return make_error(Code::kCorrupt,
                      "the control page is not this store's, while other processes have it open",
                      "stop every process that uses this store, then try again");
  }
  TRY_ASSIGN(const EpochMark end, current_end());
  TRY_ASSIGN(const OpenSegment last, open_for_reading(end.segment));
  return check_claims(claims, end);
}

// The page's durable mark as a place to begin a scan, provided that the log still holds the frame
// that ends there.
std::optional<ScanStart> Journal::Impl::remembered(File& file, const SegmentHeader& header) const {
  const std::optional<EpochMark> durable = page->durable();
  if (!durable || durable->segment != header.segment || durable->epoch != header.epoch) {
    return std::nullopt;
  }
  const auto info = file.info();
  const ScanStart start{durable->offset, durable->seq, durable->last_time_ms, durable->last_frame};
  if (!info || !start_holds(file, header, start, info->size_bytes)) return std::nullopt;
  return start;
}

// With append.lock and open.lock held exclusively: no other process has the store open, and none
// can open it.
Status Journal::Impl::recover_alone(std::span<const DurableClaim> others_claims) {
  bool unborn = false;
  TRY_ASSIGN(const auto entries, list_segments(*journal_directory, store, &unborn));
  if (entries.empty()) return no_journal(root);
  std::optional<SegmentHeader> before;
  OpenSegment last;
  for (const SegmentEntry& entry : entries) {
    TRY_ASSIGN(last, open_for_reading(entry.segment));
    if (before) TRY(check_chain(*before, last.header));
    before = last.header;
  }
  TRY_ASSIGN(const std::string token, root.cache_token());
  std::vector<DurableClaim> claims(others_claims.begin(), others_claims.end());
  if (!page->valid(store)) {
    page->format(store, token);
  } else if (const auto durable = page->durable(); durable) {
    claims.push_back({durable->mark(), std::string(kPageClaim)});
  }

  // The log was durable up to the page's mark, whenever that was set. The bytes before it need not
  // be read again as long as the page cache in which they were checked is still there.
  const ScanStart from_header = scan_start(last.header);
  const std::optional<ScanStart> known = remembered(*last.file, last.header);
  const ScanStart start = known && page->same_cache(token) ? *known : from_header;
  // An append that its process did not live to finish may have written before the file's time
  // moved.
  const bool untouched = page->same_cache(token) && page->pending_birth() == 0 &&
                         page->pending_append() == PendingAppend::kNone;
  const std::optional<BlankRest> rest = untouched ? page->blank_rest() : std::nullopt;
  TailScan scan = scan_tail(*last.file, last.header, start, claims, rest);
  report.frames_scanned = scan.frames;
  if (scan.verdict != TailVerdict::kCleanEnd && (rest || start.offset != kSegmentHeaderBytes)) {
    // Bad news is told only of the whole segment.
    scan = scan_tail(*last.file, last.header, from_header, claims);
    report.frames_scanned += scan.frames;
  }
  if (scan.verdict != TailVerdict::kCleanEnd && scan.verdict != TailVerdict::kTornTail) {
    return refusal(scan);
  }

  // From here on something may be written.
  if (unborn && !options.beside) TRY(remove_unborn(*journal_directory));
  const std::optional<EpochMark> known_end = page->end();
  const bool new_here = !known_end || known_end->segment != last.id() || page->pending_birth() != 0;
  if (new_here && !page->is_private()) {
    // The segment's creator may have died after the rename and before the name was durable.
    const std::string touch = unborn_segment_name(last.id());
    TRY(journal_directory->create_whole(touch, {}));
    TRY(journal_directory->remove_file(touch));
    TRY(journal_directory->sync_directory("."));
    TRY(root.sync_directory("."));
  }

  // The log is known to be durable up to the page's mark where the log bears it out, and otherwise
  // up to what the header says.
  const EpochMark end{last.id(),
                      scan.end.offset,
                      scan.seq,
                      last.header.epoch,
                      scan.last_time_ms,
                      scan.last_frame,
                      scan.size_bytes / kBlockBytes * kBlockBytes};
  EpochMark durable = mark_at_birth(last.header, end.prepared_bytes);
  if (known && known->offset > durable.offset && known->offset <= end.offset) {
    durable.offset = known->offset;
    durable.seq = known->seq;
    durable.last_time_ms = known->last_time_ms;
    durable.last_frame = known->last_frame;
  }
  page->set_durable(durable);
  page->set_end(end);
  page->set_pending_append(PendingAppend::kNone);
  page->set_pending_birth(0);
  const bool blank = scan.evidence.found == TailFound::kZero && scan.evidence.rest_blank;
  page->set_blank_segment(blank ? last.id() : 0);
  page->forget_watermarks();
  page->adopt_cache(token);
  page->set_presence(new_presence(token, clock));

  if (options.beside) return {};
  if (flush_is_suspect(end)) {
    report.abandoned = true;
  } else {
    page->clear_pending_flush();
  }
  if (scan.verdict == TailVerdict::kTornTail) {
    report.torn = true;
    report.torn_at = scan.end;
    report.torn_bytes = scan.void_bytes;
  }
  if (report.abandoned) return renew(Renewal::kAbandon, end);
  if (report.torn) return renew(Renewal::kCut, end);
  // A killed process may have left frames unflushed: they are made durable now, so that the whole
  // log is.
  if (durable.offset >= end.offset || sync_segment(last, end)) {
    flush_segment = std::move(last);
    return {};
  }
  report.abandoned = true;
  return renew(Renewal::kAbandon, end);
}

// Tells the next process that opens the store alone what it need not look at.
void Journal::Impl::leave() {
  const std::optional<EpochMark> end = page->end();
  if (!end || page->blank_segment() != end->segment) return;
  const bool appended = append_segment && append_segment.id() == end->segment;
  const OpenSegment& segment = appended ? append_segment : flush_segment;
  if (!segment || segment.id() != end->segment) return;
  const auto known = segment.file->info();
  // Whoever appends meanwhile, or died while appending, has left a trace in the page.
  if (!known || page->end() != end || page->pending_append() != PendingAppend::kNone ||
      page->pending_birth() != 0) {
    return;
  }
  page->set_blank_rest(
      {end->segment, end->offset, known->size_bytes, known->ctime_s, known->ctime_ns});
}

}  // namespace syncline
