// What became of a record when it was applied, and which ids its row and its file have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace syncline {

// What became of a record, where it is not the plain case: what its apply decided, or that a later
// record has taken it away.
//
// Of two outcomes of a record the later in the journal holds. Its file and its commits are settled
// by the batch that holds it: an outcome behind that batch (the database was lost, and a foreign
// row had taken the id before the record was applied again) changes the row alone, because another
// file would change every commit from there on.
struct Outcome {
  enum class Kind : uint8_t { kRebind = 1, kSetAside = 2, kRetracted = 3 };
  uint64_t seq = 0;
  Kind kind = Kind::kRebind;
  uint64_t new_id = 0;  // kRebind; kRetracted: of a rebind before it, as far as that is known
  std::string reason;   // kSetAside: a sentence for people
  // kRetracted: the record that took this one away. It follows from that record's frame, and has no
  // frame of its own. Only what a batch holds is retracted, so the file in the commits is settled.
  uint64_t retracted_by = 0;
  // kSetAside: the later record that has taken in the same content anew; 0 for none. It follows
  // from that record's key, and has no frame of its own.
  uint64_t again_as = 0;
  // Not in the payload, but derived from the outcome's place (settle_file): the id that file and
  // commits were settled with before this outcome; 0 for the one the record's frame decided,
  // kNoFile for none.
  static constexpr uint64_t kNoFile = UINT64_MAX;
  std::optional<uint64_t> file_id = {};

  bool is_set_aside() const { return kind == Kind::kSetAside; }
  bool is_retracted() const { return kind == Kind::kRetracted; }
  bool has_row() const { return kind == Kind::kRebind; }
  // In the commits; a retraction takes it out of later ones.
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

}  // namespace syncline
