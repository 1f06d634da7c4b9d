#include "engine/config/make_retraction.h"

#include <fmt/format.h>

#include <utility>

#include "journal/base/assert.h"
#include "sync/git/sha256.h"

namespace syncline {
namespace {

// By which the record's row is told from another one that has its id by now: the record's path,
// which holds the id; without such a column its longest text, which nobody else wrote; without any
// text, all of it. Columns that hooks and people change are not among them.
std::vector<IntentColumn> telling_columns(const Intent& target, const Effects& made) {
  const auto at = [&](size_t i) {
    return IntentColumn{made.columns[i].first, literal_value(made.columns[i].second)};
  };
  if (const auto path = path_column(target)) return {at(*path)};
  size_t longest = 0, bytes = 0;
  for (size_t i = 0; i < made.columns.size(); ++i) {
    const auto* const text = std::get_if<std::string>(&made.columns[i].second);
    if (text == nullptr || text->size() <= bytes) continue;
    longest = i;
    bytes = text->size();
  }
  if (bytes > 0) return {at(longest)};
  std::vector<IntentColumn> all;
  for (size_t i = 0; i < made.columns.size(); ++i) all.push_back(at(i));
  return all;
}

}  // namespace

std::string retraction_key(uint64_t seq) {
  // A tab is refused in a person's key.
  return fmt::format("retract\t{}", seq);
}

Intent make_retraction(const Intent& target, const Effects& made, uint64_t file_id) {
  SYNCLINE_ASSERT(!target.retracted);
  Intent intent;
  intent.operation = Operation::kRetract;
  intent.kind = target.kind;
  intent.key = retraction_key(made.seq);
  intent.content_hash = sha256(as_bytes(intent.key));
  intent.table = made.table;
  intent.id_column = made.id_column;
  intent.columns = telling_columns(target, made);
  intent.path = Template::literal(made.path);
  intent.header = Template::literal(made.header);
  intent.text = Template::literal(made.text);
  intent.subject = Template::literal("retract: " + made.subject);
  intent.retracted =
      RetractedRecord{.seq = made.seq, .operation = made.operation, .file_id = file_id};
  return intent;
}

}  // namespace syncline
