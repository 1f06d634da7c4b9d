// Trees, commits and the configuration file of a repository, whoever wrote them.
//
// Holds of any bytes: a tree that reads to its end is the concatenation of its items; edits merged
// into it are there, once each, what was not edited is there as it was, in the same order, and the
// same edits again change nothing. A commit of ours reads back as what it was made of, trailers
// too, whatever subject, name and message it was given; a foreign one is read or refused. A
// configuration of any text answers.
//
//   u8 which: 0 tree, 1 commit as it is, 2 commit of ours, 3 configuration; then its bytes
#include <map>
#include <span>

#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/git_config.h"
#include "sync/git/tree.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/journal/log/journal_testing.h"

namespace syncline::fuzz {
namespace {

struct OwnItem {
  uint32_t mode = 0;
  std::string name;
  ObjectId id;
  bool operator==(const OwnItem&) const = default;
};

std::optional<std::vector<OwnItem>> items_of(std::string_view tree) {
  std::vector<OwnItem> items;
  TreeCursor cursor(tree);
  size_t last_offset = 0;
  while (const auto item = cursor.next()) {
    require(cursor.offset() > last_offset && cursor.offset() <= tree.size(),
            "a tree's reader stands still or runs on");
    require(!item->name.empty() && item->name.find('\0') == std::string_view::npos,
            "an item without a name");
    last_offset = cursor.offset();
    items.push_back({item->mode, std::string(item->name), item->id});
  }
  if (cursor.damaged()) return std::nullopt;
  require(cursor.offset() == tree.size(), "a tree that is not read to its end");
  return items;
}

bool in_order(const std::vector<OwnItem>& items) {
  for (size_t i = 1; i < items.size(); ++i) {
    if (compare_tree_names(items[i - 1].name, items[i - 1].mode == kModeDirectory, items[i].name,
                           items[i].mode == kModeDirectory) >= 0) {
      return false;
    }
  }
  // One name, a file and a directory, or a slash in a name: git has neither anywhere.
  std::map<std::string, int> names;
  return std::ranges::all_of(items, [&](const OwnItem& item) {
    return item.name.find('/') == std::string::npos && ++names[item.name] == 1;
  });
}

void fuzz_tree(InputReader& input) {
  const uint8_t seed = input.u8();
  const ByteSpan bytes = input.rest();
  const std::string_view tree = as_text(bytes);
  const auto items = items_of(tree);
  std::vector<std::string> names = {"0000", "a", "note-1.md", "z"};
  if (items && !items->empty()) names.push_back((*items)[seed % items->size()].name);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<TreeEdit> edits;
  for (size_t i = 0; i < names.size(); ++i) {
    TreeEdit edit{names[i], ((seed >> i) & 1) != 0 ? kModeDirectory : kModeFile, {}};
    if ((seed + i) % 3 != 0) edit.id.bytes.fill(static_cast<std::byte>(seed | 1));
    edits.push_back(edit);
  }
  const auto merged = merge_tree(tree, edits);
  if (!merged || !items || !in_order(*items)) return;

  std::map<std::string, const TreeEdit*> by_name;
  for (const TreeEdit& edit : edits) by_name[std::string(edit.name)] = &edit;
  const auto after = items_of(*merged);
  require(after.has_value() && in_order(*after), "a merged tree that is none");
  std::vector<OwnItem> expected_rest, rest;
  for (const OwnItem& item : *items) {
    if (!by_name.contains(item.name)) expected_rest.push_back(item);
  }
  size_t puts = 0;
  for (const OwnItem& item : *after) {
    const auto edit = by_name.find(item.name);
    if (edit == by_name.end()) {
      rest.push_back(item);
      continue;
    }
    ++puts;
    require(item.mode == edit->second->mode && item.id == edit->second->id,
            "an edited item is another");
  }
  require(rest == expected_rest, "an item that was not edited was changed");
  require(puts == static_cast<size_t>(std::ranges::count_if(
                      edits, [](const TreeEdit& edit) { return !edit.id.is_zero(); })),
          "an edit is missing");
  const auto again = merge_tree(*merged, edits);
  require(again && *again == *merged, "the same edits again change the tree");
}

void fuzz_foreign_commit(InputReader& input) {
  const ByteSpan bytes = input.rest();
  const auto commit = parse_commit(as_text(bytes));
  if (!commit) return;
  require(commit->message.size() <= bytes.size(), "a message longer than its commit");
  const auto trailers = parse_trailers(commit->message);
  require(!trailers || trailers->store.size() == 32, "trailers without a store");
}

void fuzz_own_commit(InputReader& input) {
  const Signature author{std::string(input.text()), std::string(input.text()),
                         static_cast<int64_t>(input.u64()) / 1000};
  ObjectId tree, parent;
  tree.bytes.fill(std::byte{1});
  parent.bytes.fill(std::byte{2});
  const uint64_t first_seq = std::max<uint64_t>(input.take<uint32_t>(), 1);
  std::vector<std::string> subjects;
  do {
    subjects.emplace_back(input.text());
  } while (!input.empty() && subjects.size() < 30);
  const uint64_t last_seq = first_seq + subjects.size() - 1;
  const std::string message = compose_message(subjects, {}, test_store(), first_seq, last_seq);
  const auto commit = parse_commit(encode_commit(tree, std::span(&parent, 1), author, message));
  require(commit.has_value(), "a commit of ours does not read back");
  require(commit->tree == tree && commit->parents == std::vector<ObjectId>{parent} &&
              commit->message == message,
          "a commit of ours reads back as another");
  require(commit->committer_time_s == std::max<int64_t>(author.time_ms, 0) / 1000,
          "a commit of ours has another time");
  const auto trailers = parse_trailers(commit->message);
  require(trailers && trailers->store == test_store().hex() && trailers->first_seq == first_seq &&
              trailers->last_seq == last_seq,
          "the trailers of a commit of ours are others");
  const std::string signature = format_signature(author);
  require(signature.find_first_of(std::string_view("\n\0", 2)) == std::string::npos &&
              std::ranges::count(signature, '<') == 1 && std::ranges::count(signature, '>') == 1,
          "a signature that git takes for a malformed one");
}

void fuzz_config(InputReader& input) {
  const ByteSpan bytes = input.rest();
  const GitConfig config = GitConfig::parse(as_text(bytes));
  size_t value_bytes = 0;
  for (const auto& [name, value] : config.section("extensions")) value_bytes += value.size();
  require(value_bytes <= bytes.size() * 5, "values longer than the text");
  static_cast<void>(config.get_bool("core.bare", false));
  static_cast<void>(config.get("remote.origin.url"));
}

}  // namespace
}  // namespace syncline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace syncline::fuzz;
  InputReader input(data, size);
  switch (input.u8() % 4) {
    case 0:
      fuzz_tree(input);
      break;
    case 1:
      fuzz_foreign_commit(input);
      break;
    case 2:
      fuzz_own_commit(input);
      break;
    default:
      fuzz_config(input);
  }
  return 0;
}
