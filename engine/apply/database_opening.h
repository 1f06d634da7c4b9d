// Opens the user's database as the projection of one journal, creating what is missing of it.
//
//   database's directory ─► open ─► suspect? ─► BEGIN ─► the engine's tables, the store's id, the
//   watermark, kept keys, tables of kinds ─► COMMIT
//
// The watermark never rises here above what the rows and keys in the database hold: it is set to
// the journal's begin where there is none, or where the journal was trimmed beyond it, and then the
// keys and ids of the trimmed records come in the same transaction. A death before COMMIT leaves
// the database as it was; opening again does the same.
//
// The caller holds apply.lock. Failure: kCorrupt when the database is damaged, or when a sync of it
// has failed: it must be moved aside and built anew. kDisagree when it is the projection of another
// journal, or has applied more than this one holds.
#pragma once

#include <memory>

#include "engine/apply/applier_options.h"
#include "engine/apply/kind_tables.h"
#include "engine/sqlite/database.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"

namespace syncline {

// What a database answers once a sync of it has failed.
Error database_sync_failed();

class DatabaseOpening {
 public:
  DatabaseOpening(Directory& store_directory, Journal& journal, Directory& work_tree,
                  const ApplierOptions& options, KindTables& kinds)
      : store_directory_(store_directory),
        journal_(journal),
        work_tree_(work_tree),
        options_(options),
        kinds_(kinds) {}

  Result<std::unique_ptr<Database>> open();

 private:
  Status make_directory();
  Status check_not_suspect();
  Status make_tables();
  Status check_identity();
  Status set_watermark();
  Status project_kept_keys(uint64_t after_seq, uint64_t last_seq);

  Directory& store_directory_;
  Journal& journal_;
  Directory& work_tree_;
  const ApplierOptions& options_;
  KindTables& kinds_;
  std::unique_ptr<Database> database_;
};

}  // namespace syncline
