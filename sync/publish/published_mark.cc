#include "sync/publish/published_mark.h"

#include "journal/base/try.h"
#include "journal/record/control_frame.h"

namespace syncline {

Status journal_publish(SyncContext& context, uint64_t last_seq, const ObjectId& parent,
                       const ObjectId& commit) {
  SyncState& state = context.state;
  const PublishFrame frame{
      .last_seq = last_seq, .branch = context.options.branch, .parent = parent, .commit = commit};
  TRY(context.journal.append_control(Operation::kPublish, encode(frame), context.clock.now_ms()));
  state.published = frame.last_seq;
  state.branch = frame.branch;
  state.branch_commit = frame.commit;
  context.journal.set_watermark(Watermark::kPublished, state.published);
  return {};
}

}  // namespace syncline
