#include "engine/roles/removed_files.h"

#include "journal/base/try.h"

namespace syncline {

Status RemovedFiles::look() {
  syncer_.reset();
  TRY_ASSIGN(auto syncer, context_.open_current_syncer());
  TRY_ASSIGN(const bool goes_on, syncer->branch_goes_on());
  if (!goes_on) return {};  // what it lacks is published again
  TRY_ASSIGN(tree_, syncer->branch_tree());
  syncer_ = std::move(syncer);
  return {};
}

bool RemovedFiles::has(uint64_t seq, const std::string& path) {
  if (!looked_) {
    looked_ = true;
    if (!look()) return false;
  }
  if (syncer_ == nullptr || seq > syncer_->published()) return false;
  const Result<bool> held = syncer_->holds(tree_, path);
  return held && !*held;
}

}  // namespace syncline
