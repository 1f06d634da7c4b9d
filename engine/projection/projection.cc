#include "engine/projection/projection.h"

// Reads what the applier writes, on any connection: no locks, and a snapshot for each call.

#include <fmt/format.h>

#include <algorithm>

#include "engine/projection/schema.h"
#include "journal/base/try.h"
#include "journal/record/row_id.h"

namespace syncline {

Result<AppliedState> read_applied_state(Database& database) {
  AppliedState state;
  TRY_ASSIGN(const ReadView view, ReadView::begin(database));
  TRY_ASSIGN(const bool there, has_engine_tables(database));
  if (!there) return state;
  TRY_ASSIGN(const auto applied, read_applied_mark(database));
  if (applied) state.applied = *applied;
  TRY_ASSIGN(const auto synced, read_meta(database, "files_synced"));
  state.files_synced = static_cast<uint64_t>(synced.value_or(0));
  TRY_ASSIGN(Statement counts, database.prepare(fmt::format(
                                   "SELECT (SELECT count(*) FROM syncline_outcomes WHERE kind = {} "
                                   "AND new_id IS NULL),"
                                   "(SELECT count(*) FROM syncline_waiting)",
                                   static_cast<int>(Outcome::Kind::kSetAside))));
  TRY_ASSIGN(const bool row, counts.step());
  if (row) {
    state.set_aside = static_cast<uint64_t>(counts.integer(0));
    state.files_waiting = static_cast<uint64_t>(counts.integer(1));
  }
  return state;
}

Result<std::unique_ptr<Database>> open_to_read(const DatabaseFile& file) {
  auto database = Database::open(file, Database::Access::kRead);
  if (!database && database.error().code == Code::kNotFound) return std::unique_ptr<Database>();
  if (!database) return std::move(database).error();
  TRY_ASSIGN(const bool known, has_engine_tables(**database));
  if (!known) return std::unique_ptr<Database>();
  return std::move(*database);
}

Result<KeyFinder> KeyFinder::prepare(Database& database) {
  TRY_ASSIGN(Statement statement,
             database.prepare("SELECT seq, content_hash FROM syncline_keys WHERE key = ?1"));
  return KeyFinder(std::move(statement));
}

Result<std::optional<KeyEntry>> KeyFinder::find(std::string_view key) {
  const Result<bool> row = statement_.bind(1, key).step();
  std::optional<KeyEntry> entry;
  std::optional<ContentHash> hash;
  if (row && *row) {
    entry = KeyEntry{.seq = static_cast<uint64_t>(statement_.integer(0)), .content_hash = {}};
    hash = content_hash_of(statement_.blob(1));
    if (hash) entry->content_hash = *hash;
  }
  statement_.reset();
  if (!row) return row.error();
  if (entry && !hash) {
    return make_error(Code::kCorrupt,
                      fmt::format("syncline_keys: key {} has no content hash", key));
  }
  return entry;
}

Result<std::optional<KeyEntry>> find_key(Database& database, std::string_view key) {
  TRY_ASSIGN(KeyFinder finder, KeyFinder::prepare(database));
  return finder.find(key);
}

Result<uint64_t> highest_id(Database& database, const std::string& table,
                            const std::string& id_column) {
  int64_t highest = 0;
  TRY_ASSIGN(const ReadView view, ReadView::begin(database));
  TRY_ASSIGN(const bool there, database.has_table(table));
  if (there) {
    const std::string from = fmt::format(" FROM main.{}", quote_identifier(table));
    const std::string column = quote_identifier(id_column);
    TRY_ASSIGN(Statement most, database.prepare("SELECT max(" + column + ")" + from));
    TRY_ASSIGN(const bool row, most.step());
    if (row && std::holds_alternative<int64_t>(most.value(0))) {
      highest = std::max(highest, most.integer(0));
    } else if (row && !most.is_null(0)) {
      // Text sorts above numbers: a foreign row whose id is text would hide the ids that are
      // numbers.
      TRY_ASSIGN(Statement scan,
                 database.prepare("SELECT max(CAST(" + column + " AS INTEGER))" + from +
                                  " WHERE typeof(" + column + ") IN ('integer', 'real') AND " +
                                  column + " < 9223372036854775808.0"));
      TRY_ASSIGN(const bool found, scan.step());
      if (found) highest = std::max(highest, scan.integer(0));
    }
    // AUTOINCREMENT promises never to give an id twice, even when its row has been deleted.
    TRY_ASSIGN(const bool sequences, database.has_table("sqlite_sequence"));
    if (sequences) {
      TRY_ASSIGN(Statement sequence, database.prepare("SELECT max(seq) FROM sqlite_sequence "
                                                      "WHERE name = ?1 COLLATE NOCASE"));
      TRY_ASSIGN(const bool found, sequence.bind(1, std::string_view(table)).step());
      if (found) highest = std::max(highest, sequence.integer(0));
    }
  }
  TRY_ASSIGN(const bool ids, database.has_table("syncline_ids"));
  if (ids) {
    TRY_ASSIGN(Statement given,
               database.prepare("SELECT last_id FROM syncline_ids WHERE table_name = ?1"));
    TRY_ASSIGN(const bool row, given.bind(1, std::string_view(table)).step());
    if (row) highest = std::max(highest, given.integer(0));
  }
  return static_cast<uint64_t>(highest);
}

Result<std::optional<uint64_t>> next_free_id(Database& database, const std::string& table,
                                             const std::string& id_column, uint64_t above) {
  if (above >= kRowIdMax) return std::optional<uint64_t>();
  const uint64_t first = above + 1;
  TRY_ASSIGN(const bool there, database.has_table(table));
  if (!there) return std::optional(first);
  const std::string from = fmt::format(" FROM main.{}", quote_identifier(table));
  const std::string column = quote_identifier(id_column);
  TRY_ASSIGN(Statement taken, database.prepare("SELECT 1" + from + " WHERE " + column + " = ?1"));
  TRY_ASSIGN(const bool first_taken, taken.bind(1, first).step());
  if (!first_taken) return std::optional(first);
  // The id behind the first row whose next id is free.
  TRY_ASSIGN(Statement gap,
             database.prepare(
                 fmt::format("SELECT t.{0} + 1 FROM main.{1} AS t WHERE t.{0} >= ?1 AND t.{0} < ?2 "
                             "AND typeof(t.{0}) = 'integer' "
                             "AND NOT EXISTS(SELECT 1 FROM main.{1} AS n WHERE n.{0} = t.{0} + 1) "
                             "ORDER BY t.{0} LIMIT 1",
                             column, quote_identifier(table))));
  TRY_ASSIGN(const bool found, gap.bind(1, first).bind(2, kRowIdMax).step());
  if (!found) return std::optional<uint64_t>();
  return std::optional(static_cast<uint64_t>(gap.integer(0)));
}

Result<uint64_t> last_id_given(Database& database, const std::string& table) {
  TRY_ASSIGN(Statement given,
             database.prepare("SELECT last_id FROM syncline_ids WHERE table_name = ?1"));
  TRY_ASSIGN(const bool row, given.bind(1, std::string_view(table)).step());
  return row ? static_cast<uint64_t>(std::max<int64_t>(given.integer(0), 0)) : 0;
}

Result<std::map<uint64_t, Outcome>> read_outcomes(Database& database, uint64_t first_seq,
                                                  uint64_t last_seq) {
  TRY_ASSIGN(Statement statement,
             database.prepare("SELECT seq, kind, new_id, reason, file_id FROM syncline_outcomes "
                              "WHERE seq BETWEEN ?1 AND ?2"));
  statement.bind(1, first_seq).bind(2, std::min<uint64_t>(last_seq, INT64_MAX));
  std::map<uint64_t, Outcome> outcomes;
  while (true) {
    TRY_ASSIGN(const bool row, statement.step());
    if (!row) return outcomes;
    const auto seq = static_cast<uint64_t>(statement.integer(0));
    Outcome outcome{.seq = seq,
                    .kind = static_cast<Outcome::Kind>(statement.integer(1)),
                    .reason = std::string(statement.text(3))};
    (outcome.is_retracted()   ? outcome.retracted_by
     : outcome.is_set_aside() ? outcome.again_as
                              : outcome.new_id) = static_cast<uint64_t>(statement.integer(2));
    if (!statement.is_null(4)) outcome.file_id = static_cast<uint64_t>(statement.integer(4));
    outcomes.emplace(seq, std::move(outcome));
  }
}

Result<std::vector<uint64_t>> read_retractions(Database& database, uint64_t first_seq,
                                               uint64_t last_seq) {
  TRY_ASSIGN(Statement statement,
             database.prepare(fmt::format("SELECT new_id FROM syncline_outcomes WHERE kind = {} "
                                          "AND new_id BETWEEN ?1 AND ?2 ORDER BY new_id",
                                          static_cast<int>(Outcome::Kind::kRetracted))));
  statement.bind(1, first_seq).bind(2, std::min<uint64_t>(last_seq, INT64_MAX));
  std::vector<uint64_t> seqs;
  while (true) {
    TRY_ASSIGN(const bool row, statement.step());
    if (!row) return seqs;
    seqs.push_back(static_cast<uint64_t>(statement.integer(0)));
  }
}

Result<Mark> position_before(Database& database, uint64_t seq) {
  TRY_ASSIGN(Statement statement,
             database.prepare("SELECT seq, segment, offset FROM syncline_positions "
                              "WHERE seq < ?1 ORDER BY seq DESC LIMIT 1"));
  TRY_ASSIGN(const bool row, statement.bind(1, std::min<uint64_t>(seq, INT64_MAX)).step());
  if (!row) return Mark{};
  return Mark{.position = {static_cast<uint64_t>(statement.integer(1)),
                           static_cast<uint64_t>(statement.integer(2))},
              .seq = static_cast<uint64_t>(statement.integer(0))};
}

Result<CommitNames> find_commits(Database& database, uint64_t seq) {
  CommitNames names;
  // The prefix is compared as a range so that the index serves it.
  const auto first = [&](std::string_view condition, std::string& into) -> Status {
    TRY_ASSIGN(Statement statement,
               database.prepare(
                   fmt::format("SELECT commit_id FROM syncline_commits WHERE {} AND last_seq >= ?1 "
                               "AND first_seq <= ?1 ORDER BY last_seq LIMIT 1",
                               condition)));
    TRY_ASSIGN(const bool row, statement.bind(1, std::min<uint64_t>(seq, INT64_MAX)).step());
    if (row) into = statement.text(0);
    return {};
  };
  const std::string own = "ref >= 'refs/syncline/' AND ref < 'refs/syncline0'";
  TRY(first(own, names.own));
  TRY(first("NOT (" + own + ")", names.branch));
  return names;
}

}  // namespace syncline
