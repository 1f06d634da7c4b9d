#include "sync/git/commit_message.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

std::string store_trailer(std::string_view store) {
  return fmt::format("{}: {}\n", kStoreTrailer, store);
}

std::string compose_message(std::span<const std::string> subjects, const StoreId& store,
                            uint64_t first_seq, uint64_t last_seq) {
  return compose_message(subjects.size(), subjects, store, first_seq, last_seq);
}

std::string compose_message(uint64_t records, std::span<const std::string> subjects,
                            const StoreId& store, uint64_t first_seq, uint64_t last_seq) {
  std::string message;
  if (records == 1) message = one_line(subjects.front());
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

bool names_store(std::string_view message, std::string_view store) {
  std::string_view paragraph = last_paragraph(message);
  while (!paragraph.empty()) {
    const auto named = trailer_value(take_line(paragraph), kStoreTrailer);
    if (named && *named == store) return true;
  }
  return false;
}

}  // namespace syncline
