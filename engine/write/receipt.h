// The one place where a Receipt is made, whoever asks for it: the writer who waits, `show` and
// `log`, or a retry of a record that was trimmed from the journal. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "journal/contents/kept_keys.h"
#include "journal/record/outcome.h"
#include "journal/record/template.h"
#include "sync/own/held_paths.h"
#include "syncline/record.h"

namespace syncline {

// A record as it was accepted: what its frame says.
struct AcceptedRecord {
  uint64_t seq = 0;
  std::string_view kind, key, table;
  uint64_t id = 0;
  int64_t time_ms = 0;
  const Template* path = nullptr;  // null: the receipt names none
  uint64_t retracts = 0;           // the record that it takes away
};

// `outcome` is what became of it where it was applied; null before that, and in the plain case.
Receipt make_receipt(const AcceptedRecord& record, const Outcome* outcome, Stage stage);
// Of a record that was trimmed: its outcome is in what was kept of it.
Receipt make_receipt(KeptRecord kept, Stage stage);

// The repository ignores the path of what it tells of: the branch does not have it.
void note_ignored(Receipt& receipt, const HeldPaths& held);

}  // namespace syncline
