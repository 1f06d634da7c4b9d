#include "journal/record/template.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>

namespace syncline {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;
constexpr uint64_t kShardRecords = 1000;

// Broken-down UTC. std::chrono's days and years are too narrow for every int64 of milliseconds,
// and a hostile payload may hold any.
struct CivilTime {
  int64_t year;
  unsigned month;
  unsigned day;
  unsigned hour;
  unsigned minute;
  unsigned second;
  unsigned millisecond;
};

// Days to civil date by eras of 400 years of 146,097 days, each begun on a 1 March, so that the
// leap day comes last (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
CivilTime to_civil(int64_t time_ms) {
  int64_t days = time_ms / kMsPerDay;
  int64_t rest_ms = time_ms % kMsPerDay;
  if (rest_ms < 0) {
    rest_ms += kMsPerDay;
    --days;
  }
  constexpr int64_t kDaysPerEra = 146'097;
  constexpr int64_t kDaysFromMarchOfYear0To1970 = 719'468;
  const int64_t shifted = days + kDaysFromMarchOfYear0To1970;
  const int64_t era = (shifted >= 0 ? shifted : shifted - (kDaysPerEra - 1)) / kDaysPerEra;
  const auto day_of_era = static_cast<unsigned>(shifted - era * kDaysPerEra);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;

  CivilTime civil{};
  civil.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  civil.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  civil.year = int64_t{year_of_era} + era * 400 + (civil.month <= 2 ? 1 : 0);
  const auto ms = static_cast<unsigned>(rest_ms);
  civil.hour = ms / 3'600'000;
  civil.minute = ms / 60'000 % 60;
  civil.second = ms / 1000 % 60;
  civil.millisecond = ms % 1000;
  return civil;
}

// With zeros before it, up to `width`. Every record's times are written several times over, and a
// format string would cost ten times as much.
void add_number(std::string& out, uint64_t number, size_t width = 1) {
  char digits[20];
  const auto count =
      static_cast<size_t>(std::to_chars(digits, std::end(digits), number).ptr - digits);
  if (count < width) out.append(width - count, '0');
  out.append(digits, count);
}

// Four digits; outside 0…9999 with a sign, as ISO 8601 writes expanded years.
void add_year(std::string& out, int64_t year) {
  if (year < 0) out.push_back('-');
  if (year > 9999) out.push_back('+');
  add_number(out, static_cast<uint64_t>(std::abs(year)), 4);
}

void add_date(std::string& out, const CivilTime& civil, std::string_view separator) {
  add_year(out, civil.year);
  out.append(separator);
  add_number(out, civil.month, 2);
  out.append(separator);
  add_number(out, civil.day, 2);
}

void add_clock(std::string& out, const CivilTime& civil) {
  add_number(out, civil.hour, 2);
  out.push_back(':');
  add_number(out, civil.minute, 2);
  out.push_back(':');
  add_number(out, civil.second, 2);
}

void add_time(std::string& out, const CivilTime& civil) {
  add_date(out, civil, "-");
  out.push_back('T');
  add_clock(out, civil);
  out.push_back('.');
  add_number(out, civil.millisecond, 3);
  out.push_back('Z');
}

void add_slot(std::string& out, Slot slot, const SlotValues& values) {
  switch (slot) {
    case Slot::kId:
      add_number(out, values.id);
      break;
    case Slot::kShard:
      add_number(out, values.id / kShardRecords, 4);
      break;
    case Slot::kTime:
      add_time(out, to_civil(values.time_ms));
      break;
    case Slot::kDate:
      add_date(out, to_civil(values.time_ms), "-");
      break;
    case Slot::kDateBasic:
      add_date(out, to_civil(values.time_ms), "");
      break;
    case Slot::kPath:
      out.append(values.path);
      break;
    case Slot::kTimeSeconds: {
      const CivilTime civil = to_civil(values.time_ms);
      add_date(out, civil, "-");
      out.push_back(' ');
      add_clock(out, civil);
      break;
    }
  }
}

}  // namespace

Template Template::literal(std::string_view text) {
  Template made;
  made.add(text);
  return made;
}

size_t Template::piece_count() const {
  size_t count = slots_.size();
  size_t offset = 0;
  for (const SlotAt& at : slots_) {
    count += at.offset > offset ? 1 : 0;
    offset = at.offset;
  }
  return count + (literals_.size() > offset ? 1 : 0);
}

bool Template::uses(Slot slot) const {
  return std::ranges::any_of(slots_, [slot](const SlotAt& at) { return at.slot == slot; });
}

bool Template::is_only(Slot slot) const {
  return literals_.empty() && slots_.size() == 1 && slots_.front().slot == slot;
}

bool Template::ends_with(char c) const {
  const bool ends_in_slot = !slots_.empty() && slots_.back().offset == literals_.size();
  return !ends_in_slot && literals_.ends_with(c);
}

bool Template::Pieces::next(Piece& piece) {
  const bool slot_left = slot_ < text_.slots_.size();
  const size_t end = slot_left ? text_.slots_[slot_].offset : text_.literals_.size();
  if (offset_ < end) {
    piece = {.slot = std::nullopt,
             .literal = std::string_view(text_.literals_).substr(offset_, end - offset_)};
    offset_ = end;
    return true;
  }
  if (!slot_left) return false;
  piece = {.slot = text_.slots_[slot_++].slot, .literal = {}};
  return true;
}

std::string render(const Template& text, const SlotValues& values) {
  constexpr size_t kSlotBytesTypical = 32;
  std::string out;
  out.reserve(text.literals().size() + text.slot_count() * kSlotBytesTypical);
  Template::Pieces pieces = text.pieces();
  for (Template::Piece piece; pieces.next(piece);) {
    if (piece.slot) {
      add_slot(out, *piece.slot, values);
    } else {
      out.append(piece.literal);
    }
  }
  return out;
}

std::string format_time(int64_t time_ms) {
  std::string out;
  add_time(out, to_civil(time_ms));
  return out;
}

}  // namespace syncline
