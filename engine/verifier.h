// Do journal, rows, files and git agree? Reads everything, changes nothing.
//
// The journal is the truth; each record's row, file, blob on the own ref and blob on the branch are
// compared with what the journal says they must be. A first pass collects outcomes and batches
// (they come later in the log than the records they speak of), a second compares. Memory: the paths
// and blob names of both trees, and the texts of append files. What retention has trimmed from the
// journal cannot be compared any more, and is taken as it is.
//
// Reads a state that others may go on changing: only records up to the watermarks met at the start
// are held to them.
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
           Database& database, Syncer* syncer, std::optional<Error> git_error, Progress progress);

  Result<VerifyReport> run();

 private:
  // A text that sections are looked for in, in the order in which they were appended: each search
  // begins where the last one ended, so a long file is read once.
  class Sections {
   public:
    explicit Sections(std::string text) : text_(std::move(text)) {}
    bool contains(std::string_view section);

   private:
    std::string text_;
    size_t cursor_ = 0;
  };
  struct AppendFile {
    std::optional<Sections> work_tree, own_ref, branch;
  };

  Status collect_outcomes();
  Status load_trees();
  Status compare_records();
  Status check_row(const Effects& effects);
  Status check_file(const Effects& effects);
  Status check_commit(const Effects& effects);
  Status check_foreign_rows();
  Status check_foreign_blobs();
  Status check_history();
  // Does the file of `tree` hold what the record put there?
  Result<bool> blob_holds(const std::unordered_map<std::string, ObjectId>& tree,
                          std::optional<Sections> AppendFile::* cache, const Effects& effects);
  Statement* row_statement(const Effects& effects);
  void find(std::string_view cls, const Effects& effects, std::string detail);

  const StorePlaces& places_;
  Directory& store_directory_;
  Journal& journal_;
  Database& database_;
  Syncer* syncer_;                  // null where git cannot be used
  std::optional<Error> git_error_;  // why not
  Progress progress_;

  VerifyReport report_;
  std::unique_ptr<Directory> root_;
  AppliedState applied_;
  Mark begin_;  // what came before was trimmed
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
