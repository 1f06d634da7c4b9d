#include "engine/apply/checkpoint.h"

#include <algorithm>

#include "engine/projection/schema.h"
#include "journal/base/try.h"

namespace syncline {

Status Checkpoint::run() {
  TRY(context_.refresh());
  Database& database = *context_.database;
  TRY_ASSIGN(const auto under_way, read_meta(database, "checkpoint"));
  if (under_way.value_or(0) != 0) {
    if (context_.options.write_files) TRY(recheck_.write_again());
  } else {
    TRY(write_meta(database, "checkpoint", 1));
  }
  TRY(context_.sync_files());
  if (auto done = database.checkpoint(); !done) {
    Error error = std::move(done).error();
    TRY(context_.note_damage(error));
    return error;
  }
  TRY_ASSIGN(Transaction transaction, Transaction::begin(database));
  TRY(write_meta(database, "files_synced", static_cast<int64_t>(context_.applied.seq)));
  TRY(write_meta(database, "checkpoint", 0));
  TRY(transaction.commit());
  context_.files_synced = context_.applied.seq;
  return {};
}

bool Checkpoint::is_due() const {
  const uint64_t applied = context_.applied.seq;
  return applied - std::min(applied, context_.files_synced) >=
         context_.options.checkpoint_records_max;
}

}  // namespace syncline
