// One record on its way into the journal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/config/config.h"
#include "journal/base/group_commit.h"
#include "journal/log/request_page.h"
#include "journal/record/content_hash.h"
#include "journal/record/intent.h"
#include "journal/record/operation.h"

namespace syncline {

struct PendingWrite : GroupItem {
  // Set by the submitter.
  Operation operation = Operation::kCreate;
  ByteVector payload;
  uint64_t payload_hash = 0;
  std::string key;
  ContentHash content_hash;
  Xxh3Hash xxh3{};  // the hash that a first record of payload version 1 would have
  std::string table, id_column;
  std::shared_ptr<const Config> config;  // what the record was made by
  // What the configuration has against the record: then only a repetition of one that is in the log
  // is answered, and nothing is written.
  std::optional<Error> refusal;
  // Of a row that is there already (adopt, retract); the record gets this one, not the next.
  std::optional<uint64_t> fixed_id;
  // The record whose content this one takes in anew, since it was set aside: that it has the key is
  // no obstacle. 0 for none.
  uint64_t again_of = 0;
  bool is_posted = false;                         // nobody waits for it
  int64_t submitted_ns = 0;                       // by the monotonic clock
  std::optional<RequestPage::Request> requested;  // by another process, which waits for the answer

  // Set by the leader.
  std::optional<Error> error;
  bool duplicate = false;
  uint64_t seq = 0, id = 0;
  int64_t time_ms = 0;
  std::optional<RequestPage::Place> place;  // of one that was requested, once its write began
};
using PendingWritePtr = std::shared_ptr<PendingWrite>;

// What the intent says, encoded and hashed. `config` and `xxh3` are the caller's to set.
PendingWritePtr pending_write_of(const Intent& intent);

}  // namespace syncline
