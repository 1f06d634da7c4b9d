#include "sync/publish/publish_sections.h"

#include "journal/base/try.h"
#include "sync/fold/record_source.h"

namespace syncline {

Result<std::map<std::string, std::vector<SectionSource::Section>>> JournalSections::sections(
    const std::set<std::string>& paths, uint64_t first_seq) {
  std::map<std::string, std::vector<Section>> found;
  TRY_ASSIGN(const Mark begin, context_.journal.begin());
  TRY_ASSIGN(RecordSource source,
             RecordSource::open(context_.store_directory, context_.store(), begin, begin.seq));
  const Mark limit = context_.journal.durable();
  while (true) {
    TRY_ASSIGN(std::optional<RecordBatch> batch,
               source.next(BatchPolicy{}, limit, outcomes_, last_seq_));
    if (!batch) return found;
    for (FileEffect& effect : batch->effects) {
      if (effect.operation != Operation::kAppend || effect.seq < first_seq) continue;
      if (!paths.contains(effect.path)) continue;
      if (effect.retracted_by != 0 && effect.retracted_by <= last_seq_) continue;
      found[effect.path].push_back({effect.seq, effect.id, std::move(effect.text)});
    }
  }
}

}  // namespace syncline
