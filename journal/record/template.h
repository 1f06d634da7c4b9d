// Text with slots for what only the frame's header decides: the id and the time.
//
// A producer encodes and hashes a payload before the record has its place in the log. Rendering is
// a pure function of (template, id, time), so a journalled rebind renders the same record anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

enum class Slot : uint8_t {
  kId = 1,           // decimal
  kShard = 2,        // id / 1000, decimal, zero-padded to 4
  kTime = 3,         // 2026-01-31T23:59:59.123Z
  kDate = 4,         // 2026-01-31
  kDateBasic = 5,    // 20260131
  kPath = 6,         // the rendered path; not allowed in the path itself
  kTimeSeconds = 7,  // 2026-01-31 23:59:59 (as SQLite's CURRENT_TIMESTAMP writes it)
};

// Text with slots. Adjacent literals are one piece, so equal templates encode equally.
//
// All literals stand in one string, and each slot knows before which of its bytes it stands: a
// record has a dozen templates, and every piece of its own would be an allocation.
class Template {
 public:
  struct Piece {
    std::optional<Slot> slot;
    std::string_view literal;  // where there is no slot; not empty
  };
  class Pieces;

  Template() = default;
  static Template literal(std::string_view text);
  void reserve(size_t literal_bytes) { literals_.reserve(literal_bytes); }
  void add(std::string_view text) { literals_.append(text); }
  void add(Slot slot) { slots_.push_back({static_cast<uint32_t>(literals_.size()), slot}); }

  // Valid until the template changes.
  Pieces pieces() const;
  size_t piece_count() const;
  size_t slot_count() const { return slots_.size(); }
  // All literals, without the slots between them.
  std::string_view literals() const { return literals_; }
  bool empty() const { return literals_.empty() && slots_.empty(); }
  bool uses(Slot slot) const;
  // Is it this slot and nothing else?
  bool is_only(Slot slot) const;
  bool ends_with(char c) const;
  bool operator==(const Template&) const = default;

 private:
  struct SlotAt {
    uint32_t offset;  // of the literal byte that follows
    Slot slot;
    bool operator==(const SlotAt&) const = default;
  };
  std::string literals_;
  std::vector<SlotAt> slots_;
};

// Of one template, from its beginning to its end.
class Template::Pieces {
 public:
  explicit Pieces(const Template& text) : text_(text) {}
  // False at the end.
  bool next(Piece& piece);

 private:
  const Template& text_;
  size_t offset_ = 0;  // the literals before it are passed
  size_t slot_ = 0;    // so are the slots
};

inline Template::Pieces Template::pieces() const {
  return Pieces(*this);
}

struct SlotValues {
  uint64_t id = 0;
  int64_t time_ms = 0;
  std::string_view path;
};
std::string render(const Template& text, const SlotValues& values);

// ISO 8601 UTC with milliseconds; proleptic Gregorian, no locale, no time zone database.
std::string format_time(int64_t time_ms);

}  // namespace syncline
