// The journal as a SectionSource.
#pragma once

#include "sync/context/outcome_source.h"
#include "sync/context/sync_context.h"
#include "sync/publish/publish_plan.h"

namespace syncline {

class JournalSections final : public SectionSource {
 public:
  // Of records up to `last_seq`: what the own tree that is published ends with.
  JournalSections(SyncContext& context, OutcomeSource& outcomes, uint64_t last_seq)
      : context_(context), outcomes_(outcomes), last_seq_(last_seq) {}
  // Reads from the first record that the journal still holds: it is meant for a publish after a
  // user has changed an append file on the branch, not for every publish.
  Result<std::map<std::string, std::vector<Section>>> sections(const std::set<std::string>& paths,
                                                               uint64_t first_seq) override;

 private:
  SyncContext& context_;
  OutcomeSource& outcomes_;
  uint64_t last_seq_;
};

}  // namespace syncline
