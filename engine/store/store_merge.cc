// Store::merge_sections and set_merge_driver: git merges files of sections by us.
#include "engine/config/kind_patterns.h"
#include "engine/config/path_match.h"
#include "engine/config/told_fields.h"
#include "engine/store/store_impl.h"
#include "journal/base/try.h"
#include "sync/git/merge_driver.h"
#include "sync/publish/section_union.h"

namespace syncline {

Result<std::optional<std::string>> Store::merge_sections(std::string_view path,
                                                         std::string_view base,
                                                         std::string_view ours,
                                                         std::string_view theirs) {
  std::vector<std::string> known;
  for (const KindSpec& kind : impl_->config->kinds) {
    if (kind.operation != Operation::kAppend || !match_path(kind.patterns->path, path)) continue;
    std::string prefix = section_heading_prefix(kind);
    if (!prefix.empty()) known.push_back(std::move(prefix));
  }
  const auto united =
      unite_sections({base, ours, theirs}, HeadingPrefixes(known.begin(), known.end()));
  if (!united) return std::optional<std::string>();
  return united->text;
}

Result<bool> Store::set_merge_driver(const std::string& program) {
  TRY(impl_->check_process());
  TRY(impl_->check_writable());
  TRY_ASSIGN(const auto common, impl_->platform.open_directory(impl_->places.common_dir));
  const std::string owner = impl_->identity.store.hex();
  TRY_ASSIGN(bool set, merge_driver_is_set(*common, owner, program));
  if (set) return true;
  TRY(impl_->roles->sync.with_syncer([&](Syncer&, OutcomeSource&) -> Status {
    TRY_ASSIGN(set, syncline::set_merge_driver(*common, owner, program));
    return {};
  }));
  return set;
}

}  // namespace syncline
