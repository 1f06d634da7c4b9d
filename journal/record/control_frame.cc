#include "journal/record/control_frame.h"

#include <algorithm>
#include <cstring>

#include "journal/base/assert.h"
#include "journal/base/try.h"
#include "journal/record/payload.h"
#include "journal/record/row_id.h"

namespace syncline {
namespace {

constexpr uint8_t kControlVersion = 1;
constexpr uint8_t kBatchVersion = kBatchNamesKinds;
constexpr size_t kAppendOffsetBytes = 16;

void write_object(ByteWriter& writer, const ObjectId& object) {
  writer.raw(object.bytes);
}

ObjectId read_object(ByteReader& reader) {
  ObjectId object;
  const ByteSpan bytes = reader.raw(object.bytes.size());
  if (!bytes.empty()) std::memcpy(object.bytes.data(), bytes.data(), bytes.size());
  return object;
}

// What must hold of a frame besides its shape. Encoders assert it, so that nothing is journalled
// that could not be read back; empty where all holds.
std::string_view fault_of(const Outcome& outcome) {
  if (outcome.seq == 0) return "the outcome is of no record";
  if (outcome.kind == Outcome::Kind::kRebind && !is_row_id(outcome.new_id)) {
    return "the new id is no row id";
  }
  return {};
}
std::string_view fault_of(const AppendOffsetsFrame& frame) {
  for (const AppendOffset& offset : frame.offsets) {
    if (offset.seq == 0) return "an offset is of no record";
    if (offset.offset > kAppendOffsetMax) return "an offset lies beyond what a file can hold";
  }
  return {};
}
std::string_view fault_of(const BatchFrame& frame) {
  if (frame.first_seq == 0 || frame.first_seq > frame.last_seq) return "the range is empty";
  if (frame.tree.is_zero() || frame.commit.is_zero()) return "the tree or the commit is zero";
  if (frame.version < 1 || frame.version > kBatchVersion) return "there is no such version";
  return {};
}
std::string_view fault_of(const PublishFrame& frame) {
  if (frame.commit.is_zero()) return "the commit is zero";
  if (!frame.branch.starts_with("refs/")) return "the branch is not the full name of a ref";
  return {};
}

// Ends every decoder: everything read, nothing over, and what it says makes sense.
Status finish(const ByteReader& reader, std::string_view payload_name, std::string_view fault) {
  if (!reader.ok()) return payload_error(payload_name, "it ends too early");
  if (!reader.finished()) return payload_error(payload_name, "bytes follow its end");
  if (!fault.empty()) return payload_error(payload_name, fault);
  return {};
}

}  // namespace

ByteVector encode(const ConfigFrame& frame) {
  ByteVector payload;
  ByteWriter writer(payload);
  writer.u8(kControlVersion);
  writer.string(frame.text);
  return payload;
}

ByteVector encode(const Outcome& outcome) {
  SYNCLINE_ASSERT(fault_of(outcome).empty());
  ByteVector payload;
  ByteWriter writer(payload);
  writer.u8(kControlVersion);
  writer.u64(outcome.seq);
  if (outcome.kind == Outcome::Kind::kRebind) {
    writer.u64(outcome.new_id);
  } else {
    writer.string(outcome.reason);
  }
  return payload;
}

ByteVector encode(const AppendOffsetsFrame& frame) {
  SYNCLINE_ASSERT(fault_of(frame).empty());
  ByteVector payload;
  payload.reserve(5 + frame.offsets.size() * kAppendOffsetBytes);
  ByteWriter writer(payload);
  writer.u8(kControlVersion);
  writer.u32(static_cast<uint32_t>(frame.offsets.size()));
  for (const AppendOffset& offset : frame.offsets) {
    writer.u64(offset.seq);
    writer.u64(offset.offset);
  }
  return payload;
}

ByteVector encode(const BatchFrame& frame) {
  SYNCLINE_ASSERT(fault_of(frame).empty());
  ByteVector payload;
  ByteWriter writer(payload);
  writer.u8(frame.version);
  writer.u64(frame.first_seq);
  writer.u64(frame.last_seq);
  write_object(writer, frame.parent);
  write_object(writer, frame.tree);
  write_object(writer, frame.commit);
  writer.string(frame.author_name);
  writer.string(frame.author_email);
  return payload;
}

ByteVector encode(const PublishFrame& frame) {
  SYNCLINE_ASSERT(fault_of(frame).empty());
  ByteVector payload;
  ByteWriter writer(payload);
  writer.u8(kControlVersion);
  writer.u64(frame.last_seq);
  writer.string(frame.branch);
  write_object(writer, frame.parent);
  write_object(writer, frame.commit);
  return payload;
}

ByteVector encode(const CheckpointFrame& frame) {
  ByteVector payload;
  ByteWriter writer(payload);
  writer.u8(kControlVersion);
  writer.u64(frame.files_synced);
  writer.u64(frame.applied);
  writer.u64(frame.committed);
  return payload;
}

Result<ConfigFrame> decode_config(ByteSpan payload) {
  constexpr std::string_view kName = "config";
  ByteReader reader(payload);
  TRY(take_payload_version(reader, kControlVersion, kName));
  ConfigFrame frame;
  frame.text = reader.string();
  TRY(finish(reader, kName, {}));
  return frame;
}

Result<Outcome> decode_outcome(Operation operation, ByteSpan payload) {
  SYNCLINE_ASSERT(operation == Operation::kRebind || operation == Operation::kSetAside);
  const bool is_rebind = operation == Operation::kRebind;
  const std::string_view name = is_rebind ? "rebind" : "set-aside";
  ByteReader reader(payload);
  TRY(take_payload_version(reader, kControlVersion, name));
  Outcome outcome;
  outcome.kind = is_rebind ? Outcome::Kind::kRebind : Outcome::Kind::kSetAside;
  outcome.seq = reader.u64();
  if (is_rebind) {
    outcome.new_id = reader.u64();
  } else {
    outcome.reason = reader.string();
  }
  TRY(finish(reader, name, fault_of(outcome)));
  return outcome;
}

Result<AppendOffsetsFrame> decode_append_offsets(ByteSpan payload) {
  constexpr std::string_view kName = "append-offsets";
  ByteReader reader(payload);
  TRY(take_payload_version(reader, kControlVersion, kName));
  const uint32_t count = reader.u32();
  AppendOffsetsFrame frame;
  if (reader.ok() && reader.remaining() != size_t{count} * kAppendOffsetBytes) {
    return payload_error(kName, "its count does not fit its length");
  }
  if (reader.ok()) frame.offsets.reserve(count);
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    AppendOffset& offset = frame.offsets.emplace_back();
    offset.seq = reader.u64();
    offset.offset = reader.u64();
  }
  TRY(finish(reader, kName, fault_of(frame)));
  return frame;
}

