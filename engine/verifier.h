// Do journal, rows, files and git agree? Reads everything, changes nothing.
//
// The journal is the truth; each record's row, file, blob on the own ref and blob on the branch are
// compared with what the journal says they must be. A first pass collects outcomes and batches (they
// come later in the log than the records they speak of), a second compares. Memory: 40 bytes a record.
//
// Reads a state that others may go on changing: only records up to the watermarks met at the start are
// held to them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/applier.h"
#include "engine/identity.h"
#include "engine/store.h"
#include "journal/journal.h"
#include "journal/reader.h"
#include "sync/syncer.h"

namespace syncline {

class Verifier {
 public:
  using Progress = std::function<void(uint64_t done, uint64_t total)>;

  Verifier(const StorePlaces& places, Directory& store_directory, Journal& journal,
           Database& database, Syncer* syncer, std::string git_error, Progress progress);

  Result<VerifyReport> run();

 private:
  struct Expected {
    ObjectId blob;
    uint64_t seq = 0;
  };
  // Text that an append file must hold, and where the file's blob stands on the own ref.
  struct AppendFile {
    std::string own_text;  // as the own ref has it: header and sections of committed records
    uint64_t last_seq = 0;
  };

  Status collect_outcomes();
  Status load_trees();
  Status compare_records();
  Status check_row(const Effects& effects);
  Status check_file(const Effects& effects);
  Status check_commit(const Effects& effects);
  Status check_append_files();
  Status check_foreign_rows();
  Status check_foreign_blobs();
  Status check_history();
  Result<std::string> branch_text(const std::string& path);
  Statement* row_statement(const Effects& effects);
  void find(std::string_view cls, const Effects& effects, std::string detail);

  const StorePlaces& places_;
  Directory& store_directory_;
  Journal& journal_;
  Database& database_;
  Syncer* syncer_;  // null where git cannot be used
  std::string git_error_;
  Progress progress_;

  VerifyReport report_;
  std::unique_ptr<Directory> root_;
  AppliedState applied_;
  Mark end_;
  bool journal_damaged_ = false;
  std::map<uint64_t, Outcome> outcomes_;
  std::vector<BatchFrame> batches_;
  std::unordered_map<std::string, ObjectId> own_tree_, branch_tree_;
  std::set<std::string, std::less<>> known_paths_;
  std::map<std::string, AppendFile> append_files_;
  std::map<std::string, std::vector<uint64_t>> ids_by_table_;
  std::map<std::string, std::string> id_columns_;
  std::map<std::string, Statement> statements_;
};

}  // namespace syncline
