#include "engine/config/path_overlap.h"

#include <bitset>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline {

namespace {

using CharacterSet = std::bitset<256>;

struct Step {
  CharacterSet characters;
  bool any_number;  // of them, none included; else exactly one
};

CharacterSet characters_of(std::string_view text) {
  CharacterSet set;
  for (const char c : text) set.set(static_cast<unsigned char>(c));
  return set;
}

CharacterSet slot_characters(Slot slot) {
  static const CharacterSet kDigits = characters_of("0123456789");
  static const CharacterSet kDates = characters_of("0123456789+-");
  return slot == Slot::kId || slot == Slot::kShard ? kDigits : kDates;
}

std::vector<Step> steps_of(const Pattern& path) {
  static const CharacterSet kSlugs = characters_of("abcdefghijklmnopqrstuvwxyz0123456789-");
  std::vector<Step> steps;
  for (const Pattern::Part& part : path.parts()) {
    switch (part.kind) {
      case Pattern::Part::Kind::kLiteral:
        for (const char c : part.literal) {
          steps.push_back({characters_of(std::string_view(&c, 1)), /*any_number=*/false});
        }
        break;
      case Pattern::Part::Kind::kSlot: {
        const CharacterSet characters = slot_characters(part.slot);
        steps.push_back({characters, /*any_number=*/false});
        steps.push_back({characters, /*any_number=*/true});
        break;
      }
      case Pattern::Part::Kind::kField:
        steps.push_back({kSlugs, /*any_number=*/false});
        steps.push_back({kSlugs, /*any_number=*/true});
        break;
      case Pattern::Part::Kind::kStore:
        steps.push_back({kSlugs, /*any_number=*/true});
        break;
      case Pattern::Part::Kind::kIf:
        break;  // no path has one
    }
  }
  return steps;
}

}  // namespace

// A search through pairs of places, one in each pattern: both ends are reached together where one
// text fits both.
bool paths_overlap(const Pattern& one, const Pattern& other) {
  const std::vector<Step> a = steps_of(one), b = steps_of(other);
  const size_t width = b.size() + 1;
  std::vector<bool> seen((a.size() + 1) * width);
  std::vector<std::pair<size_t, size_t>> open;
  const auto reach = [&](size_t i, size_t j) {
    if (seen[i * width + j]) return;
    seen[i * width + j] = true;
    open.emplace_back(i, j);
  };
  reach(0, 0);
  while (!open.empty()) {
    const auto [i, j] = open.back();
    open.pop_back();
    if (i == a.size() && j == b.size()) return true;
    if (i < a.size() && a[i].any_number) reach(i + 1, j);
    if (j < b.size() && b[j].any_number) reach(i, j + 1);
    if (i == a.size() || j == b.size() || (a[i].characters & b[j].characters).none()) continue;
    reach(a[i].any_number ? i : i + 1, b[j].any_number ? j : j + 1);
  }
  return false;
}

}  // namespace syncline
