// The frames between two marks that one step applies, decoded: records with the effects that hold,
// and control frames to be projected.
//
// An outcome that is in the log ahead holds from the start: a step never decides anew what an
// earlier applier has journalled, even if that applier died before its COMMIT.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/apply/abandoned_effects.h"
#include "engine/apply/file_applier.h"
#include "journal/base/bytes.h"
#include "journal/contents/log_tail.h"
#include "journal/log/format.h"
#include "journal/log/frame.h"
#include "journal/record/intent.h"
#include "journal/record/outcome.h"
#include "journal/record/row_id.h"
#include "syncline/result.h"

namespace syncline {

struct BatchRecord {
  Intent intent;
  Effects effects;          // with the id that holds now
  uint64_t decided_id = 0;  // the frame's
  int64_t time_ms = 0;
  std::optional<Outcome> outcome;  // what holds; nothing for the plain case
  bool outcome_is_new = false;     // decided by this step, and not journalled yet
  bool id_is_taken = false;        // another row has it, or no row can have it
  bool waits = false;              // its file or section waits for the person's git state
  FileApplier::State seen = FileApplier::State::kEdited;
  std::vector<Abandoned> abandoned;

  bool is_set_aside() const { return outcome && outcome->is_set_aside(); }
  // By a record further on in the log: neither row nor file is made any more.
  bool is_retracted() const { return outcome && outcome->is_retracted(); }
  bool has_file() const {
    return !effects.path.empty() && !is_retracted() && (!outcome || outcome->has_file());
  }
  // A decided id that no row can have was never given to one; see RecordPlacer::place().
  uint64_t highest_id() const {
    return is_row_id(decided_id) ? std::max(decided_id, effects.id) : effects.id;
  }
};

struct BatchControl {
  Operation operation = Operation::kConfig;
  Position position;
  ByteVector payload;
};

struct Batch {
  Mark from, to;
  std::vector<BatchRecord> records;
  std::vector<BatchControl> controls;
  bool reached_end = false;  // of what is durable, or of what was asked for

  // Adds a frame. `ahead` is the tail of the log that the frame is in. kUnsupported: a newer
  // program wrote it.
  Status take(const FrameView& frame, const LogTail& ahead);

 private:
  Status take_record(const FrameView& frame, const LogTail& ahead);
};

}  // namespace syncline
