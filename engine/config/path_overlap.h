// Whether two kinds could give two records the same path.
//
// Within a kind the id keeps created paths apart (kind_patterns.h). Between two kinds it does not:
// each table counts its own ids, and a slug may hold any digits. So the sets of paths that two
// patterns can render are compared, as two regular expressions are: each part is a class of
// characters, once or any number of times. A slot stands for more than it renders (a date for any
// digits and dashes), so a pair that is called apart is apart.
//
// Pure. Threading: any thread.
#pragma once

#include "engine/config/pattern.h"

namespace syncline {

// For parsed paths, in which every field goes through slug.
bool paths_overlap(const Pattern& one, const Pattern& other);

}  // namespace syncline
