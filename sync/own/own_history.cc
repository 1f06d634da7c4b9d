#include "sync/own/own_history.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <queue>
#include <unordered_set>

#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"

namespace syncline {
namespace {

// How many records the first line of an older batch's message counts; empty where it counts none.
std::optional<uint64_t> counted_records(std::string_view first_line) {
  constexpr std::string_view kPrefix = "syncline: ";
  if (!first_line.starts_with(kPrefix)) return std::nullopt;
  const std::string_view rest = first_line.substr(kPrefix.size());
  uint64_t count = 0;
  const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
  const bool counted = fault == std::errc{} &&
                       std::string_view(end, rest.data() + rest.size()).starts_with(" record");
  return counted ? std::optional(count) : std::nullopt;
}

// compose_message() read backwards: how many records a batch's commit holds, their subjects, and
// their kinds where it tells them.
void read_message(std::string_view message, uint64_t& records, std::vector<std::string>& subjects,
                  KindCounts& kinds) {
  const std::string_view first_line = message.substr(0, message.find('\n'));
  std::string_view body = message.substr(std::min(message.size(), first_line.size() + 2));
  std::optional<uint64_t> count = counted_records(first_line);
  if (const KindCounts told = parse_kinds(message); !told.empty()) {
    count = 0;
    for (const auto& [kind, each] : told) {
      kinds[kind] += each;
      *count += each;
    }
  }
  if (!count || (*count != 0 && !body.starts_with("- "))) {
    ++records;
    subjects.emplace_back(first_line);
    return;
  }
  records += *count;
  while (body.starts_with("- ")) {
    const size_t line_end = std::min(body.find('\n'), body.size());
    subjects.emplace_back(body.substr(2, line_end - 2));
    body.remove_prefix(std::min(line_end + 1, body.size()));
  }
}

// Records of older batches, whose kinds nobody tells, are told as records.
void add_untold(KindCounts& kinds, uint64_t records) {
  uint64_t told = 0;
  for (const auto& [kind, each] : kinds) told += each;
  if (told != 0 && told < records) kinds["record"] += records - told;
}

// Every commit reachable from `tip`, newest first by commit time, until `visit` answers false.
Status walk_history(ObjectStore& objects, const ObjectId& tip, uint64_t commits_max,
                    const std::function<bool(const ObjectId&, const ParsedCommit&)>& visit) {
  struct Waiting {
    int64_t time_s = 0;
    ObjectId id;
    ParsedCommit commit;
    bool operator<(const Waiting& other) const { return time_s < other.time_s; }
  };
  std::priority_queue<Waiting> queue;
  std::unordered_set<ObjectId, ObjectIdHash> seen;
  const auto add = [&](const ObjectId& id) -> Status {
    if (id.is_zero() || !seen.insert(id).second) return {};
    TRY_ASSIGN(const std::optional<Object> object, objects.read(id));
    // Beyond the edge of a shallow clone there is nothing to look at.
    if (!object || object->type != ObjectType::kCommit) return {};
    TRY_ASSIGN(ParsedCommit commit, parse_commit(object->bytes));
    const int64_t time_s = commit.committer_time_s;
    queue.push({time_s, id, std::move(commit)});
    return {};
  };
  TRY(add(tip));
  for (uint64_t looked = 0; !queue.empty() && looked < commits_max; ++looked) {
    const Waiting at = queue.top();
    queue.pop();
    if (!visit(at.id, at.commit)) return {};
    for (const ObjectId& parent : at.commit.parents) TRY(add(parent));
  }
  return {};
}

}  // namespace

Result<OwnHistory> read_own_history(ObjectStore& objects, const StoreId& store, const ObjectId& tip,
                                    uint64_t after_seq, uint64_t records_max) {
  OwnHistory history;
  history.before_known = after_seq == 0;
  history.last_seq = after_seq;
  std::vector<std::vector<std::string>> newest_first;
  for (ObjectId at = tip; !at.is_zero();) {
    TRY_ASSIGN(const ObjectStore::Content content, objects.require(at, ObjectType::kCommit));
    TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
    if (at == tip) history.tree = commit.tree;
    const std::optional<CommitTrailers> trailers = parse_trailers(commit.message);
    if (!trailers || trailers->store != store.hex()) break;
    if (trailers->last_seq <= after_seq) {
      if (trailers->last_seq == after_seq) {
        history.tree_before = commit.tree;
        history.before_known = true;
      }
      break;
    }
    if (history.trees.empty() || history.last_seq - after_seq > records_max) {
      // With this older commit, the newer ones are too many: they are left for the next publish.
      history.trees.clear();
      newest_first.clear();
      history.records = 0;
      history.kinds.clear();
      history.tree = commit.tree;
      history.last_seq = trailers->last_seq;
    }
    history.trees.push_back(commit.tree);
    newest_first.emplace_back();
    read_message(commit.message, history.records, newest_first.back(), history.kinds);
    at = commit.parents.empty() ? ObjectId{} : commit.parents.front();
  }
  add_untold(history.kinds, history.records);
  for (auto batch = newest_first.rbegin(); batch != newest_first.rend(); ++batch) {
    for (std::string& subject : *batch) {
      if (history.subjects.size() == kListedSubjectsMax) return history;
      history.subjects.push_back(std::move(subject));
    }
  }
  return history;
}

Result<std::vector<FoundRange>> find_trailers(ObjectStore& objects, const ObjectId& tip,
                                              std::string_view store, uint64_t commits_max,
                                              uint64_t found_max) {
  std::vector<FoundRange> found;
  TRY(walk_history(objects, tip, commits_max, [&](const ObjectId& id, const ParsedCommit& commit) {
    const std::optional<CommitTrailers> trailers = parse_trailers(commit.message);
    if (trailers && trailers->store == store) {
      found.push_back({id, trailers->first_seq, trailers->last_seq});
    }
    return found.size() < found_max;
  }));
  return found;
}

Result<std::set<std::string>> stores_named(ObjectStore& objects, const ObjectId& tip) {
  std::set<std::string> stores;
  TRY(walk_history(objects, tip, UINT64_MAX, [&](const ObjectId&, const ParsedCommit& commit) {
    for (std::string& store : named_stores(commit.message)) stores.insert(std::move(store));
    return true;
  }));
  return stores;
}

Result<bool> reaches(ObjectStore& objects, const ObjectId& tip, const ObjectId& wanted,
                     uint64_t commits_max) {
  bool reached = false;
  TRY(walk_history(objects, tip, commits_max, [&](const ObjectId& id, const ParsedCommit&) {
    reached = id == wanted;
    return !reached;
  }));
  return reached;
}

}  // namespace syncline
