#include "engine/adopt/named_paths.h"

#include <algorithm>

#include "engine/adopt/adopted_fields.h"
#include "journal/base/ascii.h"
#include "journal/base/try.h"

namespace syncline {

std::string path_in_tree(std::string_view path, std::string_view root) {
  if (path.starts_with(root) && path.substr(root.size()).starts_with('/')) {
    path.remove_prefix(root.size() + 1);
  }
  while (path.starts_with("./")) path.remove_prefix(2);
  const bool leaves = path.starts_with('/') || path == ".." || path.starts_with("../") ||
                      path.ends_with("/..") || path.find("/../") != std::string_view::npos;
  return leaves ? std::string() : std::string(path);
}

Result<std::map<std::string, uint64_t>> paths_of_rows(Database& database, const Config& config,
                                                      std::string_view root,
                                                      const Orphans& orphans) {
  std::map<std::string, uint64_t> named;
  for (const auto& [table, ids] : orphans.rows) {
    // Rows of no kind name files as well, in the same column.
    for (const KindSpec& kind : config.kinds) {
      if (!equal_but_for_case(kind.table, table)) continue;
      for (const uint64_t id : ids) {
        const Result<FoundRow> row = read_row(database, kind, id);
        if (!row && row.error().code == Code::kNotFound) continue;
        if (!row) return row.error();
        const std::string path = path_in_tree(path_of_row(kind, *row), root);
        if (!path.empty()) named.emplace(path, id);
      }
      break;
    }
  }
  return named;
}

}  // namespace syncline