Result<BatchFrame> decode_batch(ByteSpan payload) {
  constexpr std::string_view kName = "batch";
  ByteReader reader(payload);
  BatchFrame frame;
  TRY_ASSIGN(frame.version, take_payload_version(reader, kBatchVersion, kName));
  frame.first_seq = reader.u64();
  frame.last_seq = reader.u64();
  frame.parent = read_object(reader);
  frame.tree = read_object(reader);
  frame.commit = read_object(reader);
  frame.author_name = reader.string();
  frame.author_email = reader.string();
  TRY(finish(reader, kName, fault_of(frame)));
  return frame;
}

Result<PublishFrame> decode_publish(ByteSpan payload) {
  constexpr std::string_view kName = "publish";
  ByteReader reader(payload);
  TRY(take_payload_version(reader, kControlVersion, kName));
  PublishFrame frame;
  frame.last_seq = reader.u64();
  frame.branch = reader.string();
  frame.parent = read_object(reader);
  frame.commit = read_object(reader);
  TRY(finish(reader, kName, fault_of(frame)));
  return frame;
}

Result<CheckpointFrame> decode_checkpoint(ByteSpan payload) {
  constexpr std::string_view kName = "checkpoint";
  ByteReader reader(payload);
  TRY(take_payload_version(reader, kControlVersion, kName));
  CheckpointFrame frame;
  frame.files_synced = reader.u64();
  frame.applied = reader.u64();
  frame.committed = reader.u64();
  TRY(finish(reader, kName, {}));
  return frame;
}

}  // namespace syncline
