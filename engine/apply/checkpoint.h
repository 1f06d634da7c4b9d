// The checkpoint: what is applied is made durable, and `files_synced` rises to it. From then on an
// unclean start checks no file below, and segments below may be trimmed.
//
//   meta.checkpoint = 1 ─► files and directories synced ─► SQLite's WAL and database synced
//   ─► files_synced = applied, meta.checkpoint = 0, in one transaction
//
// A death or an error before the last arrow leaves the flag set. Whoever finds it set cannot know
// whether a sync has failed unseen: what it was to write reads back well and may not be on disk. So
// the files are written again before the next sync is believed. `files_synced` rises only after
// both syncs. A failed sync of the database cannot be mended like that: the database is marked as
// suspect and answers kCorrupt from then on.
//
// The caller holds apply.lock.
#pragma once

#include "engine/apply/apply_context.h"
#include "engine/apply/file_recheck.h"

namespace syncline {

class Checkpoint {
 public:
  Checkpoint(ApplyContext& context, FileRecheck& recheck) : context_(context), recheck_(recheck) {}

  Status run();
  bool is_due() const;

 private:
  ApplyContext& context_;
  FileRecheck& recheck_;
};

}  // namespace syncline
