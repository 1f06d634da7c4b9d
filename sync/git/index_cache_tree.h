// The index's TREE extension: names of trees that git need not compute again.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace syncline {

// The extension with every folder on the way to a touched path marked invalid, so that git computes
// those alone. Nothing where the body does not parse: leaving the extension out is always right.
std::optional<std::string> invalidate_cache_tree(
    std::string_view body, const std::set<std::string, std::less<>>& touched_paths);

}  // namespace syncline
