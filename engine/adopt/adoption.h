// Pairs the rows, files and sections that no record has made, and makes a record of each pair.
//
//   a row that names a file                      one record; of several rows the lowest id has it
//   a row whose file is not there, or has none   a record without a file
//   a row and the section with its number, or    one record, the section with the heading it has
//   else its rule (H-0, another's number)
//   a section without a row                      a record whose row is made, with the section's
//                                                number where that is free, else with a new id
//   a file without a row                         a record with a new id, whose row is made
//
// Sections come in the order in which they stand, so that a replay makes the same file of them. A
// file that a row names which is left, is left with it.
//
// Each record has a key, by the store and the thing it is made of: whoever adopts the same thing at
// the same time, or after a death that left the record on its way, is answered with the first.
//
// Reads the database and the work tree, changes nothing. What cannot be taken is named, with the
// reason; an error is about the store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/adopt/adopted_intent.h"
#include "engine/config/config.h"
#include "engine/sqlite/database.h"
#include "engine/verify/orphans.h"
#include "journal/os/file_system.h"
#include "syncline/store.h"

namespace syncline {

// What the work tree and the journal are called.
struct AdoptionPlace {
  std::string root;       // the work tree's path
  std::string store_id;   // in hexadecimal
  std::string store_tag;  // of make_intent()
};

struct Adopted {
  AdoptedThing thing;
  Intent intent;
  std::optional<uint64_t> id;  // the row's, where there is one
};

class Adoption {
 public:
  Adoption(const Config& config, AdoptionPlace place, Directory& root, Database& database,
           Orphans orphans);

  // Hands over each record that is to be; then left() and of_no_kind() tell the rest.
  using Visit = std::function<Status(Adopted adopted)>;
  Status visit(const Visit& visit);
  const std::vector<AdoptedThing>& left() const { return left_; }
  uint64_t of_no_kind() const { return of_no_kind_; }

 private:
  struct Row {
    FoundRow found;
    std::string heading, path;  // of its section, as the kind would have them
    bool is_taken = false;
  };
  // A file that a row names. Left: the reason is told, and the row is left too.
  enum class Look : uint8_t { kTake, kNone, kLeft };

  Status take_rows();
  Status take_row(const KindSpec& kind, uint64_t id);
  Status take_sections();
  Status take_section(const KindSpec& kind, const OrphanSection& section);
  Status take_rows_without_section();
  Status take_files();
  Status take_file(const KindSpec& kind, const OrphanFile& file);
  Result<Look> look_at_file(const KindSpec& kind, const FoundRow& row, FoundFile& file);
  // Is the number in the section's heading nobody's?
  Result<bool> is_free(const KindSpec& kind, uint64_t number);
  Row* row_of_section(const KindSpec& kind, const OrphanSection& section);
  Status hand_over(Result<Intent> intent, AdoptedThing thing, std::optional<uint64_t> id);
  void leave(AdoptedThing thing, std::string reason);
  std::string key_of(std::string_view what, std::string_view name) const;
  const KindSpec& kind_named(const std::string& name) const;

  const Config& config_;
  const AdoptionPlace place_;
  Directory& root_;
  Database& database_;
  const Orphans orphans_;
  const AdoptedIntents intents_;
  const Visit* visit_ = nullptr;
  std::set<std::string> taken_paths_;                            // of records, and of rows before
  std::map<std::string, uint64_t> left_paths_;                   // of rows that are left: their ids
  std::map<std::string, std::map<uint64_t, Row>> section_rows_;  // by kind, then id
  std::set<std::pair<std::string, uint64_t>> numbered_sections_;   // path, number
  std::set<std::pair<std::string, uint64_t>> given_;               // table, id
  std::map<std::string, std::vector<std::string>> other_columns_;  // by kind
  std::vector<AdoptedThing> left_;
  uint64_t of_no_kind_ = 0;
};

}  // namespace syncline
