// Payloads of control frames. Byte tables: journal/FORMAT.md, "Control frames".
//
// Whoever journals an outcome acts on it only once it is durable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/record/object_id.h"
#include "journal/record/operation.h"
#include "journal/record/outcome.h"
#include "syncline/result.h"

namespace syncline {

struct ConfigFrame {
  std::string text;  // syncline.toml, whole
};

// No file reaches beyond this, and adding a section's length to it does not overflow.
inline constexpr uint64_t kAppendOffsetMax = (uint64_t{1} << 62) - 1;
struct AppendOffset {
  uint64_t seq = 0;
  uint64_t offset = 0;  // bytes into the file at the record's path
  bool operator==(const AppendOffset&) const = default;
};
struct AppendOffsetsFrame {
  std::vector<AppendOffset> offsets;
};

inline constexpr uint8_t kBatchNamesKinds = 2;  // a BatchFrame's version
// Journalled, and durable, before the store's ref moves from `parent` to `commit`.
struct BatchFrame {
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  ObjectId parent;  // zero for the first commit
  ObjectId tree;
  ObjectId commit;
  std::string author_name;
  std::string author_email;
  // Version of the payload, and with it what the commit's message says: 1 counts records alone, 2
  // names their kinds. A batch that was journalled keeps its own, so that its commit stays the
  // same.
  uint8_t version = 1;
  bool operator==(const BatchFrame&) const = default;
};

// Journalled after the branch moved to `commit`.
struct PublishFrame {
  uint64_t last_seq = 0;  // everything up to here is on the branch
  std::string branch;     // full ref name
  ObjectId parent;
  ObjectId commit;
  bool operator==(const PublishFrame&) const = default;
};

struct CheckpointFrame {
  uint64_t files_synced = 0;
  uint64_t applied = 0;
  uint64_t committed = 0;
  bool operator==(const CheckpointFrame&) const = default;
};

ByteVector encode(const ConfigFrame& frame);
ByteVector encode(const Outcome& outcome);  // kRebind or kSetAside by its kind
ByteVector encode(const AppendOffsetsFrame& frame);
ByteVector encode(const BatchFrame& frame);
ByteVector encode(const PublishFrame& frame);
ByteVector encode(const CheckpointFrame& frame);

Result<ConfigFrame> decode_config(ByteSpan payload);
Result<Outcome> decode_outcome(Operation operation, ByteSpan payload);
Result<AppendOffsetsFrame> decode_append_offsets(ByteSpan payload);
Result<BatchFrame> decode_batch(ByteSpan payload);
Result<PublishFrame> decode_publish(ByteSpan payload);
Result<CheckpointFrame> decode_checkpoint(ByteSpan payload);

}  // namespace syncline
