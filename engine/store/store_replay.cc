// replay --into: rows, files and commits elsewhere, from the journal alone.
//
// The frames are copied, in order and unchanged but for their places, into a new journal with the
// same store id; apply and fold make everything else from it. Outcomes and batch boundaries were
// journalled, so nothing is decided anew: same rows, same tree, same commit ids. The new store is
// read-only, or two stores would go on as one.
//
// A store that goes on above a lost one is replayed from its own first record, where its ref begins
// too: what was given up is not in its journal, and a note says so. A store that was trimmed is
// refused: the commits with which its ref begins cannot be made again.
#include <fmt/format.h>

#include <algorithm>

#include "engine/store/store_copy.h"
#include "engine/store/store_impl.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/record/control_frame.h"
#include "sync/repository.h"
#include "sync/repository_commit.h"

namespace syncline {

namespace {

constexpr size_t kGroupBytesMax = 4u << 20;
constexpr size_t kGroupFramesMax = 4096;

// Does a control frame belong to a history that ends at `to_seq`?
Result<bool> belongs(const FrameView& frame, uint64_t to_seq) {
  switch (frame.operation) {
    case Operation::kConfig:
      return true;
    case Operation::kRebind:
    case Operation::kSetAside: {
      TRY_ASSIGN(const Outcome outcome,
                 at_frame(frame, decode_outcome(frame.operation, frame.payload)));
      return outcome.seq <= to_seq;
    }
    case Operation::kBatch: {
      TRY_ASSIGN(const BatchFrame batch, at_frame(frame, decode_batch(frame.payload)));
      return batch.last_seq <= to_seq;
    }
    default:
      // Where sections were written, and what was published and checkpointed, is the source's
      // alone.
      return false;
  }
}

// Copies frames, a group at a time. It holds the payloads until their group is written.
class FrameCopier {
 public:
  explicit FrameCopier(Journal& into) : into_(into) {}

  Status add(const FrameView& frame) {
    payloads_.emplace_back(frame.payload.begin(), frame.payload.end());
    frames_.push_back({frame.operation, frame.id, frame.time_ms, {}, frame.payload_hash});
    bytes_ += frame.payload.size();
    if (bytes_ < kGroupBytesMax && frames_.size() < kGroupFramesMax) return {};
    return write();
  }
  Status write() {
    if (frames_.empty()) return {};
    for (size_t i = 0; i < frames_.size(); ++i) frames_[i].payload = payloads_[i];
    TRY_ASSIGN(AppendTurn turn, into_.begin_append());
    TRY_ASSIGN([[maybe_unused]] const Appended appended, turn.append(frames_));
    frames_.clear();
    payloads_.clear();
    bytes_ = 0;
    return {};
  }

