// The key of a record that takes in anew what was set aside, where that had no key of its own.
//
// Where it had one, the new record has the same, and the key is the new record's from then on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace syncline {

// A tab stands in it, which is refused in a person's key.
std::string again_key(uint64_t set_aside_seq);
// The record that a key is made for; 0 for any other key.
uint64_t set_aside_seq_of(std::string_view key);

}  // namespace syncline
