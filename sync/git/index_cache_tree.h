// The index's TREE extension: names of trees that git need not compute again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace syncline {

// The extension with every directory on the way to a touched path marked invalid, so that git
// computes only those. The paths are sorted. Empty where the body does not parse: leaving the
// extension out is always correct.
std::optional<std::string> invalidate_cache_tree(std::string_view body,
                                                 std::span<const std::string_view> touched_paths);

}  // namespace syncline
