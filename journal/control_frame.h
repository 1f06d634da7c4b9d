// Payloads of control frames. Byte tables: journal/FORMAT.md, "Control frames".
//
// Where two outcomes name the same record, the later one in the journal holds. Whoever journals an
// outcome acts on it only once it is durable.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "journal/bytes.h"
#include "journal/format.h"
#include "journal/result.h"

namespace syncline {

// A SHA-1 object name of git, as 20 bytes.
struct ObjectId {
  std::array<std::byte, 20> bytes{};
  auto operator<=>(const ObjectId&) const = default;
  bool is_zero() const { return *this == ObjectId{}; }
  std::string hex() const { return to_hex(bytes); }
  static std::optional<ObjectId> parse(std::string_view hex);
};

// Ids of rows are those that SQLite can hold: 1 to kRowIdMax.
inline constexpr uint64_t kRowIdMax = std::numeric_limits<int64_t>::max();
constexpr bool is_row_id(uint64_t id) {
  return id >= 1 && id <= kRowIdMax;
}

struct ConfigFrame {
  std::string text;  // syncline.toml, whole
};

// What became of a record at apply, where it is not the plain case.
//
// Of two outcomes of a record the later in the journal holds. Its file and its commits are settled
// by the batch that holds it: an outcome behind that batch (the database was lost, and a foreign
// row had taken the id before the record was applied again) changes the row alone, or every commit
// from there on would have to be another.
struct Outcome {
  enum class Kind : uint8_t { kRebind = 1, kSetAside = 2 };
  uint64_t seq = 0;
  Kind kind = Kind::kRebind;
  uint64_t new_id = 0;  // kRebind
  std::string reason;   // kSetAside: a sentence for people
  // Not in the payload, but of its place (settle_file): the id that file and commits were settled
  // with before this outcome; 0 for the one the record's frame decided, kNoFile for none.
  static constexpr uint64_t kNoFile = UINT64_MAX;
  std::optional<uint64_t> file_id = {};

  bool has_row() const { return kind != Kind::kSetAside; }
  bool has_file() const { return file_id ? *file_id != kNoFile : kind != Kind::kSetAside; }
  bool operator==(const Outcome&) const = default;
};
// For an outcome behind `before` (null: there is none) and behind batches of which the furthest
// reaches up to `batched_seq`: sets its file_id.
void settle_file(Outcome& outcome, const Outcome* before, uint64_t batched_seq);

// The ids that a record's row and its file have.
struct EffectIds {
  EffectIds(uint64_t id) : row(id), file(id) {}  // NOLINT: the plain case
  // `decided_id` is the frame's; `outcome` null where there is none.
  EffectIds(uint64_t decided_id, const Outcome* outcome);
  uint64_t row = 0;
  uint64_t file = 0;
};

// Beyond this no file reaches; with the length of a section it does not overflow.
inline constexpr uint64_t kAppendOffsetMax = (uint64_t{1} << 62) - 1;
struct AppendOffset {
  uint64_t seq = 0;
  uint64_t offset = 0;  // bytes into the file at the record's path
  bool operator==(const AppendOffset&) const = default;
};
struct AppendOffsetsFrame {
  std::vector<AppendOffset> offsets;
};

// Journalled, and durable, before the store's ref moves from `parent` to `commit`.
struct BatchFrame {
  uint64_t first_seq = 0;
  uint64_t last_seq = 0;
  ObjectId parent;  // zero for the first commit
  ObjectId tree;
  ObjectId commit;
  std::string author_name;
  std::string author_email;
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