 private:
  Journal& into_;
  std::vector<NewFrame> frames_;
  std::vector<ByteVector> payloads_;
  size_t bytes_ = 0;
};

// What a store that goes on above a lost one keeps of the lost one's keys.
Result<std::optional<KeptKeys>> read_kept_below(Directory& store_directory,
                                                const Identity& identity) {
  std::optional<KeptKeys> below;
  TRY(visit_kept_keys(store_directory, identity.store, 0, identity.first_seq - 1,
                      [&](const KeptKeys& kept) -> Status {
                        below = kept;
                        return {};
                      }));
  return below;
}

}  // namespace

Status Store::replay_into(const std::string& directory, std::optional<uint64_t> to_seq,
                          const std::function<void(uint64_t, uint64_t)>& progress) {
  TRY(impl_->check_process());
  Impl& source = *impl_;
  const Mark end = source.journal->durable();
  const uint64_t last = std::min(to_seq.value_or(end.seq), end.seq);
  TRY_ASSIGN(const Mark begin, source.journal->begin());
  const uint64_t first = source.identity.first_seq;
  if (begin.seq + 1 > first) {
    return make_error(
        Code::kUnsupported,
        fmt::format("the journal was trimmed: it starts at record {}, the store at {}",
                    begin.seq + 1, first),
        "replay needs all of it: a copy of the store from before the trim has it; retain_bytes_max "
        "= 0 and retain_days_max = 0 keep the next one whole");
  }
  if (first > 1 && to_seq && *to_seq < first) {
    return make_error(Code::kInvalid,
                      fmt::format("the store begins with record {}: those before it were given up "
                                  "with the journal that held them",
                                  first),
                      fmt::format("--to {} or more; the rows, files and commits of the others are "
                                  "where they were",
                                  first));
  }
  TRY_ASSIGN(const RepositoryState repository, make_empty_repository(directory, source.platform));
  TRY_ASSIGN(StoreParts parts, begin_copy(source.identity, repository, source.platform));
  const StorePlaces& places = parts.places;
  Identity& identity = parts.identity;
  identity.branch = repository.branch;
  TRY(write_identity(*parts.store, identity));

  JournalOptions options;
  options.segment_bytes_max = source.config->segment_bytes_max;
  TRY_ASSIGN(const auto below, read_kept_below(*source.store_directory, identity));
  TRY(Journal::create(*parts.store, identity.store, source.clock, options, first,
                      keep_below(identity.store, below)));
  TRY_ASSIGN(auto journal, Journal::open(*parts.store, identity.store, source.clock,
                                         source.platform.make_ring(/*many_groups=*/true), options));
  std::string config_text;
  TRY_ASSIGN(auto reader, Reader::open(*source.store_directory, source.identity.store, begin,
                                       Reading::kThrough));
  FrameCopier copier(*journal);
  while (true) {
    TRY_ASSIGN(const std::optional<FrameView> frame, reader->next(end));
    if (!frame) break;
    bool wanted = is_record(frame->operation) && frame->seq <= last;
    if (!is_record(frame->operation)) {
      TRY_ASSIGN(wanted, belongs(*frame, last));
    }
    if (!wanted) continue;
    if (frame->operation == Operation::kConfig) {
      if (reader->position().seq > last) continue;  // the settings of later records
      TRY_ASSIGN(ConfigFrame config, at_frame(*frame, decode_config(frame->payload)));
      config_text = std::move(config.text);
    }
    TRY(copier.add(*frame));
  }
  TRY(copier.write());
  TRY(journal->flush_all());

  // The first segment may have been trimmed before there was a record, and its settings with it.
  if (config_text.empty()) config_text = source.config->text;
  TRY_ASSIGN(Config parsed, parse_config(config_text));
  const auto config = std::make_shared<const Config>(std::move(parsed));
  identity.database = config->database;
  TRY(replace_file(*parts.root, kConfigFile, as_bytes(config->text)));
  TRY(prepare_database_place(repository, *parts.root, *config));
  TRY(exclude_path(repository, "/" + std::string(kConfigFile)));

  Roles roles(places, identity, config, *parts.store, *journal, source.clock);
  roles.expect_replay();
  TRY(roles.apply.with_applier([&](Applier& applier) -> Status {
    while (true) {
      TRY_ASSIGN(const ApplyReport report, applier.step());
      if (progress) progress(report.applied.seq, last);
      if (!report.more) break;
    }
    return applier.checkpoint();
  }));
  // The journal knows every batch, the new ref none: recovery folds them all again, to the same
  // commits.
  TRY(roles.sync.with_syncer([](Syncer& syncer, OutcomeSource& outcomes) -> Status {
    return syncer.committer().recover(outcomes);
  }));
  TRY(check_out_own_ref(repository, identity.store, source.clock));
  TRY(parts.root->sync_file_system());
  identity.ready = true;
  TRY(write_identity(*parts.store, identity));
  if (first > 1) {
    source.notes.add(
        fmt::format("records 1 to {} were given up with the journal that held them: their rows, "
                    "files and commits are not in {}",
                    first - 1, directory));
  }
  return {};
}

}  // namespace syncline
