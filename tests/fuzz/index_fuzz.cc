// Git's index file, as it stands in anybody's repository. The trailer is made to hold again.
//
// Holds of any file: it is refused, or its entries come in order, and then entries of ours merged
// into it give a file that parses again; every entry that is not ours is as it was, bytes and
// flags; ours is there where it was not refused; and merging the same again changes nothing.
//
//   u8 what: bit 0: no trailer (index.skipHash), 1: paths of ours from the file; u8 changes; then
//   it
#include <openssl/sha.h>

#include <map>

#include "sync/git/index_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

constexpr size_t kTrailerBytes = 20;

struct Seen {
  TreeValue value;
  IndexStat stat;
  bool assume_valid = false, skip_worktree = false, intent_to_add = false;
  bool operator==(const Seen&) const = default;
};
using Entries = std::map<std::pair<std::string, uint8_t>, Seen>;

Entries entries_of(const IndexFile& index) {
  Entries entries;
  uint32_t count = 0;
  const Status status = index.for_each([&](const IndexEntry& entry) -> Status {
    ++count;
    const bool added = entries
                           .emplace(std::pair(std::string(entry.path), entry.stage),
                                    Seen{entry.value, entry.stat, entry.assume_valid,
                                         entry.skip_worktree, entry.intent_to_add})
                           .second;
    require(added, "an entry that is there twice");
    require(std::prev(entries.end())->first.first == entry.path, "entries out of order");
    return {};
  });
  require(status.has_value() && count == index.entry_count(), "an entry that cannot be read");
  return entries;
}

void repair_trailer(std::string& file, bool hashed) {
  if (file.size() < kTrailerBytes) return;
  const size_t content = file.size() - kTrailerBytes;
  std::string trailer(kTrailerBytes, '\0');
  if (hashed) {
    SHA1(reinterpret_cast<const unsigned char*>(file.data()), content,
         reinterpret_cast<unsigned char*>(trailer.data()));
  }
  file.replace(content, kTrailerBytes, trailer);
}

TreeValue value_of(uint8_t byte) {
  TreeValue value;
  value.blob.bytes.fill(static_cast<std::byte>(byte | 1));
  return value;
}

// Paths of ours: made up, and some that are there, or lie in the way of what is there.
std::vector<IndexChange> changes_for(const Entries& entries, uint8_t what, uint8_t seed) {
  std::map<std::string, IndexChange> changes;
  const auto add = [&](std::string path, std::optional<TreeValue> in_tip) {
    if (path.empty()) return;
    IndexChange change;
    change.path = path;
    change.value = value_of(seed);
    if ((seed & 2) != 0) change.stat = IndexStat{.mtime_s = seed, .size_bytes = 3};
    change.in_tip = in_tip;
    changes.insert_or_assign(std::move(path), change);
  };
  add("notes/0000/a-1.md", std::nullopt);
  add("a", std::nullopt);
  add("zz/" + std::string(seed, 'z'), std::nullopt);
  size_t number = 0;
  for (const auto& [key, seen] : entries) {
    if ((what & 2) == 0 || ++number > 6) break;
    const std::string& path = key.first;
    switch ((seed + number) % 4) {
      case 0:
        add(path, seen.value);
        break;
      case 1:
        add(path, value_of(static_cast<uint8_t>(seed + 2)));
        break;
      case 2:
        add(path + "/below", std::nullopt);
        break;
      default:
        add(path.substr(0, path.rfind('/')), std::nullopt);
    }
  }
  std::vector<IndexChange> sorted;
  for (auto& [path, change] : changes) sorted.push_back(change);
  return sorted;
}

void check_merged(const Entries& before, const Entries& after, std::span<const IndexChange> changes,
                  const IndexMerge& merge) {
  const auto change_of = [&](const std::string& path) {
    const auto found = std::ranges::find(changes, path, &IndexChange::path);
    return found == changes.end() ? nullptr : &*found;
  };
  const auto kept = [&](const std::string& path) {
    return std::ranges::find(merge.kept, path) != merge.kept.end();
  };
  for (const auto& [key, seen] : before) {
    const auto found = after.find(key);
    require(found != after.end(), "an entry is gone");
    const IndexChange* const change = change_of(key.first);
    if (change == nullptr || kept(key.first)) {
      require(found->second == seen, "an entry that is not ours was changed");
    } else {
      require(found->second.value == change->value, "our entry has another value");
    }
  }
  for (const auto& [key, seen] : after) {
    if (before.contains(key)) continue;
    const IndexChange* const change = change_of(key.first);
    require(change != nullptr && !kept(key.first) && seen.value == change->value,
            "an entry that nobody put there");
  }
  for (const IndexChange& change : changes) {
    require(kept(change.path) || after.contains({change.path, 0}), "our entry is missing");
  }
}

void fuzz_index(std::string file, uint8_t what, uint8_t seed) {
  const auto index = IndexFile::parse(file);
  if (!index) {
    require(!index.error().message.empty(), "a refusal that does not say why");
    return;
  }
  const Entries before = entries_of(*index);
  const std::vector<IndexChange> changes = changes_for(before, what, seed);
  const auto merge = index->merge_whole(changes);
  if (!merge) {
    require(merge.error().code == Code::kBusy && index->has_conflicts(), "a merge that fails");
    return;
  }
  require(merge->changed || merge->bytes == file, "nothing changed, and the bytes did");
  const auto merged = IndexFile::parse(merge->bytes);
  require_or_say(merged.has_value(),
                 [&] { return "the merged index does not parse: " + merged.error().message; });
  require(merged->version() == index->version(), "another version");
  const Entries after = entries_of(*merged);
  check_merged(before, after, changes, *merge);
  const auto again = merged->merge_whole(changes);
  require(again && !again->changed && again->bytes == merge->bytes,
          "the same merge again changes something");
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline;
  using namespace syncline::fuzz;
  InputReader input(data, size);
  const uint8_t what = input.u8();
  const uint8_t seed = input.u8();
  std::string file(as_text(input.rest()));
  repair_trailer(file, (what & 1) == 0);
  fuzz_index(std::move(file), what, seed);
  return 0;
}
