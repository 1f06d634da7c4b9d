// Frames of several threads in one group: one write and one flush for all of them.
#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "journal/base/try.h"
#include "journal/log/journal_impl.h"

namespace syncline {

namespace {

// Of memory that ran out at some moment within a group.
Error out_of_memory_somewhere() {
  Error error = out_of_memory();
  error.code = Code::kOutcomeUnknown;
  return error;
}

struct Commit : GroupItem {
  std::span<const NewFrame> frames;  // the caller's, who waits until this is done
  Result<Appended> answer = out_of_memory_somewhere();
};

uint64_t records_in(std::span<const NewFrame> frames) {
  return static_cast<uint64_t>(std::ranges::count_if(
      frames, [](const NewFrame& frame) { return is_record(frame.operation); }));
}

// Appends the frames of all, none of them earlier than what stands before it. What ends the group
// is what each of its members waits for; first_seq is each one's own.
Result<Appended> append_joined(AppendTurn& turn, std::span<Commit* const> commits) {
  std::vector<NewFrame> joined;
  int64_t last_time_ms = turn.last_time_ms();
  for (const Commit* commit : commits) {
    for (NewFrame frame : commit->frames) {
      last_time_ms = frame.time_ms = std::max(frame.time_ms, last_time_ms);
      joined.push_back(frame);
    }
  }
  TRY_ASSIGN(const Appended appended, turn.append(joined));
  uint64_t seq = appended.first_seq;
  for (Commit* commit : commits) {
    const uint64_t records = records_in(commit->frames);
    commit->answer = appended;
    commit->answer->first_seq = records == 0 ? 0 : seq;
    seq += records;
  }
  return appended;
}

// Where the disk has no room for all of them, the small ones may fit, and control frames may use
// what is kept back for them.
Appended append_each(AppendTurn& turn, std::span<Commit* const> commits) {
  Appended last{.mark = turn.end(), .epoch = turn.epoch()};
  for (Commit* const& commit : commits) {
    const Result<Appended> appended = append_joined(turn, {&commit, 1});
    if (appended) last = *appended;
    if (!appended) commit->answer = appended.error();
  }
  return last;
}

}  // namespace

void Journal::Impl::lead_commits(Journal& journal, const GroupCommit::Items& items) {
  const auto write = [&]() -> Status {
    std::vector<Commit*> commits;
    commits.reserve(items.size());
    for (const auto& item : items) commits.push_back(static_cast<Commit*>(item.get()));
    Appended last;
    {
      TRY_ASSIGN(AppendTurn turn, journal.begin_append());
      const Result<Appended> joined = append_joined(turn, commits);
      if (!joined && (joined.error().code != Code::kRetryLater || commits.size() == 1)) {
        return joined.error();
      }
      last = joined ? *joined : append_each(turn, commits);
    }
    return journal.flush(last);
  };
  const Status written = or_out_of_memory(write);
  if (written) return;
  for (const auto& item : items) {
    Result<Appended>& answer = static_cast<Commit&>(*item).answer;
    // One that did not get in has its own error already.
    if (answer || answer.error().code == Code::kOutcomeUnknown) answer = written.error();
  }
}

Result<Appended> Journal::commit(std::span<const NewFrame> frames) {
  const auto commit = std::make_shared<Commit>();
  commit->frames = frames;
  uint64_t bytes = 0;
  for (const NewFrame& frame : frames) bytes += frame_bytes_for(frame.payload.size());
  impl_->commits->submit(commit, bytes, kForever);
  impl_->commits->wait(*commit, kForever);
  return commit->answer;
}

}  // namespace syncline
