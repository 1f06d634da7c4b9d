// What the database knows about the journal's records: reads the engine's own tables, which
// engine/apply/applier.h lists, on any connection.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sqlite/database.h"
#include "journal/log/format.h"
#include "journal/record/content_hash.h"
#include "journal/record/outcome.h"
#include "syncline/result.h"

namespace syncline {

struct AppliedState {
  Mark applied;
  uint64_t files_synced = 0;
  uint64_t set_aside = 0;
  uint64_t files_waiting = 0;
};
// One snapshot; zeros where the database knows nothing.
Result<AppliedState> read_applied_state(Database& database);
// Opens the database for reading; null where it is absent, empty or being made. Everything it would
// know is then in the journal, read from its begin.
Result<std::unique_ptr<Database>> open_to_read(const DatabaseFile& file);

Result<std::optional<KeyEntry>> find_key(Database& database, std::string_view key);
// Finds many keys by one statement: to prepare it costs more than ten looks. Ends before the
// database does.
class KeyFinder {
 public:
  static Result<KeyFinder> prepare(Database& database);
  Result<std::optional<KeyEntry>> find(std::string_view key);

 private:
  explicit KeyFinder(Statement statement) : statement_(std::move(statement)) {}
  Statement statement_;
};
Result<uint64_t> highest_id(Database& database, const std::string& table,
                            const std::string& id_column);  // given out or in the table; 0 for none
// The first id above `above` that no row has; empty where none is left.
Result<std::optional<uint64_t>> next_free_id(Database& database, const std::string& table,
                                             const std::string& id_column, uint64_t above);
Result<uint64_t> last_id_given(Database& database, const std::string& table);  // by us; 0 for none
Result<std::map<uint64_t, Outcome>> read_outcomes(Database& database, uint64_t first_seq,
                                                  uint64_t last_seq);
// The records among first..last that take another one away, in order.
Result<std::vector<uint64_t>> read_retractions(Database& database, uint64_t first_seq,
                                               uint64_t last_seq);
Result<Mark> position_before(Database& database, uint64_t seq);  // at or before the record
struct CommitNames {
  std::string own;     // commit of the store's ref that holds the record; empty when none yet
  std::string branch;  // commit of the branch
};
Result<CommitNames> find_commits(Database& database, uint64_t seq);

}  // namespace syncline
