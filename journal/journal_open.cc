// Making a journal, and opening one: recovery where nobody else has it open.
#include <fmt/format.h>

#include <algorithm>

#include "journal/assert.h"
#include "journal/journal_impl.h"

namespace syncline {
namespace {

constexpr std::string_view kControlName = "control";
constexpr std::string_view kAppendLockName = "append.lock";
constexpr std::string_view kFlushLockName = "flush.lock";
constexpr std::string_view kOpenLockName = "open.lock";

Error no_journal(const Directory& directory) {
  return make_error(Code::kNotFound, fmt::format("there is no journal in {}", directory.path()));
}

// What never got its name was never part of the journal.
Status remove_unborn(Directory& folder) {
  TRY_ASSIGN(const auto names, folder.list("."));
  for (const std::string& name : names) {
    if (!name.ends_with(".new")) continue;
    if (Status removed = folder.remove_file(name);
        !removed && removed.error().code != Code::kNotFound) {
      return removed;
    }
  }
  return {};
}

Status check_claims(std::span<const DurableClaim> claims, const LogMark& end) {
  for (const DurableClaim& claim : claims) {
    if (claim.seq <= end.seq) continue;
    return make_error(
        Code::kCorrupt,
        fmt::format("the journal has lost data that was durable: segment {} offset "
                    "{}: it ends after record {}, but record {} was durable by the {}",
                    end.segment, end.offset, end.seq, claim.seq, claim.source),
        "nothing was changed; restore the segment from a backup, or see "
        "`syncline verify`");
  }
  return {};
}

}  // namespace

Status Journal::create(Directory& directory, const StoreId& store, Clock& clock,
                       const JournalOptions& options) {
  TRY(directory.make_directories(kJournalFolder, true));
  TRY_ASSIGN(const auto lock, directory.open_lock(kAppendLockName));
  TRY(lock->lock(FileLock::Mode::kExclusive, kForever));
  TRY_ASSIGN(const auto folder, directory.open_directory(kJournalFolder));
  TRY_ASSIGN(const auto entries, list_segments(*folder, store));
  if (!entries.empty()) {
    return make_error(Code::kExists,
                      fmt::format("there is a journal in {} already", directory.path()));
  }
  SegmentHeader header;
  header.store = store;
  header.segment = 1;
  header.epoch = 1;
  header.first_seq = 1;
  header.created_ms = clock.now_ms();
  header.capacity_bytes = options.segment_bytes_max;
  TRY(write_unborn_segment(*folder, header, {}, first_size_bytes(options, 0), options.direct_io));
  TRY(folder->rename(unborn_segment_name(1), segment_name(1)));
  TRY(folder->sync_directory("."));
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
  auto opened = root.open_directory(kJournalFolder);
  if (!opened && opened.error().code == Code::kNotFound) return no_journal(root);
  if (!opened) return std::move(opened).error();
  folder = std::move(*opened);
  TRY_ASSIGN(append_lock, root.open_lock(kAppendLockName));
  TRY_ASSIGN(flush_lock, root.open_lock(kFlushLockName));
  TRY_ASSIGN(open_lock, root.open_lock(kOpenLockName));

  // Opening is serialised by the append lock, so that open.lock can be tried exclusively and then
  // be made shared (which is not atomic) without anybody in between.
  TRY(lock_append(options.open_deadline));
  const auto open_now = [&]() -> Status {
    TRY_ASSIGN(report.alone, open_lock->try_lock(FileLock::Mode::kExclusive));
    if (!report.alone) TRY(open_lock->lock(FileLock::Mode::kShared, options.open_deadline));
    TRY_ASSIGN(auto mapped, root.map_page(kControlName, kControlPageBytes));
    page.emplace(std::move(mapped));
    // What is not shared is worked out anew; and whoever opens the store once it can be written
    // must find itself alone, and not believe the file behind this page.
    if (page->is_private()) {
      Status read = recover_alone(claims);
      open_lock->unlock();
      return read;
    }
    if (!report.alone) return join(claims);
    page->reset_presence();
    TRY(recover_alone(claims));
    return open_lock->lock(FileLock::Mode::kShared, kForever);
  };
  Status status = or_out_of_memory(open_now);
  present = status.has_value() && !page->is_private();
  if (present) page->add_live(1);
  unlock_append();
  return status;
}

// Others have the store open: what the page says is what they work by.
Status Journal::Impl::join(std::span<const DurableClaim> claims) {
  if (!page->valid(store)) {
    return make_error(Code::kCorrupt,
                      "the control page is not this store's, while other processes have it open",
                      "stop every process that uses this store, then try again");
  }
  TRY_ASSIGN(const LogMark end, current_end());
  TRY_ASSIGN(const OpenSegment last, open_for_reading(end.segment));
  return check_claims(claims, end);
}

// Where to begin scanning the last segment: at the durable mark that the page remembers, if it was
// written while the page cache was the one we have now and the log reaches that far; else at the
// segment's start. A wrong hint costs a scan, never a record.
ScanStart Journal::Impl::choose_start(File& file, const SegmentHeader& header,
                                      std::string_view token) const {
  const std::optional<LogMark> hint = page->durable();
  const auto info = file.info();
  if (hint && info && page->same_cache(token) && hint->segment == header.segment &&
      hint->epoch == header.epoch) {
    const ScanStart start{hint->offset, hint->seq, hint->last_time_ms, hint->last_frame};
    if (start_holds(file, header, start, info->size_bytes)) return start;
  }
  return scan_start(header);
}

// With append.lock and open.lock held exclusively: no other process is there, and none can come.
Status Journal::Impl::recover_alone(std::span<const DurableClaim> claims) {
  TRY_ASSIGN(const auto entries, list_segments(*folder, store));
  if (entries.empty()) return no_journal(root);
  std::optional<SegmentHeader> before;
  OpenSegment last;
  for (const SegmentEntry& entry : entries) {
    TRY_ASSIGN(last, open_for_reading(entry.segment));
    if (before) TRY(check_chain(*before, last.header));
    before = last.header;
  }
  TRY_ASSIGN(const std::string token, root.cache_token());
  if (!page->valid(store)) page->format(store, token);

  const ScanStart start = choose_start(*last.file, last.header, token);
  TailScan scan = scan_tail(*last.file, last.header, start, claims, start.offset);
  report.frames_scanned = scan.frames;
  if (scan.verdict != TailVerdict::kCleanEnd && start.offset != kSegmentHeaderBytes) {
    // Bad news is told only of the whole segment. The hint was checked: what stands before it was
    // durable, so that a fault found there is no torn tail.
    const TailScan whole =
        scan_tail(*last.file, last.header, scan_start(last.header), claims, start.offset);
    report.frames_scanned += whole.frames;
    scan = whole;
  }
  if (scan.verdict != TailVerdict::kCleanEnd && scan.verdict != TailVerdict::kTornTail) {
    return refusal(scan);
  }

  // From here on something may be written.
  TRY(remove_unborn(*folder));
  const std::optional<LogMark> known_end = page->end();
  const bool new_here = !known_end || known_end->segment != last.id() || page->birth_mark() != 0;
  if (new_here && !page->is_private()) {
    // Its creator may have died between giving it its name and making the name durable.
    const std::string touch = unborn_segment_name(last.id());
    TRY(folder->create_whole(touch, {}));
    TRY(folder->remove_file(touch));
    TRY(folder->sync_directory("."));
    TRY(root.sync_directory("."));
  }

  // What is known durable is what the scan could begin at: the validated hint, or what the header
  // says. Never lowered below the header's own claim.
  const LogMark end{last.id(),
                    scan.end.offset,
                    scan.seq,
                    last.header.epoch,
                    scan.last_time_ms,
                    scan.last_frame,
                    scan.size_bytes / kBlockBytes * kBlockBytes};
  LogMark durable = born_mark(last.header, end.prepared_bytes);
  if (start.offset > durable.offset && start.offset <= end.offset) {
    durable.offset = start.offset;
    durable.seq = start.seq;
    durable.last_time_ms = start.last_time_ms;
    durable.last_frame = start.last_frame;
  }
  page->set_durable(durable);
  page->set_end(end);
  page->set_append_mark(AppendMark::kNone);
  page->set_birth_mark(0);
  for (size_t i = 0; i < static_cast<size_t>(Watermark::kCount); ++i) {
    page->put_watermark(static_cast<Watermark>(i), 0);
  }
  page->adopt_cache(token);

  if (flush_is_suspect(end)) {
    report.abandoned = true;
  } else {
    page->clear_flush_mark();
  }
  if (scan.verdict == TailVerdict::kTornTail) {
    report.torn = true;
    report.torn_at = scan.end;
    report.torn_bytes = scan.void_bytes;
  }
  if (report.abandoned) return renew(Renewal::kAbandon, end);
  if (report.torn) return renew(Renewal::kCut, end);
  // What a killed process left unflushed is made durable now, so that everything in the log is.
  if (durable.offset >= end.offset || sync_segment(last, end)) return {};
  report.abandoned = true;
  return renew(Renewal::kAbandon, end);
}

}  // namespace syncline
