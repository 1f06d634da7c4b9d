// Paths in the work tree, looked at by a kind's pattern: the other way round from making one.
//
// A file that did not come through the journal mostly lacks the id in its name, so the pattern's id
// may be missing, together with the dash or underscore before it.
//
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/config/config.h"
#include "engine/config/pattern.h"

namespace syncline {

// What the path says of the record.
struct PathMatch {
  std::map<uint32_t, std::string> fields;  // by the kind's fields: the slug of each
  std::string date;                        // 2026-01-31; empty where the pattern has none
};
// Empty where the path is none that the pattern would make.
std::optional<PathMatch> match_path(const Pattern& pattern, std::string_view path);

// The directory that all files of the kind are below; empty for the top of the work tree.
std::string kind_folder(const KindSpec& kind);

}  // namespace syncline
