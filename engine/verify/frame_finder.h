// Finds the content of a lost frame elsewhere: in the record's row and file, or in the own ref's
// commits.
//
// A record found by its row is made anew from the fields that the row shows. If the frame's header
// still has the hash of its payload, and the hashes are equal, it is the very record. Otherwise
// (the configuration has changed since, or some fields are only in the file) a record with the same
// row and the same file takes its place: every byte in it is literal, and it has no other effect.
//
// The content of a record that was never applied is nowhere else. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "engine/config/config.h"
#include "engine/sqlite/database.h"
#include "journal/contents/salvage.h"
#include "journal/os/file_system.h"
#include "sync/own/own_commits.h"

namespace syncline {

// The ids that readable frames have given out, by table.
using KnownIds = std::map<std::string, std::set<uint64_t>>;
Result<KnownIds> read_known_ids(Directory& store_directory, const StoreId& store);

class FrameFinder final : public FrameSource {
 public:
  // `database` and `commits` may be null where there are none.
  FrameFinder(const Config& config, std::string store_tag, Database* database, OwnCommits* commits,
              Directory& work_tree, KnownIds known_ids)
      : config_(config),
        store_tag_(std::move(store_tag)),
        database_(database),
        commits_(commits),
        work_tree_(work_tree),
        known_ids_(std::move(known_ids)) {}

  Result<std::optional<FoundFrame>> find(const LostFrame& lost) override;

  // The rows that no readable frame accounts for, by the content of the record that would make
  // them; a lost record's row is found by that content. Contents that two rows share are left out.
  // Needs a database.
  struct KnownRow {
    std::string kind, table, path;
    uint64_t id = 0;
    int64_t time_ms = 0;
  };
  Result<std::map<ContentHash, KnownRow>> rows_by_content();

 private:
  struct Candidate {
    const KindSpec* kind = nullptr;
    uint64_t row_id = 0;
    uint64_t file_id = 0;
    int64_t time_ms = 0;
  };
  // The row's columns, or nothing.
  Result<std::optional<std::map<std::string, Value>>> read_row(const Candidate& candidate);
  Result<std::vector<Candidate>> candidates(const LostFrame& lost);
  Result<std::vector<uint64_t>> unknown_ids(const KindSpec& kind);
  Result<std::optional<FoundFrame>> find_record(const LostFrame& lost);
  Result<std::optional<FoundFrame>> find_control(const LostFrame& lost);
  Result<std::optional<ByteVector>> outcome_payload(const FrameView& header);
  Result<bool> was_durable_when_applied(const Position& position);
  Result<std::optional<FoundFrame>> rebuild(const LostFrame& lost, const Candidate& candidate);
  // The file as the engine wrote it, or otherwise as it is in the work tree.
  Result<std::optional<std::string>> file_text(const std::string& path);

  const Config& config_;
  const std::string store_tag_;
  Database* const database_;
  OwnCommits* const commits_;
  Directory& work_tree_;
  const KnownIds known_ids_;
};

}  // namespace syncline
