// Checks whether journal, rows, files and git agree. Reads everything, changes nothing.
//
// The journal is the truth: each record's row, file, blob on the own ref and blob on the branch are
// compared with what follows from the journal. A first pass collects outcomes and batches (they
// come later in the log than the records that they name), a second pass compares. The sections of
// append files come last, all sections of one file together. Memory: the paths and blob names of
// both trees, the texts of all sections, and one append file at a time. Records that retention has
// trimmed from the journal can no longer be compared, and are not judged.
//
// Others may go on writing meanwhile, so the order of the reads decides what may be compared. Each
// stage is read before the stage that it is derived from, and the journal's end after all of them:
//
//   VerifyFloor   what was committed before anything else was looked at
//     → own ref → what was published, by the journal → the branch's tip       (the syncer's view)
//     → the database's applied watermark → the journal's durable end
//     → files of the work tree, rows
//
// So every row, commit and file that is seen has its record, outcome and batch before the end, and
// a watermark is older than what is compared with it. Records that have not reached a stage yet are
// counted as behind, not judged. A row that no record before the end has made is looked up among
// the records journalled since.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/config/config.h"
#include "engine/place/identity.h"
#include "engine/projection/projection.h"
#include "engine/verify/orphans.h"
#include "journal/contents/log_tail.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"
#include "sync/publish/section_text.h"
#include "sync/syncer.h"
#include "syncline/store.h"

namespace syncline {

// The state before anything is looked at: the own ref can only be further than this.
struct VerifyFloor {
  Mark durable;            // of the journal
  uint64_t committed = 0;  // by sync.state
};
Result<VerifyFloor> verify_floor(Directory& store_directory, const Journal& journal);

class Verifier {
 public:
  using Progress = std::function<void(uint64_t done, uint64_t total)>;

  Verifier(const StorePlaces& places, const Config& config, Directory& store_directory,
           Journal& journal, Database& database, const VerifyFloor& floor, uint64_t first_seq,
           Progress progress);

  // `syncer` has just been refreshed; it is null where git cannot be used, and then the reason is
  // given where it is a finding; else nothing of git and the work tree is looked at. kNotFound when
  // a segment was trimmed meanwhile: start again, with another Verifier.
  Result<VerifyReport> run(Syncer* syncer, std::optional<Error> git_error);
  // After run(): what no record has made. Empty where the journal is damaged.
  Orphans take_orphans() { return std::move(orphans_); }
  // After run(): which lines of VerifyReport::behind lack the reason. Only a try tells it, and
  // nothing is tried here.
  struct Unexplained {
    std::optional<size_t> applied, committed;
  };
  Unexplained unexplained() const { return unexplained_; }

 private:
  // What a record has added to an append file.
  struct Section {
    uint64_t seq = 0;
    std::string table;
    uint64_t id = 0;
    std::string text;
    bool in_work_tree = false;  // false: it waits, or its branch is away
  };
  // How each section of a file stands in one text that should hold it.
  struct SectionsFound {
    std::optional<std::string> no_text;             // why there is no text
    std::vector<FoundSection::Standing> standings;  // kWhole for sections that it need not hold
  };
  // A file of the store's ref or the branch; zero for the one that does not hold it.
  struct TreeFile {
    ObjectId own, branch;
    bool is_recorded = false;  // some record has made it
  };

