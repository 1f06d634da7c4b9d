// What the verbs that write one record have in common: how they fail, and what they do for others
// before they exit.
#pragma once

#include <string_view>

#include "tools/session.h"

namespace syncline {

// The record is durable, but not at the stage that was waited for. `besides` ends the sentence.
int fail_short_of_stage(const Session& session, Store& store, const Receipt& receipt, Stage wait,
                        std::string_view besides = {});
// An error with a sequence is of a record that is durable, any other of one that was not written.
int fail_record(const Session& session, Store& store, const Error& error);
// Others may have left their work to this call, even where its own record failed; but a caller
// whose time is up is not kept any longer.
void lend_a_hand(Store& store, const Session& session, Deadline deadline);

}  // namespace syncline
