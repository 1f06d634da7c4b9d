// "Did you mean …": the name a person most likely meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace syncline {

// The candidate that few edits turn `name` into; empty when none is near.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

// "did you mean 'title'?", or "there are: body, tags, title" when none is near.
std::string near_name_hint(std::string_view name, std::span<const std::string> candidates);

// Untrusted text as an error message may show it: one line, quoted, shortened.
std::string quote_for_message(std::string_view text);

}  // namespace syncline
