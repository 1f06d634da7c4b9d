// What a git command line is about to do, as far as its words tell.
//
// While `git commit` runs its hooks nothing on disk says so: there is no lock, and the message file
// may be old. The command dies at its end if HEAD has moved meanwhile. So whoever moves HEAD looks
// which git programs run, and what they were asked to do.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace syncline {

// "commit" of `git -C there --no-pager commit -m x`, and of `git-commit`; empty where there is
// none.
std::string_view git_subcommand(std::span<const std::string_view> words);

// Does it move HEAD, or change the index or the work tree, by what git's manual says?
bool moves_head(std::span<const std::string_view> words);

// May it move HEAD, or change the index or the work tree? Everything that is not known to leave
// them alone may: an alias can stand for anything.
bool may_move_head(std::span<const std::string_view> words);

}  // namespace syncline
