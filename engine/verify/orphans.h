// What stands in the kinds' tables, folders and append files, and no record has made: rows, files
// and sections of people, of older programs, of another store.
//
// The Verifier finds them, `adopt` (engine/adopt) takes them into the journal.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/sqlite/database.h"
#include "syncline/result.h"

namespace syncline {

struct OrphanFile {
  std::string kind;  // whose pattern its path fits
  std::string path;
  bool is_regular = true;
};

struct OrphanSection {
  std::string kind, path;
  std::string heading;  // its first line
  uint64_t offset = 0;
  uint64_t number = 0;  // in the heading; 0 also where another store's tag goes with it
  std::string text;     // up to the next section
  std::string header;   // of the file: what stands before its first section
};

struct Orphans {
  std::map<std::string, std::vector<uint64_t>> rows;          // table -> ids, rising
  std::vector<OrphanFile> files;                              // sorted by path
  std::vector<OrphanSection> sections;                        // as they stand, file by file
  std::set<std::string> recorded_paths;                       // of records that have a file
  std::map<std::string, std::vector<uint64_t>> recorded_ids;  // table -> ids, rising

  bool empty() const { return rows.empty() && files.empty() && sections.empty(); }
};

// The kind that makes rows like this one: of those with the table, the first whose fixed columns
// (type = "failure") the row has. Null where no kind does, or the row is gone.
Result<const KindSpec*> kind_of_row(Database& database, const Config& config,
                                    const std::string& table, uint64_t id);

}  // namespace syncline
