#include "engine/verify/orphans.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/config/kind_patterns.h"
#include "journal/base/ascii.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

// The text of a column that is the same in all rows of its kind.
std::optional<std::string> fixed_text(const ColumnPattern& column) {
  if (column.typed_field || column.null_when_absent) return std::nullopt;
  const bool is_fixed = std::ranges::all_of(column.pattern.parts(), [](const Pattern::Part& part) {
    return part.kind == Pattern::Part::Kind::kLiteral;
  });
  if (!is_fixed) return std::nullopt;
  return std::string(column.pattern.expand({}, {}, {}).literals());
}

}  // namespace

Result<const KindSpec*> kind_of_row(Database& database, const Config& config,
                                    const std::string& table, uint64_t id) {
  for (const KindSpec& kind : config.kinds) {
    if (!equal_but_for_case(kind.table, table)) continue;
    std::string where = fmt::format("{} = ?1", quote_identifier(kind.id_column));
    std::vector<std::string> texts;
    for (const ColumnPattern& column : kind.patterns->columns) {
      const auto text = fixed_text(column);
      if (!text) continue;
      texts.push_back(*text);
      where += fmt::format(" AND {} IS ?{}", quote_identifier(column.name), texts.size() + 1);
    }
    auto query = database.prepare(
        fmt::format("SELECT 1 FROM main.{} WHERE {}", quote_identifier(kind.table), where));
    if (!query) continue;  // the table lacks a column of this kind
    query->bind(1, id);
    for (size_t i = 0; i < texts.size(); ++i) {
      query->bind(static_cast<int>(i) + 2, std::string_view(texts[i]));
    }
    TRY_ASSIGN(const bool is_it, query->step());
    if (is_it) return &kind;
  }
  return nullptr;
}

}  // namespace syncline
