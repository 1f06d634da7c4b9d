#include "engine/config/path_match.h"

#include <algorithm>

#include "journal/base/ascii.h"

namespace syncline {
namespace {

using Part = Pattern::Part;

size_t digits_at(std::string_view text) {
  return static_cast<size_t>(std::ranges::find_if_not(text, is_ascii_digit) - text.begin());
}

class Matcher {
 public:
  explicit Matcher(const std::vector<Part>& parts) : parts_(parts) {}

  // Do the parts from `at` on make all of `rest`?
  bool match(size_t at, std::string_view rest) {
    if (at == parts_.size()) return rest.empty();
    const Part& part = parts_[at];
    switch (part.kind) {
      case Part::Kind::kLiteral:
        return match_literal(at, rest);
      case Part::Kind::kField:
        return match_field(at, rest);
      case Part::Kind::kSlot:
        return match_slot(at, rest);
      case Part::Kind::kStore:
        return match_store(at, rest);
      case Part::Kind::kIf:
        break;  // no path has one
    }
    return false;
  }

  PathMatch take() { return std::move(found_); }

 private:
  bool match_literal(size_t at, std::string_view rest) {
    const std::string_view literal = parts_[at].literal;
    if (rest.starts_with(literal) && match(at + 1, rest.substr(literal.size()))) return true;
    if (!literal.ends_with('-') && !literal.ends_with('_')) return false;
    size_t next = at + 1;
    if (next < parts_.size() && parts_[next].kind == Part::Kind::kStore) ++next;
    const bool is_id = next < parts_.size() && parts_[next].kind == Part::Kind::kSlot &&
                       parts_[next].slot == Slot::kId;
    const std::string_view before = literal.substr(0, literal.size() - 1);
    return is_id && rest.starts_with(before) && match(next + 1, rest.substr(before.size()));
  }

  bool match_field(size_t at, std::string_view rest) {
    const size_t longest = std::min(rest.find('/'), rest.size());
    if (rest.starts_with('.')) return false;  // hidden: an editor's, or a program's
    for (size_t length = longest; length > 0; --length) {
      if (!match(at + 1, rest.substr(length))) continue;
      found_.fields[parts_[at].field] = std::string(rest.substr(0, length));
      return true;
    }
    return false;
  }

  bool match_slot(size_t at, std::string_view rest) {
    switch (parts_[at].slot) {
      case Slot::kId:
      case Slot::kShard: {
        const size_t digits = digits_at(rest);
        return digits > 0 && match(at + 1, rest.substr(digits));
      }
      case Slot::kDateBasic: {
        if (digits_at(rest) < 8 || !match(at + 1, rest.substr(8))) return false;
        found_.date = std::string(rest.substr(0, 4)) + "-" + std::string(rest.substr(4, 2)) + "-" +
                      std::string(rest.substr(6, 2));
        return true;
      }
      case Slot::kDate: {
        const bool is_date = rest.size() >= 10 && digits_at(rest) == 4 && rest[4] == '-' &&
                             digits_at(rest.substr(5)) == 2 && rest[7] == '-' &&
                             digits_at(rest.substr(8)) >= 2;
        if (!is_date || !match(at + 1, rest.substr(10))) return false;
        found_.date = std::string(rest.substr(0, 10));
        return true;
      }
      case Slot::kTime:
      case Slot::kTimeSeconds:
      case Slot::kPath:
        break;  // no file of ours has one in its name
    }
    return false;
  }

  bool match_store(size_t at, std::string_view rest) {
    if (rest.starts_with("-s")) {
      const auto is_tag = [](char c) { return is_ascii_digit(c) || is_ascii_letter(c); };
      const std::string_view tag = rest.substr(2);
      const auto end = static_cast<size_t>(std::ranges::find_if_not(tag, is_tag) - tag.begin());
      if (match(at + 1, tag.substr(end))) return true;
    }
    return match(at + 1, rest);
  }

  const std::vector<Part>& parts_;
  PathMatch found_;
};

}  // namespace

std::optional<PathMatch> match_path(const Pattern& pattern, std::string_view path) {
  Matcher matcher(pattern.parts());
  if (!matcher.match(0, path)) return std::nullopt;
  return matcher.take();
}

std::string kind_folder(const KindSpec& kind) {
  const std::string fixed = kind.path_pattern.substr(0, kind.path_pattern.find('{'));
  const size_t slash = fixed.rfind('/');
  return slash == std::string::npos ? std::string() : fixed.substr(0, slash);
}

}  // namespace syncline
