// Keys and ids of records that are in the journal but perhaps not yet in SQLite.
//
// Under the append lock a record's key must be looked up in all that came before it: SQLite holds
// what is applied, this holds the rest. The index starts at an applied watermark, reads every frame
// after it, whoever appended it, and is kept up to date under the lock.
//
// Invariant: every record after the mark it was restarted at and up to position() is in it, less
// what was pruned. Not thread-safe: used under the append lock, but for restart() and prune(),
// which its one owner calls between turns.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "engine/projection/projection.h"
#include "journal/contents/kept_keys.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"

namespace syncline {

class TailIndex {
 public:
  TailIndex(Directory& store_directory, const StoreId& store)
      : directory_(store_directory), store_(store) {}

  // Starts over at the applied state of `database` (or at the journal's begin where there is none).
  void restart(const Mark& applied) {
    position_ = applied;
    keys_.clear();
    order_.clear();
    ids_.clear();
    config_text_.clear();
    started_ = true;
  }
  // What was noted may never have been written: start over before the next use.
  void invalidate() { started_ = false; }
  bool started() const { return started_; }
  const Mark& position() const { return position_; }

  // Reads up to `end` what was appended since, by whichever process. Refuses a frame that this
  // program cannot act on: the caller is about to write behind it.
  Status catch_up(const Mark& end);

  std::optional<KeyEntry> find(std::string_view key) const;
  // Highest id met in `table`; 0 for none.
  uint64_t highest_id(std::string_view table) const;
  // The newest configuration met, empty when none was.
  const std::string& config_text() const { return config_text_; }

  // Notes a record that is about to be appended with this seq and id, before the append itself: the
  // next one of the same group must see it. If the append fails the index must be restarted.
  void note_record(const std::string& key, const ContentHash& hash, const std::string& table,
                   uint64_t seq, uint64_t id);
  // What was trimmed from the journal, where SQLite does not know it.
  void note_kept(const KeptKeys& kept);
  // After our own append: everything up to `end` is known without reading it back.
  void advance(const Mark& end) { position_ = end; }
  // Forgets records up to `applied`, which SQLite answers for.
  void prune(uint64_t applied_seq);
  size_t size() const { return order_.size(); }

 private:
  void note_rebind(const Outcome& outcome);

  Directory& directory_;
  const StoreId store_;
  bool started_ = false;
  Mark position_;
  std::unordered_map<std::string, KeyEntry> keys_;
  struct Entry {
    uint64_t seq;
    std::string key;
    const std::string* table;  // a key of ids_
  };
  std::deque<Entry> order_;  // by seq: what prune() drops first, and the tables rebinds speak of
  std::map<std::string, uint64_t, std::less<>> ids_;
  std::string config_text_;
};

}  // namespace syncline
