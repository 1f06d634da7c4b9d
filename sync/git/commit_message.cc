#include "sync/git/commit_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <utility>
#include <vector>

#include "sync/git/commit_text.h"

namespace syncline {
namespace {

std::optional<std::string_view> trailer_value(std::string_view line, std::string_view name) {
  if (!line.starts_with(name) || !line.substr(name.size()).starts_with(": ")) return std::nullopt;
  return line.substr(name.size() + 2);
}

std::string_view last_paragraph(std::string_view message) {
  while (message.ends_with('\n')) message.remove_suffix(1);
  const size_t gap = message.rfind("\n\n");
  return gap == std::string_view::npos ? message : message.substr(gap + 2);
}

bool ends_in_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

std::string plural(std::string_view name) {
  if (ends_in_any(name, {"s", "x", "z", "ch", "sh"})) return fmt::format("{}es", name);
  const bool is_consonant_y =
      name.size() > 1 && name.ends_with('y') && !ends_in_any(name, {"ay", "ey", "iy", "oy", "uy"});
  if (is_consonant_y) return fmt::format("{}ies", name.substr(0, name.size() - 1));
  return fmt::format("{}s", name);
}

using KindCount = std::pair<std::string_view, uint64_t>;

// Most records first; those of one number by name.
std::vector<KindCount> in_order(const KindCounts& kinds) {
  std::vector<KindCount> sorted(kinds.begin(), kinds.end());
  std::ranges::sort(sorted, [](const KindCount& a, const KindCount& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return sorted;
}

}  // namespace

std::string told_by_kinds(const KindCounts& kinds) {
  std::string text;
  uint64_t others = 0;
  size_t named = 0;
  for (const auto& [kind, records] : in_order(kinds)) {
    if (named == kNamedKindsMax) {
      others += records;
      continue;
    }
    text += fmt::format("{}{} {}", named++ == 0 ? "" : ", ", records,
                        records == 1 ? std::string(kind) : plural(kind));
  }
  if (others > 0) text += fmt::format(" and {} more", others);
  return text;
}

std::string store_trailer(std::string_view store) {
  return fmt::format("{}: {}\n", kStoreTrailer, store);
}

std::string compose_message(std::span<const std::string> subjects, const KindCounts& kinds,
                            const StoreId& store, uint64_t first_seq, uint64_t last_seq) {
  return compose_message(subjects.size(), subjects, kinds, store, first_seq, last_seq);
}

std::string compose_message(uint64_t records, std::span<const std::string> subjects,
                            const KindCounts& kinds, const StoreId& store, uint64_t first_seq,
                            uint64_t last_seq) {
  std::string message;
  if (records == 1) message = one_line(subjects.front());
  if (message.empty()) message = told_by_kinds(kinds);
  if (message.empty()) {
    message = fmt::format("syncline: {} record{}", records, records == 1 ? "" : "s");
  }
  message += "\n\n";
  if (records > 1) {
    const size_t listed = std::min(subjects.size(), kListedSubjectsMax);
    for (const std::string& subject : subjects.first(listed)) {
      message += fmt::format("- {}\n", one_line(subject));
    }
    message += '\n';
  }
  message += store_trailer(store.hex());
  message += fmt::format("{}: {}-{}\n", kRangeTrailer, first_seq, last_seq);
  std::string_view gap = ": ";
  for (const auto& [kind, count] : in_order(kinds)) {
    message += fmt::format("{}{}{} {}", gap == ": " ? kKindsTrailer : "", gap, kind, count);
    gap = ", ";
  }
  if (!kinds.empty()) message += '\n';
  return message;
}

std::optional<CommitTrailers> parse_trailers(std::string_view message) {
  std::string_view paragraph = last_paragraph(message);
  CommitTrailers trailers;
  bool has_range = false;
  while (!paragraph.empty()) {
    const std::string_view line = take_line(paragraph);
    if (const auto store = trailer_value(line, kStoreTrailer)) trailers.store = *store;
    if (const auto range = trailer_value(line, kRangeTrailer)) {
      const size_t dash = range->find('-');
      if (dash == std::string_view::npos) continue;
      has_range = parse_decimal(range->substr(0, dash), trailers.first_seq) &&
                  parse_decimal(range->substr(dash + 1), trailers.last_seq);
    }
  }
  if (trailers.store.size() != 2 * sizeof(StoreId) || !has_range) return std::nullopt;
  return trailers;
}

KindCounts parse_kinds(std::string_view message) {
  KindCounts kinds;
  std::string_view paragraph = last_paragraph(message);
  while (!paragraph.empty()) {
    const auto value = trailer_value(take_line(paragraph), kKindsTrailer);
    if (!value) continue;
    for (std::string_view rest = *value; !rest.empty();) {
      const std::string_view one = rest.substr(0, rest.find(", "));
      rest.remove_prefix(std::min(rest.size(), one.size() + 2));
      const size_t space = one.rfind(' ');
      uint64_t records = 0;
      if (space == std::string_view::npos || !parse_decimal(one.substr(space + 1), records)) {
        return {};
      }
      kinds[std::string(one.substr(0, space))] += records;
    }
  }
  return kinds;
}

bool names_store(std::string_view message, std::string_view store) {
  const std::vector<std::string> stores = named_stores(message);
  return std::ranges::find(stores, store) != stores.end();
}

std::vector<std::string> named_stores(std::string_view message) {
  std::vector<std::string> stores;
  std::string_view paragraph = last_paragraph(message);
  while (!paragraph.empty()) {
    const auto named = trailer_value(take_line(paragraph), kStoreTrailer);
    if (named && named->size() == 2 * sizeof(StoreId)) stores.emplace_back(*named);
  }
  return stores;
}

}  // namespace syncline
