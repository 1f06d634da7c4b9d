#include "engine/apply/section_target.h"

#include <fmt/format.h>

#include "journal/base/try.h"
#include "journal/os/file_system.h"

namespace syncline {

Result<const SectionTarget*> SectionTargets::look(const std::string& path) {
  auto target = seen_.find(path);
  if (target == seen_.end()) {
    TRY_ASSIGN(SectionTarget looked, look_at_file(path));
    target = seen_.emplace(path, std::move(looked)).first;
  }
  return &target->second;
}

Result<SectionTarget> SectionTargets::look_at_file(std::string_view path) {
  auto place = parents_.find(path);
  if (!place) {
    if (!is_unusable_path(place.error())) return std::move(place).error();
    return SectionTarget{.unusable = fmt::format("{}: {}", path, place.error().message)};
  }
  if (place->directory == nullptr) return SectionTarget{};
  const auto info = place->directory->info(place->name);
  if (!info) {
    if (info.error().code == Code::kNotFound) return SectionTarget{};
    if (!is_unusable_path(info.error())) return info.error();
    return SectionTarget{.unusable = fmt::format("{}: {}", path, info.error().message)};
  }
  if (info->type != FileInfo::Type::kRegular) {
    return SectionTarget{.unusable = fmt::format("{}: the path is not a regular file", path)};
  }
  if (info->links != 1) {
    const std::string reason = fmt::format(
        "{}: the file has {} names (hard links); writing to it would change another file", path,
        info->links);
    return SectionTarget{.unusable = reason, .blocked = reason};
  }
  return SectionTarget{.exists = true};
}

}  // namespace syncline
