#include "sync/git/commit.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/base/try.h"
#include "sync/git/commit_text.h"
#include "sync/git/object_reader.h"

namespace syncline {
namespace {

std::string clean_name(std::string_view text) {
  std::string name = one_line(text);
  std::erase_if(name, [](char c) { return c == '<' || c == '>'; });
  return one_line(name);
}

}  // namespace

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

Result<std::optional<ParsedCommit>> commit_if_there(ObjectStore& objects, const ObjectId& id) {
  if (id.is_zero()) return std::optional<ParsedCommit>{};
  TRY_ASSIGN(const std::optional<Object> object, objects.read(id));
  if (!object || object->type != ObjectType::kCommit) return std::optional<ParsedCommit>{};
  TRY_ASSIGN(ParsedCommit commit, parse_commit(object->bytes));
  return std::optional<ParsedCommit>(std::move(commit));
}

Result<ObjectId> tree_of(ObjectStore& objects, const ObjectId& commit_id) {
  if (commit_id.is_zero()) return ObjectId{};
  TRY_ASSIGN(const ObjectStore::Content content, objects.require(commit_id, ObjectType::kCommit));
  TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
  return commit.tree;
}

}  // namespace syncline
