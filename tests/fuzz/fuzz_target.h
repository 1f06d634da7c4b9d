// What every fuzz target shares. A target is one file, <name>_fuzz.cc, that defines
// LLVMFuzzerTestOneInput and says in its head what must hold of any input.
//
// It is linked twice: with libFuzzer (fuzz_driver.cc), which looks for new inputs, and with
// GoogleTest (replay_test.cc), which runs those kept under corpus/ and regressions/ with every
// build. So a target keeps no state from one input to the next that could change what it says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>

#include "journal/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace syncline::fuzz {

// Ends the input: aborts under libFuzzer, fails the test in a replay.
[[noreturn]] void property_failed(std::string_view what, const std::source_location& where);

inline void require(bool holds, std::string_view what,
                    const std::source_location& where = std::source_location::current()) {
  if (!holds) property_failed(what, where);
}
// The message is made only when it is needed.
template <typename MakeMessage>
void require_or_say(bool holds, MakeMessage&& say,
                    const std::source_location& where = std::source_location::current()) {
  if (!holds) property_failed(say(), where);
}

// Takes an input apart from its front; an input that is too short reads as zeros.
class InputReader {
 public:
  InputReader(const uint8_t* data, size_t size)
      : rest_(reinterpret_cast<const std::byte*>(data), size) {}

  template <typename Integer>
  Integer take() {
    std::array<std::byte, sizeof(Integer)> bytes{};
    const ByteSpan taken = take_bytes(sizeof(Integer));
    std::ranges::copy(taken, bytes.begin());
    return load_le<Integer>(bytes.data());
  }
  uint8_t u8() { return take<uint8_t>(); }
  uint16_t u16() { return take<uint16_t>(); }
  uint64_t u64() { return take<uint64_t>(); }
  // 0 … count - 1.
  uint64_t below(uint64_t count) { return count < 2 ? 0 : u16() % count; }
  bool flag() { return (u8() & 1) != 0; }
  ByteSpan take_bytes(size_t count) {
    const ByteSpan taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  // A text of up to 255 bytes, its length first.
  std::string_view text() { return as_text(take_bytes(u8())); }
  ByteSpan rest() { return take_bytes(rest_.size()); }
  bool empty() const { return rest_.empty(); }

 private:
  ByteSpan rest_;
};

// In a buffer of its own size, so that a sanitizer sees a read past its end.
inline ByteVector own_copy(ByteSpan bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace syncline::fuzz
