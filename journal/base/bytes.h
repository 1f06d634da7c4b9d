// Byte spans and the little-endian encoding every on-disk structure of the journal uses.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;
using ByteVector = std::vector<std::byte>;

static_assert(std::endian::native == std::endian::little,
              "integers are stored as they are in memory");

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename Integer>
Integer load_le(const std::byte* from) {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename Integer>
void store_le(std::byte* to, Integer value) {
  std::memcpy(to, &value, sizeof value);
}

// Compared with itself a byte on, which the C library does many bytes at a time: zeros ahead of the
// tail are most of what recovery looks at.
inline bool all_zero(ByteSpan bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

std::string to_hex(ByteSpan bytes);
std::optional<ByteVector> from_hex(std::string_view text);

// Appends fixed-width little-endian integers and length-prefixed (u32) byte strings.
class ByteWriter {
 public:
  explicit ByteWriter(ByteVector& out) : out_(out) {}
  void u8(uint8_t value) { put(value); }
  void u32(uint32_t value) { put(value); }
  void u64(uint64_t value) { put(value); }
  void i64(int64_t value) { put(value); }
  void f64(double value) { put(value); }
  void raw(ByteSpan bytes) { append(bytes.data(), bytes.size()); }
  void string(std::string_view text) {
    u32(static_cast<uint32_t>(text.size()));
    raw(as_bytes(text));
  }

 private:
  template <typename T>
  void put(T value) {
    append(&value, sizeof value);
  }
  // resize and memcpy, for g++ 12 sees an overflow in vector::insert of a byte range that is not
  // there.
  void append(const void* from, size_t bytes) {
    if (bytes == 0) return;
    const size_t at = out_.size();
    out_.resize(at + bytes);
    std::memcpy(out_.data() + at, from, bytes);
  }
  ByteVector& out_;
};

// Reads what ByteWriter wrote. A read past the end yields zeros and latches ok() to false, so a
// decoder checks once, at its end (and before it trusts a count).
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}
  uint8_t u8() { return take<uint8_t>(); }
  uint32_t u32() { return take<uint32_t>(); }
  uint64_t u64() { return take<uint64_t>(); }
  int64_t i64() { return take<int64_t>(); }
  double f64() { return take<double>(); }
  ByteSpan raw(size_t count) {
    if (count > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const ByteSpan taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  std::string_view string() { return as_text(raw(u32())); }
  size_t remaining() const { return bytes_.size(); }
  bool ok() const { return ok_; }
  // True when everything was read, and nothing past the end.
  bool finished() const { return ok_ && bytes_.empty(); }

 private:
  template <typename T>
  T take() {
    const ByteSpan taken = raw(sizeof(T));
    return taken.size() == sizeof(T) ? load_le<T>(taken.data()) : T{};
  }
  ByteSpan bytes_;
  bool ok_ = true;
};

}  // namespace syncline
