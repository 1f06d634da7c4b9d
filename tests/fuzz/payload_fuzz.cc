// The payloads of frames, and the cached sync.state: bytes whose checksums hold, whoever wrote
// them.
//
// Holds of any input: what decodes encodes to the same bytes again (one value, one spelling), is
// not of another operation too, and can be acted upon: an intent renders, with any id and time, in
// memory in proportion to its payload.
//
//   u8 which payload; then its bytes
#include "journal/record/control_frame.h"
#include "journal/record/intent.h"
#include "sync/own/sync_state.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/journal/log/journal_testing.h"

namespace syncline::fuzz {
namespace {

// Of what an intent renders to, for each byte of its payload: a slot is one byte and renders to a
// path at most.
constexpr size_t kRenderedPerByteMax = kIntentPathBytesMax;

// Decoded with the first function, encoded with the second.
template <typename Decoded>
void check_spelling(ByteSpan payload, const Decoded& decoded) {
  if (!decoded) {
    require(!decoded.error().message.empty(), "a refusal that does not say why");
    return;
  }
  const ByteVector again = encode(*decoded);
  require(std::ranges::equal(again, payload), "a payload that decodes encodes to other bytes");
}

void check_intent(Operation operation, ByteSpan payload) {
  const auto intent = decode_intent(operation, payload);
  if (!intent) return;
  require(intent->operation == operation, "an intent of another operation");
  require(std::ranges::equal(encode_intent(*intent), payload),
          "an intent that decodes encodes to other bytes");
  for (const uint64_t id : {uint64_t{1}, uint64_t{999'999}, UINT64_MAX}) {
    for (const int64_t time_ms : {INT64_MIN, int64_t{0}, INT64_MAX}) {
      const Effects effects = render_effects(*intent, 1, id, time_ms);
      require(effects.path.size() <= kIntentPathBytesMax, "a path without end");
      const size_t bytes = effects.header.size() + effects.text.size() + effects.subject.size();
      require(bytes <= payload.size() * kRenderedPerByteMax, "effects without end");
      require(effects.columns.size() == intent->columns.size(), "a column more or less");
    }
  }
}

void fuzz_payload(uint8_t which, ByteSpan payload) {
  switch (which % 9) {
    case 0:
      return check_intent(Operation::kCreate, payload);
    case 1:
      return check_intent(Operation::kAppend, payload);
    case 2:
      return check_spelling(payload, decode_config(payload));
    case 3:
      return check_spelling(payload, decode_outcome(Operation::kRebind, payload));
    case 4:
      return check_spelling(payload, decode_outcome(Operation::kSetAside, payload));
    case 5:
      return check_spelling(payload, decode_append_offsets(payload));
    case 6:
      return check_spelling(payload, decode_batch(payload));
    case 7:
      return check_spelling(payload, decode_publish(payload));
    default:
      return check_spelling(payload, decode_checkpoint(payload));
  }
}

// Its checksum is repaired: the state itself is what is looked at.
void fuzz_sync_state(ByteSpan bytes) {
  ByteVector repaired = own_copy(bytes);
  if (repaired.size() >= 8) {
    const size_t at = repaired.size() - 8;
    store_le(repaired.data() + at, hash_payload(ByteSpan(repaired).first(at)));
  }
  const auto state = decode_sync_state(repaired, test_store());
  if (!state) return;
  require(encode(*state, test_store()) == repaired,
          "a sync.state that decodes differs when encoded");
  require(!decode_sync_state(repaired, test_store(2)), "another store's sync.state");
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  InputReader input(data, size);
  const uint8_t which = input.u8();
  const syncline::ByteVector payload = own_copy(input.rest());
  if (which % 10 == 9) {
    fuzz_sync_state(payload);
  } else {
    fuzz_payload(which % 10, payload);
  }
  return 0;
}