  Status read_applied();
  Status collect_outcomes();
  void note_damage(const Reader& reader, const Error& error);
  void note_git_error();
  void lose_git(const Error& error);
  Status load_trees();
  // Is it left out of the branch, and not there?
  bool is_ignored(uint64_t seq, const std::string& path, const TreeFile& file) const;
  // Did a person remove from the branch what was published of the record?
  bool removed_by_a_person(uint64_t seq, const std::string& path, const TreeFile& file) const;
  // Did a person remove it, or move it, in the index, and has not committed that yet?
  Result<bool> removed_in_index(uint64_t seq, const std::string& path, const TreeFile& file);
  // Not published yet, and taken along by `git stash -u`.
  Result<bool> is_away_with_stash(const Effects& effects);
  // A file that neither holds is all zeros.
  TreeFile tree_file(const std::string& path) const;
  Status compare_records();
  Status check_row(const Effects& effects);
  void note_edited_row(const Effects& effects, const Statement& row);
  bool is_kinds_column(const std::string& table, const std::string& column) const;
  Status check_file(const Effects& effects, const TreeFile& file);
  void check_commit(const Effects& effects, const TreeFile& file);
  Status check_record(const Effects& effects, const Outcome* outcome);
  void check_retracted(const Effects& effects, uint64_t by);
  Status check_set_aside(const Effects& effects, const std::string& reason);
  Status find_orphans();
  Status find_foreign_rows();
  Result<bool> is_trimmed_row(const std::string& table, uint64_t id);
  Status find_foreign_files();
  // Is it a record's, and somewhere else only?
  Result<bool> is_moved_file(const std::string& path) const;
  Status find_foreign_sections(const KindSpec& kind, const std::string& path);
  // Drops what a record journalled since the end explains.
  Status drop_explained();
  Status note_orphans();
  Status check_foreign_blobs();
  Status check_history();
  void check_ref_floor();
  Status tell_behind();
  Status check_sections();
  Result<SectionsFound> find_in_work_tree(const std::string& path,
                                          const std::vector<Section>& sections) const;
  // Those of records up to `last_seq`.
  Result<SectionsFound> find_in_blob(const ObjectId& blob, const std::vector<Section>& sections,
                                     uint64_t last_seq) const;
  void find_section(FindingClass cls, const std::string& path, const Section& section,
                    std::string detail);
  void note_edited_section(const std::string& path, const Section& section,
                           FoundSection::Standing in_work_tree, FoundSection::Standing on_branch);
  template <typename IsExpected>
  static std::vector<FoundSection::Standing> standings_in(std::string_view text,
                                                          const std::vector<Section>& sections,
                                                          IsExpected is_expected);
  Statement* row_statement(const Effects& effects);
  void find(FindingClass cls, const Effects& effects, std::string detail);
  // `where` is one of these.
  static constexpr std::string_view kEditedInWorkTree = "edited by hand in the work tree";
  static constexpr std::string_view kRemoved = "removed by a person, on the branch";
  static constexpr std::string_view kRemovedInIndex = "removed by a person, staged for a commit";
  static constexpr std::string_view kEditedOnBranch = "edited by a person, on the branch";
  static constexpr std::string_view kEditedEverywhere =
      "edited by a person, in the work tree and on the branch";
  void note_edit(const std::string& path, uint64_t seq, const std::string& table, uint64_t id,
                 std::string_view where);

  const StorePlaces& places_;
  const Config& config_;
  Directory& store_directory_;
  Journal& journal_;
  Database& database_;
  const VerifyFloor floor_;
  const uint64_t first_seq_;  // the store's first record
  Syncer* syncer_ = nullptr;
  std::optional<Error> git_error_;
  Progress progress_;

  VerifyReport report_;
  Unexplained unexplained_;
  std::unique_ptr<Directory> root_;
  AppliedState applied_;
  std::set<uint64_t> waiting_;  // files that wait for the user's git state
  Mark begin_;                  // records before it were trimmed
  Mark end_;
  bool journal_damaged_ = false;
  LogTail tail_{LogTail::kOutcomes | LogTail::kCommits};  // of the whole log
  size_t floor_batches_ = 0;  // how many of its batches were there at the floor
  std::unordered_map<std::string, TreeFile> tree_files_;  // by path
  bool branch_goes_on_ = false;
  std::optional<StashedFiles> stashed_;  // read when a file is missing
  std::optional<StagedPaths> staged_;    // likewise
  uint64_t files_stashed_ = 0;
  SparseCheckout sparse_;
  HeldPaths held_;
  uint64_t records_ignored_ = 0;
  uint64_t files_outside_ = 0;
  bool branch_is_away_ = false;  // the work tree is that of another branch, or of none
  std::map<std::string, std::vector<Section>> sections_;  // by path, in the order of records
  std::map<std::string, std::vector<uint64_t>> ids_by_table_;
  std::map<std::string, std::string> id_columns_;
  // The lowest id of a table that was given to a record, and not found in place.
  std::map<std::string, uint64_t> lowest_given_;
  std::optional<std::set<uint64_t>> trimmed_rebound_;
  std::map<std::string, std::vector<Section>> unapplied_sections_;  // by path
  struct GoneSection {
    std::string path;  // where it was
    const Section* section;
  };
  std::vector<GoneSection> gone_sections_;  // that a person has taken from where they were
  std::set<std::string> gone_files_;        // blobs of records whose file is not where it was
  Orphans orphans_;
  std::map<std::string, Statement> statements_;  // by the shape of the rows
  std::string shape_;                            // of the row under way
};

}  // namespace syncline
