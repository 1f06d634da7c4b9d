#include "engine/verify/lost_keys.h"

#include <algorithm>
#include <map>

#include "engine/place/database_place.h"
#include "engine/verify/frame_finder.h"
#include "engine/verify/lost_store.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "sync/own/sync_state.h"

namespace syncline {
namespace {

struct AppliedKey {
  std::string key;
  uint64_t seq = 0;
  ContentHash content_hash;
};

class LostKeys {
 public:
  LostKeys(Directory& kept, const Identity& lost, uint64_t first_seq)
      : kept_(kept), lost_(lost), first_seq_(first_seq) {}

  // A file that cannot be read is passed over.
  Status read_trimmed() {
    const auto directory = kept_.open_directory(kJournalDirectory);
    if (!directory && directory.error().code == Code::kNotFound) return {};
    if (!directory) return directory.error();
    TRY_ASSIGN(const auto segments, list_kept_keys(**directory));
    for (const uint64_t segment : segments) {
      auto keys = read_kept_keys(**directory, lost_.store, segment);
      if (!keys && keys.error().code != Code::kDisagree) return keys.error();
      if (!keys) continue;
      for (KeptRecord& record : keys->records) add(std::move(record));
    }
    return {};
  }

  Status read_frames() {
    std::map<uint64_t, Outcome> outcomes;
    TRY(survey_frames(kept_, lost_.store, [&](const SurveyedFrame& surveyed) {
      const FrameView& frame = surveyed.frame;
      if (!surveyed.whole || surveyed.discarded) return;
      if (frame.operation == Operation::kRebind || frame.operation == Operation::kSetAside) {
        auto outcome = decode_outcome(frame.operation, frame.payload);
        if (outcome) outcomes.insert_or_assign(outcome->seq, std::move(*outcome));
        return;
      }
      if (!is_record(frame.operation)) return;
      auto intent = decode_intent(frame.operation, frame.payload);
      if (intent && !intent->key.empty()) {
        read_.insert_or_assign(frame.seq,
                               Read{std::move(*intent), frame.id, frame.time_ms, std::nullopt});
      }
    }));
    for (auto& [seq, outcome] : outcomes) {
      const auto found = read_.find(seq);
      if (found != read_.end()) found->second.outcome = std::move(outcome);
    }
    return {};
  }

  // The database says which record has the key; the frame or the row says what became of it.
  Status add_applied(Database& database, const Config& config, const StorePlaces& places) {
    std::vector<AppliedKey> applied;
    const Status read = read_applied(database, applied);
    if (!read && read.error().code != Code::kCorrupt) return read;
    TRY_ASSIGN(KnownIds known_ids, read_known_ids(kept_, lost_.store));
    TRY_ASSIGN(const auto work_tree, places.platform->open_directory(places.root));
    FrameFinder finder(config, lost_.tag, &database, nullptr, *work_tree, std::move(known_ids));
    auto rows = finder.rows_by_content();
    if (!rows && rows.error().code != Code::kCorrupt) return rows.error();
    for (AppliedKey& key : applied) {
      const auto frame = read_.find(key.seq);
      if (frame != read_.end() && frame->second.intent.key == key.key) {
        add(kept_record(key.seq, frame->second));
        continue;
      }
      KeptRecord record{.seq = key.seq, .key = key.key, .content_hash = key.content_hash};
      if (rows) describe(record, *rows);
      add(std::move(record));
    }
    return {};
  }

  // What the commits hold up to `committed` is on the branch, whatever became of its row.
  void add_committed(uint64_t committed) {
    for (const auto& [seq, read] : read_) {
      if (seq <= committed) add(kept_record(seq, read));
    }
  }

  KeptKeys take() {
    KeptKeys keys{.segment = 1, .first_seq = 1, .last_seq = first_seq_ - 1};
    for (auto& [seq, record] : records_) keys.records.push_back(std::move(record));
    return keys;
  }

 private:
  struct Read {
    Intent intent;
    uint64_t id = 0;
    int64_t time_ms = 0;
    std::optional<Outcome> outcome;
  };

  static Status read_applied(Database& database, std::vector<AppliedKey>& applied) {
    TRY_ASSIGN(const bool there, database.has_table("syncline_keys"));
    if (!there) return {};
    TRY_ASSIGN(Statement rows,
               database.prepare("SELECT key, seq, content_hash FROM syncline_keys ORDER BY seq"));
    while (true) {
      TRY_ASSIGN(const bool row, rows.step());
      if (!row) return {};
      const auto hash = content_hash_of(rows.blob(2));
      if (!hash) continue;
      applied.push_back({std::string(rows.text(0)), static_cast<uint64_t>(rows.integer(1)), *hash});
    }
  }

  static void describe(KeptRecord& record,
                       const std::map<ContentHash, FrameFinder::KnownRow>& rows) {
    const auto row = rows.find(record.content_hash);
    if (row == rows.end()) return;
    record.id = row->second.id;
    record.time_ms = row->second.time_ms;
    record.kind = row->second.kind;
    record.table = row->second.table;
    record.path = row->second.path;
  }

  static KeptRecord kept_record(uint64_t seq, const Read& read) {
    const Outcome* const outcome = read.outcome ? &*read.outcome : nullptr;
    return make_kept_record(Intent(read.intent), seq, read.id, read.time_ms, outcome);
  }

  // The first place that knows a key or a record is believed; but a later record has the key of one
  // that was set aside.
  void add(KeptRecord record) {
    if (record.seq == 0 || record.seq >= first_seq_ || record.key.empty()) return;
    const uint64_t seq = record.seq;
    const auto known = keys_.find(record.key);
    if (known != keys_.end()) {
      const auto before = records_.find(known->second);
      if (before->second.set_aside.empty() || before->first >= seq) return;
      records_.erase(before);
      keys_.erase(known);
    }
    std::string key = record.key;
    if (records_.emplace(seq, std::move(record)).second) keys_.emplace(std::move(key), seq);
  }

  Directory& kept_;
  const Identity& lost_;
  const uint64_t first_seq_;
  std::map<uint64_t, Read> read_;
  std::map<uint64_t, KeptRecord> records_;
  std::map<std::string, uint64_t, std::less<>> keys_;  // of records_
};

// How far records were committed, by the commits of the lost store's ref and its syncer's notes.
Result<uint64_t> last_committed(Directory& kept, const StorePlaces& places, const Identity& lost) {
  uint64_t committed = 0;
  const auto state = load_sync_state(kept, lost.store);
  if (state && *state) committed = (*state)->committed;
  TRY_ASSIGN(const auto common, places.platform->open_directory(places.common_dir));
  auto commits = OwnCommits::open(places.common_dir, *common, lost.store, *places.platform);
  if (!commits) return committed;
  const auto batches = commits->batches();
  if (!batches) return committed;
  for (const BatchFrame& batch : *batches) committed = std::max(committed, batch.last_seq);
  return committed;
}

}  // namespace

Result<KeptKeys> keys_of_lost_store(Directory& kept, const StorePlaces& places,
                                    const Config& config, uint64_t first_seq) {
  TRY_ASSIGN(const Identity lost, read_identity(kept));
  LostKeys keys(kept, lost, first_seq);
  TRY(keys.read_trimmed());
  TRY(keys.read_frames());
  const auto database = open_if_sound(*places.platform, database_file(places, config), lost.store);
  if (database != nullptr) TRY(keys.add_applied(*database, config, places));
  TRY_ASSIGN(const uint64_t committed, last_committed(kept, places, lost));
  keys.add_committed(committed);
  return keys.take();
}

}  // namespace syncline
