// Files of applied records that may not be on disk: they are looked at again and what was lost is
// written again.
//
//   after an unclean start   run()          the page cache may be gone: files above `files_synced`
//   for repair               restore()      files that were found missing, wherever they lie
//   after a failed sync      write_again()  the kernel may call clean what the disk never got
//
// run() and restore() replace nothing but what is absent or torn (ours, cut short or with zeros in
// place of bytes); other bytes are a person's edit and stay. Order, for each run of records:
// created files ─► offsets of sections journalled, durable, projected ─► sections. Nothing is
// synced, except that restore() syncs at its end: most of its records lie below `files_synced`,
// where nothing would look at them again. No mark is raised, so a death at any line leaves the
// check to be made again.
//
// write_again() writes the bytes that are there once more, so that the next sync has them to write.
//
// The caller holds apply.lock. Failure: kBusy when people keep changing what is to be written.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/apply/applied_records.h"
#include "engine/apply/apply_context.h"
#include "engine/apply/attempt.h"

namespace syncline {

class FileRecheck {
 public:
  explicit FileRecheck(ApplyContext& context) : context_(context) {}

  Status run();
  Status restore(std::vector<uint64_t> seqs);
  // Of an earlier checkpoint's files; the caller has refreshed the marks.
  Status write_again();

 private:
  // One attempt.
  Result<Attempt> check(const std::vector<AppliedRecord>& records);
  Result<Attempt> check_files(const std::vector<AppliedRecord>& records);
  Result<Attempt> check_sections(const std::vector<AppliedRecord>& records);
  Status write_again(const std::vector<AppliedRecord>& records);

  ApplyContext& context_;
};

}  // namespace syncline
