// A record that is to be taken away → the record that does it, with all its effects decided.
//
// Its key is one that no person can give, so that a record is retracted once however often and by
// however many processes that is asked for: the second is a repetition of the first.
#pragma once

#include <cstdint>
#include <string>

#include "journal/record/intent.h"

namespace syncline {

// The key of the record that retracts record `seq`.
std::string retraction_key(uint64_t seq);

// `made` is what the record `target` made, by the outcome that holds; its path and text have
// `file_id`. The new record's id is to be that of its row. Pure.
Intent make_retraction(const Intent& target, const Effects& made, uint64_t file_id);

}  // namespace syncline
