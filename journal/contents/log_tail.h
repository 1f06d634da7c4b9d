// What a stretch of the log says: outcomes, offsets, commits, claims, keys and ids, folded frame by
// frame. Whoever reads on beyond what the database knows holds one, so that a frame means the same
// to all of them, and a new control frame is taken in at one place.
//
//   apply   (UnappliedLog)      outcomes and offsets ahead of the watermark, what checkpoints claim
//   write   (AppendIndex)      keys and ids that SQLite does not know yet, the newest configuration
//   read    (ReceiptLookup)         outcomes, commits and keys behind the watermark
//   verify  (Verifier)       outcomes and batches of the whole log
//   fold    (scan_batches)   batches and the last publish
//
// A pure fold: it reads no files. Frames are taken in the log's order; each is checked before
// anything of it is kept. Memory grows with what is kept of the parts asked for, until it is let
// go. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "journal/contents/kept_keys.h"
#include "journal/log/frame.h"
#include "journal/record/content_hash.h"
#include "journal/record/control_frame.h"
#include "journal/record/outcome.h"
#include "syncline/result.h"

namespace syncline {

// What ids are counted by: SQLite compares names of tables without regard to ASCII case.
std::string table_key(std::string_view table);

class LogTail {
 public:
  // What is kept. Of what is not asked for, control frames are checked and let go; records are
  // decoded only for keys and ids, for they are most of the log, and retractions for outcomes.
  enum Part : unsigned {
    kOutcomes = 1,
    kOffsets = 2,
    kCommits = 4,  // batches and publishes
    kClaims = 8,   // of checkpoints
    kConfig = 16,
    kKeys = 32,
    kIds = 64,
  };
  // The outcome of a record that was journalled before the stretch, where there was one: an outcome
  // in the stretch is settled against it (see settle_file).
  using Known = std::function<Result<std::optional<Outcome>>(uint64_t seq)>;

  explicit LogTail(unsigned parts) : parts_(parts) {}

  // Forgets everything: another stretch begins.
  void clear();
  // kUnsupported, kCorrupt: this program cannot act on the frame; the error names its place, and
  // nothing of it is kept.
  Status take(const FrameView& frame, const Known& known = {});

  // ---- kOutcomes ----
  // The last one journalled; null where there is none.
  const Outcome* outcome(uint64_t seq) const;
  // Ids that rebinds before the last outcome gave.
  std::span<const uint64_t> earlier_ids(uint64_t seq) const;
  // The frame at `position`, an outcome or a retraction, has been projected: forgets it, and tells
  // whether it is the last word on its record. What is known of its place comes with it.
  bool pass_outcome(Outcome& outcome, const Position& position);

  // ---- kOffsets ----
  std::optional<uint64_t> offset(uint64_t seq) const;
  bool pass_offset(uint64_t seq, const Position& position);

  // ---- kCommits ----
  const std::vector<BatchFrame>& batches() const { return batches_; }  // as journalled
  const std::vector<PublishFrame>& publishes() const { return publishes_; }

  // Up to here batches hold the records: files and commits are settled. Known whatever is kept.
  uint64_t batched() const { return batched_; }

  // ---- kClaims: the highest ----
  uint64_t claimed_applied() const { return std::max(claimed_applied_, batched_); }
  uint64_t claimed_files_synced() const { return claimed_files_synced_; }

  // ---- kConfig: the newest; empty where none was met ----
  const std::string& config_text() const { return config_text_; }

  // ---- kKeys, kIds ----
  std::optional<KeyEntry> find_key(std::string_view key) const;
  // 0 for none.
  uint64_t highest_id(std::string_view table) const;
  // A record that is about to be appended: the next one of the same group must see it.
  void note_record(const std::string& key, const ContentHash& hash, const std::string& table,
                   uint64_t seq, uint64_t id);
  // What was trimmed from the journal.
  void note_kept(const KeptKeys& kept);
  // Records whose tables rebinds may still speak of (kIds).
  size_t records() const { return order_.size(); }
  // Lets go of the keys of records up to `seq`.
  void forget_records(uint64_t seq);

 private:
  template <typename What>
  struct At {
    What what;
    Position position;
  };
  struct Entry {
    uint64_t seq;
    std::string key;
    const std::string* table;  // a key of ids_
  };

  bool keeps(unsigned parts) const { return (parts_ & parts) != 0; }
  Status take_record(const FrameView& frame, const Known& known);
  Status take_outcome(const FrameView& frame, const Known& known);
  // Settles it against the one before, and keeps it as the frame's.
  Status keep_outcome(Outcome outcome, const FrameView& frame, const Known& known);
  void note_rebind(const Outcome& outcome);

  unsigned parts_;
  std::unordered_map<uint64_t, At<Outcome>> outcomes_;
  std::unordered_map<uint64_t, std::vector<uint64_t>> earlier_ids_;
  std::unordered_map<uint64_t, At<uint64_t>> offsets_;
  std::vector<BatchFrame> batches_;
  std::vector<PublishFrame> publishes_;
  uint64_t batched_ = 0;
  uint64_t claimed_applied_ = 0;
  uint64_t claimed_files_synced_ = 0;
  std::string config_text_;
  std::unordered_map<std::string, KeyEntry> keys_;
  std::deque<Entry> order_;                           // by seq: what forget_records() drops first
  std::map<std::string, uint64_t, std::less<>> ids_;  // by table name in lower case
};

// Of batches as journalled, those that stand: one whose range begins within the ranges before it
// takes their place. Those were journalled by a process that died before its ref moved.
std::vector<BatchFrame> standing_batches(std::span<const BatchFrame> batches);

}  // namespace syncline
