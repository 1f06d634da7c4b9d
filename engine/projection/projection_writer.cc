#include "engine/projection/projection_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "journal/base/try.h"
#include "journal/record/again_key.h"

namespace syncline {

struct ProjectionWriter::Statements {
  Statement key, key_owner, take_key, taken_in_anew, outcome, offset, waiting, not_waiting,
      position, commit, next_published, id;
  Statement read_offsets, read_waiting, path_waiting;
};

ProjectionWriter::ProjectionWriter(Database& database, std::unique_ptr<Statements> statements)
    : database_(database), statements_(std::move(statements)) {}
ProjectionWriter::~ProjectionWriter() = default;

Result<std::unique_ptr<ProjectionWriter>> ProjectionWriter::prepare(Database& database) {
  TRY_ASSIGN(Statement key,
             database.prepare("INSERT INTO syncline_keys(key, seq, content_hash) VALUES(?1, ?2, ?3)"
                              " ON CONFLICT(key) DO NOTHING"));
  TRY_ASSIGN(Statement key_owner, database.prepare("SELECT seq FROM syncline_keys WHERE key = ?1"));
  TRY_ASSIGN(
      Statement take_key,
      database.prepare("UPDATE syncline_keys SET seq = ?2, content_hash = ?3 WHERE key = ?1"));
  TRY_ASSIGN(Statement taken_in_anew,
             database.prepare(fmt::format("UPDATE syncline_outcomes SET new_id = ?2 "
                                          "WHERE seq = ?1 AND kind = {}",
                                          static_cast<int>(Outcome::Kind::kSetAside))));
  TRY_ASSIGN(Statement outcome,
             database.prepare(
                 "INSERT INTO syncline_outcomes(seq, kind, new_id, reason, file_id) "
                 "VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(seq) DO UPDATE SET kind = excluded.kind, "
                 "new_id = excluded.new_id, reason = excluded.reason, "
                 "file_id = coalesce(excluded.file_id, file_id)"));
  TRY_ASSIGN(
      Statement offset,
      database.prepare("INSERT OR REPLACE INTO syncline_offsets(seq, offset) VALUES(?1, ?2)"));
  TRY_ASSIGN(Statement waiting,
             database.prepare("INSERT OR REPLACE INTO syncline_waiting(seq, path) VALUES(?1, ?2)"));
  TRY_ASSIGN(Statement not_waiting,
             database.prepare("DELETE FROM syncline_waiting WHERE seq = ?1"));
  TRY_ASSIGN(Statement position,
             database.prepare("INSERT OR REPLACE INTO syncline_positions(seq, segment, offset) "
                              "VALUES(?1, ?2, ?3)"));
  TRY_ASSIGN(Statement commit,
             database.prepare("INSERT OR REPLACE INTO syncline_commits(ref, last_seq, first_seq, "
                              "commit_id) VALUES(?1, ?2, ?3, ?4)"));
  TRY_ASSIGN(Statement next_published,
             database.prepare("SELECT max(last_seq) FROM syncline_commits "
                              "WHERE ref = ?1 AND last_seq < ?2"));
  TRY_ASSIGN(Statement id,
             database.prepare("INSERT INTO syncline_ids(table_name, last_id) VALUES(?1, ?2) "
                              "ON CONFLICT(table_name) DO UPDATE "
                              "SET last_id = max(last_id, excluded.last_id)"));
  TRY_ASSIGN(Statement read_offsets, database.prepare("SELECT seq, offset FROM syncline_offsets "
                                                      "WHERE seq BETWEEN ?1 AND ?2"));
  TRY_ASSIGN(Statement read_waiting, database.prepare("SELECT seq, path FROM syncline_waiting "
                                                      "WHERE seq BETWEEN ?1 AND ?2"));
  TRY_ASSIGN(Statement path_waiting,
             database.prepare("SELECT 1 FROM syncline_waiting WHERE path = ?1 LIMIT 1"));
  auto statements = std::make_unique<Statements>(
      std::move(key), std::move(key_owner), std::move(take_key), std::move(taken_in_anew),
      std::move(outcome), std::move(offset), std::move(waiting), std::move(not_waiting),
      std::move(position), std::move(commit), std::move(next_published), std::move(id),
      std::move(read_offsets), std::move(read_waiting), std::move(path_waiting));
  return std::unique_ptr<ProjectionWriter>(new ProjectionWriter(database, std::move(statements)));
}

Status ProjectionWriter::add_keys(std::vector<Key> keys) {
  // In random order each key touches a page of its own; sorted, a batch walks the tree once.
  std::ranges::sort(keys, {}, [](const Key& key) { return std::tie(key.key, key.seq); });
  for (const Key& key : keys) {
    TRY(statements_->key.bind(1, key.key)
            .bind(2, key.seq)
            .bind_blob(3, content_hash_bytes(*key.content_hash))
            .run());
    if (database_.changes() == 0) TRY(take_key_over(key));
    const uint64_t set_aside = set_aside_seq_of(key.key);
    if (set_aside != 0) TRY(statements_->taken_in_anew.bind(1, set_aside).bind(2, key.seq).run());
  }
  return {};
}

// The key belongs to the last of the records that have it: the one before was set aside.
Status ProjectionWriter::take_key_over(const Key& key) {
  Statement& owner = statements_->key_owner;
  const auto row = owner.bind(1, key.key).step();
  const uint64_t before = row && *row ? static_cast<uint64_t>(owner.integer(0)) : 0;
  owner.reset();
  if (!row) return row.error();
  if (before >= key.seq) return {};
  TRY(statements_->take_key.bind(1, key.key)
          .bind(2, key.seq)
          .bind_blob(3, content_hash_bytes(*key.content_hash))
          .run());
  return statements_->taken_in_anew.bind(1, before).bind(2, key.seq).run();
}

Status ProjectionWriter::put_outcome(const Outcome& outcome) {
  Statement& put = statements_->outcome;
  put.bind(1, outcome.seq).bind(2, static_cast<int64_t>(outcome.kind));
  if (outcome.kind == Outcome::Kind::kRebind) {
    put.bind(3, outcome.new_id).bind_null(4);
  } else if (outcome.is_retracted()) {
    put.bind(3, outcome.retracted_by).bind_null(4);
  } else {
    put.bind_null(3).bind(4, std::string_view(outcome.reason));
  }
  if (outcome.file_id) {
    put.bind(5, *outcome.file_id);
  } else {
    put.bind_null(5);
  }
  return put.run();
}

Status ProjectionWriter::put_offset(const AppendOffset& offset) {
  return statements_->offset.bind(1, offset.seq).bind(2, offset.offset).run();
}

Status ProjectionWriter::put_waiting(uint64_t seq, std::string_view path) {
  return statements_->waiting.bind(1, seq).bind(2, path).run();
}

Status ProjectionWriter::remove_waiting(uint64_t seq) {
  return statements_->not_waiting.bind(1, seq).run();
}

Status ProjectionWriter::put_position(const Mark& mark) {
  return statements_->position.bind(1, mark.seq)
      .bind(2, mark.position.segment)
      .bind(3, mark.position.offset)
      .run();
}

Status ProjectionWriter::put_commit(std::string_view ref, uint64_t first_seq, uint64_t last_seq,
                                    const ObjectId& commit) {
  const std::string hex = commit.hex();
  return statements_->commit.bind(1, ref)
      .bind(2, last_seq)
      .bind(3, first_seq)
      .bind(4, std::string_view(hex))
      .run();
}

Result<uint64_t> ProjectionWriter::next_published(std::string_view ref, uint64_t last_seq) {
  Statement& next = statements_->next_published;
  const auto row = next.bind(1, ref).bind(2, last_seq).step();
  const uint64_t before = row && *row ? static_cast<uint64_t>(next.integer(0)) : 0;
  next.reset();
  if (!row) return row.error();
  return before + 1;
}

Status ProjectionWriter::raise_id(std::string_view table, uint64_t id) {
  return statements_->id.bind(1, table).bind(2, id).run();
}

Result<std::map<uint64_t, uint64_t>> ProjectionWriter::offsets(uint64_t first_seq,
                                                               uint64_t last_seq) {
  std::map<uint64_t, uint64_t> found;
  Statement& read = statements_->read_offsets;
  read.bind(1, first_seq).bind(2, last_seq);
  while (true) {
    auto row = read.step();
    if (row && *row) {
      found.emplace(static_cast<uint64_t>(read.integer(0)), static_cast<uint64_t>(read.integer(1)));
      continue;
    }
    read.reset();
    if (!row) return std::move(row).error();
    return found;
  }
}

Result<std::map<uint64_t, std::string>> ProjectionWriter::waiting(uint64_t first_seq,
                                                                  uint64_t last_seq) {
  std::map<uint64_t, std::string> found;
  Statement& read = statements_->read_waiting;
  read.bind(1, first_seq).bind(2, last_seq);
  while (true) {
    auto row = read.step();
    if (row && *row) {
      found.emplace(static_cast<uint64_t>(read.integer(0)), std::string(read.text(1)));
      continue;
    }
    read.reset();
    if (!row) return std::move(row).error();
    return found;
  }
}

Result<bool> ProjectionWriter::is_path_waiting(std::string_view path) {
  Statement& waiting = statements_->path_waiting;
  auto row = waiting.bind(1, path).step();
  waiting.reset();
  return row;
}

}  // namespace syncline
