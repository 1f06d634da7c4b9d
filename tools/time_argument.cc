#include "tools/time_argument.h"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "journal/record/template.h"

namespace syncline {

Result<int64_t> parse_time_argument(std::string_view option, const std::string& text) {
  std::string whole = text;
  if (whole.size() == 10) whole += "T00:00:00";
  if (whole.size() > 10 && whole[10] == ' ') whole[10] = 'T';
  if (!whole.ends_with('Z')) whole += 'Z';
  if (whole.size() == 20) whole.insert(19, ".000");
  std::tm civil{};
  int milliseconds = 0;
  const int parts =
      std::sscanf(whole.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &civil.tm_year, &civil.tm_mon,
                  &civil.tm_mday, &civil.tm_hour, &civil.tm_min, &civil.tm_sec, &milliseconds);
  civil.tm_year -= 1900;
  civil.tm_mon -= 1;
  const int64_t time_ms = int64_t{timegm(&civil)} * 1000 + milliseconds;
  // A day that no calendar has, and whatever follows, is another time than was written.
  if (parts == 7 && format_time(time_ms) == whole) return time_ms;
  return make_error(Code::kInvalid, fmt::format("{} takes a time, not '{}'", option, text),
                    "write for example 2026-11-30 or 2026-11-30T09:15:00Z, in UTC");
}

}  // namespace syncline
