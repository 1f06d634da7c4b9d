#include "sync/git/commit.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace syncline {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string clean_name(std::string_view text) {
  std::string name = one_line(text);
  std::erase_if(name, [](char c) { return c == '<' || c == '>'; });
  return one_line(name);
}

template <typename Integer>
bool parse_decimal(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// Takes the next line, without its end.
std::string_view take_line(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

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

std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(line, is_control, ' ');
  const size_t first = line.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return line.substr(first, line.find_last_not_of(' ') - first + 1);
}

std::string format_signature(const Signature& signature) {
  std::string name = clean_name(signature.name);
  if (name.empty()) name = "Syncline";
  const int64_t seconds = std::max<int64_t>(signature.time_ms, 0) / 1000;
  return fmt::format("{} <{}> {} +0000", name, clean_name(signature.email), seconds);
}

std::string encode_commit(const ObjectId& tree, std::span<const ObjectId> parents,
                          const Signature& author, std::string_view message) {
  std::string content = fmt::format("tree {}\n", tree.hex());
  for (const ObjectId& parent : parents) content += fmt::format("parent {}\n", parent.hex());
  const std::string signature = format_signature(author);
  content += fmt::format("author {}\ncommitter {}\n\n", signature, signature);
  content += message;
  return content;
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
  message += fmt::format("{}: {}\n{}: {}-{}\n", kStoreTrailer, store.hex(), kRangeTrailer,
                         first_seq, last_seq);
  return message;
}

Result<ParsedCommit> parse_commit(std::string_view content) {
  const auto malformed = [] { return make_error(Code::kCorrupt, "a commit object is malformed"); };
  ParsedCommit commit;
  std::string_view rest = content;
  const std::string_view tree = take_line(rest);
  if (!tree.starts_with("tree ")) return malformed();
  const auto tree_id = ObjectId::parse(tree.substr(5));
  if (!tree_id) return malformed();
  commit.tree = *tree_id;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.empty()) break;
    if (line.starts_with("parent ")) {
      const auto parent = ObjectId::parse(line.substr(7));
      if (!parent) return malformed();
      commit.parents.push_back(*parent);
    } else if (line.starts_with("committer ")) {
      // "committer Name <email> seconds zone": other people's may be odd, which is no damage.
      const size_t email_end = line.rfind('>');
      if (email_end == std::string_view::npos || email_end + 2 > line.size()) continue;
      std::string_view time = line.substr(email_end + 2);
      time = time.substr(0, time.find(' '));
      int64_t seconds = 0;
      if (parse_decimal(time, seconds)) commit.committer_time_s = seconds;
    }
  }
  commit.message = rest;
  return commit;
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
