// Files of ours as git has checked them out with line ends, filters or encodings of its own: once
// these are off for our paths (own_attributes.h), git would call each of them modified, for good.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "journal/base/clock.h"
#include "sync/git/git_paths.h"
#include "sync/git/object_reader.h"
#include "syncline/result.h"

namespace syncline {

// Gives those that nobody has edited the bytes that the index names; to be called before the
// conversions are switched off, because git is asked what it makes of a file's bytes. A crash in
// between leaves files that git calls unchanged either way. Where there is no git program, or no
// index that can be read, all stays as it is. Answers how many files were changed.
Result<size_t> take_conversions_back(const GitDirectories& git, ObjectStore& objects,
                                     std::span<const std::string> patterns, Clock& clock);

// After the conversions are off: git takes a file of another size than the index says for modified
// without a look at its bytes, so for those that have the bytes of the index git is asked to look.
Status refresh_sizes(const GitDirectories& git, std::span<const std::string> patterns,
                     Clock& clock);

}  // namespace syncline
