// What stands at the path that a section is to be appended to: whether it can go there ever, for
// now, or not at all.
//
// A look answers for one attempt only: the file may change before the section is written, which
// SectionApplier notices.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/apply/parent_directories.h"
#include "syncline/result.h"

namespace syncline {

struct SectionTarget {
  std::string unusable;  // why no section can be written to the path; empty where one can
  std::string blocked;   // the same reason, where a person can clear it; else empty
  bool exists = false;   // a file is there
};

// Looks at each path once.
class SectionTargets {
 public:
  explicit SectionTargets(ParentDirectories& parents) : parents_(parents) {}

  // Valid as long as this object.
  Result<const SectionTarget*> look(const std::string& path);

 private:
  Result<SectionTarget> look_at_file(std::string_view path);

  ParentDirectories& parents_;
  std::map<std::string, SectionTarget> seen_;
};

}  // namespace syncline
