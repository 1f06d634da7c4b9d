// Text with slots for what only the frame's header decides: the id and the time.
//
// A producer encodes and hashes a payload before the record has its place in the log. Rendering is
// a pure function of (template, id, time), so a journalled rebind renders the same record anew.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
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

// Text with slots. Adjacent literals are merged, so equal templates encode equally.
class Template {
 public:
  Template() = default;
  static Template literal(std::string_view text);
  void add(std::string_view text);
  void add(Slot slot);
  using Piece = std::variant<std::string, Slot>;
  const std::vector<Piece>& pieces() const { return pieces_; }
  bool empty() const { return pieces_.empty(); }
  bool uses(Slot slot) const;
  bool operator==(const Template&) const = default;

 private:
  std::vector<Piece> pieces_;
};

struct SlotValues {
  uint64_t id = 0;
  int64_t time_ms = 0;
  std::string_view path;
};
std::string render(const Template& text, const SlotValues& values);

// ISO 8601 UTC with milliseconds; proleptic Gregorian, no locale, no time zone database.
std::string format_time(int64_t time_ms);

}  // namespace syncline
