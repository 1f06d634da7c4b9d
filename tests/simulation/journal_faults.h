// What a journal has to live through besides a crash of everything: the death of one of two
// processes, a failing operation, and damage, which it must never live through in silence.
#pragma once

#include "tests/simulation/journal_explorer.h"

namespace syncline::simulation {

// At every operation of the last step its process dies, in the middle of writes too; the other,
// which has the store open, goes on, and the dead one comes back.
void explore_deaths(JournalExplorer& explorer, const Word& word);

// Every operation of the last step fails, once and from then on, by each of the usual errors. Then
// the cause goes away, and both processes go on without help. After a failed sync of a segment
// nothing more is acknowledged in it.
void explore_failures(JournalExplorer& explorer, const Word& word);

// Bits flipped, sectors zeroed or misplaced, files cut or gone, in what the word left behind. The
// journal is whole all the same, or refuses and names segment and offset.
void explore_damage(JournalExplorer& explorer, const Word& word);

}  // namespace syncline::simulation
