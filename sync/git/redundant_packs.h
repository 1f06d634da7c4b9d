// Removes packs whose every object is in larger packs that stay.
//
// `git repack -d` does not look: it removes the packs that it meant to put into the new one. Where
// a read fails on the way (the list of packs told to pack-objects, the name of the new pack told
// back), git 2.39 takes the end of the text for the end of the list, answers 0, and the objects are
// gone. So git only adds, and what may go is found here, from the indexes on the disk.
//
// Safe whoever works beside it, with no lock: packs never change, and an object of a pack that goes
// is in one that is larger (by count, then name). So of all packs that hold it the largest stays,
// whatever two of these remove at once. A person's `repack --geometric` rolls up from the smallest
// on, in the same order, and leaves nothing out of its new pack but what is in larger ones.
//
// Order of barriers: packs that are relied on synced → directory synced → multi-pack-index removed
// (it may name a pack that goes; git makes it again) → directory synced → each pack, then its
// index. Without its pack git passes an index over.
#pragma once

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// Leaves alone what has a .keep, .promisor, .bitmap or .mtimes beside it: somebody's reason.
Status remove_redundant_packs(Directory& common_dir);

}  // namespace syncline
