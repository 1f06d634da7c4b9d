#include "engine/roles/removed_files.h"

#include "journal/base/try.h"

namespace syncline {

Status RemovedFiles::look() {
  stashed_.reset();
  syncer_.reset();
  TRY_ASSIGN(auto syncer, context_.open_current_syncer());
  TRY_ASSIGN(goes_on_, syncer->branch_goes_on());
  TRY_ASSIGN(tree_, syncer->branch_tree());
  TRY_ASSIGN(stashed_, syncer->stashed_files());
  TRY_ASSIGN(staged_, syncer->staged_paths());
  TRY_ASSIGN(held_, syncer->held_paths());
  syncer_ = std::move(syncer);
  return {};
}

bool RemovedFiles::has(uint64_t seq, const std::string& path) {
  if (!looked_) {
    looked_ = true;
    if (!look()) return false;
  }
  if (syncer_ == nullptr) return false;
  if (seq > syncer_->published()) return stashed_->hold(path).value_or(false);
  if (is_held(held_, seq, path)) return false;
  // What a branch that does not go on lacks is published again.
  if (!syncer_->holds(tree_, path).value_or(true)) return goes_on_;
  return staged_.lack(path);
}

}  // namespace syncline
