// Files and sections of applied records that were not written when their records were applied: a
// section because it comes into the file with the publish (ApplierOptions::sections_await_publish),
// or because the person's git state (a merge, a rebase) forbids changing tracked files; either
// because another branch than the store's is checked out.
//
// What waits is a row of syncline_waiting; ApplyStep and FileRecheck add it in their transaction.
// Sections of one file are written in the journal's order, so those behind a waiting one wait too.
// When their time has come:
//
//   settle         offsets journalled, durable, projected
//   place          the same ─► sections written
//   write          the same ─► files synced ─► rows removed
//   write_created  files written whole ─► files synced ─► rows removed
//
// The publish settles sections before it takes its locks, places them under these, and has them
// written when it is done; created files are written before it. The sync comes before the rows go:
// a waiting record may lie below `files_synced`, where nothing would look at its file again. A
// death at any arrow leaves the rows, and the next run finds what was written, at its path or
// offset or elsewhere in the file; it writes it once more, in case its sync has failed.
//
// The caller holds apply.lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/apply/applied_records.h"
#include "engine/apply/apply_context.h"
#include "engine/apply/attempt.h"
#include "engine/apply/section_applier.h"

namespace syncline {

class WaitingFiles {
 public:
  explicit WaitingFiles(ApplyContext& context) : context_(context) {}

  // Of records up to `last_seq`, where the state allows it. Those up to `published` may have come
  // into the file with the branch. write() answers how many.
  Status settle(uint64_t last_seq, uint64_t published);
  Status place(uint64_t last_seq, uint64_t published);
  Result<uint64_t> write(uint64_t last_seq, uint64_t published);
  // Of all records, where the store's branch is checked out. A file of a record up to `published`
  // came back with the branch, or a person has removed it: it is not written.
  Status write_created(uint64_t published);

 private:
  using VisitAttempt = std::function<Result<Attempt>(const std::vector<AppliedRecord>& records)>;
  Status visit(const std::map<uint64_t, std::string>& waiting, const VisitAttempt& attempt);
  Status visit_sections(uint64_t last_seq, const VisitAttempt& attempt);
  Status remove(const std::vector<uint64_t>& seqs);
  // One attempt each. settle() and place() answer what they were about in `candidates`, which point
  // into `records`; write() adds to `written`.
  Result<Attempt> settle(const std::vector<AppliedRecord>& records, uint64_t published,
                         std::vector<Section>& candidates);
  Result<Attempt> place(const std::vector<AppliedRecord>& records, uint64_t published,
                        std::vector<Section>& candidates);
  Result<Attempt> write(const std::vector<AppliedRecord>& records, uint64_t published,
                        uint64_t& written);
  Result<Attempt> write_created(const std::vector<AppliedRecord>& records, uint64_t published);

  ApplyContext& context_;
};

}  // namespace syncline
