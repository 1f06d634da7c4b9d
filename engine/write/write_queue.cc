#include "engine/write/write_queue.h"

#include <algorithm>
#include <new>

#include "engine/projection/schema.h"
#include "engine/write/from_applied.h"
#include "engine/write/receipt_lookup.h"
#include "journal/base/assert.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/record/control_frame.h"
#include "journal/record/row_id.h"

namespace syncline {

namespace {

// Beyond this many records in the append index SQLite is asked how far it has come, and what it
// knows is forgotten.
constexpr size_t kTailPruneRecords = 8192;

Error no_id_left(const std::string& table, const std::string& id_column) {
  return make_error(Code::kUnsupported,
                    "no id is left in table " + table +
                        ": a row, or a file of another store, has " + std::to_string(kRowIdMax) +
                        ", the largest there is; nothing was written",
                    "give that row a smaller " + id_column +
                        " and record again; where it is a file of a clone, rename it and run "
                        "`syncline init --new-identity`");
}

bool resolved(const PendingWrite& write) {
  return write.duplicate || write.error;
}

}  // namespace

WriteQueue::WriteQueue(Platform& platform, Directory& store_directory, Journal& journal,
                       DatabaseFile database_file, WriteQueueOptions options)
    : directory_(store_directory),
      journal_(journal),
      clock_(platform.clock()),
      database_file_(std::move(database_file)),
      options_(std::move(options)),
      tail_(store_directory, journal.store()),
      company_(store_directory, journal, clock_, options_.gather),
      group_commit_(clock_, options_.limits,
                    [this](const GroupCommit::Items& items, Deadline begin_by, Deadline finish_by) {
                      return lead(items, begin_by, finish_by);
                    }) {}

Status WriteQueue::submit(const PendingWritePtr& write, Deadline deadline) {
  write->submitted_ns = clock_.monotonic_ns();
  if (group_commit_.submit(write, write->payload.size(), deadline)) return {};
  return make_error(Code::kTimeout, "the write queue stayed full; nothing was written");
}

Status WriteQueue::wait(PendingWrite& write, Deadline deadline, Late late) {
  if (group_commit_.wait(write, deadline)) return {};
  if (late == Late::kTakeBack && group_commit_.withdraw(write)) {
    return make_error(Code::kTimeout, "the journal was not free in time; nothing was written");
  }
  return make_error(Code::kOutcomeUnknown, "the record is still on its way into the journal",
                    "retry with the same key: it is recorded once either way");
}

bool WriteQueue::lead(const GroupCommit::Items& items, Deadline begin_by, Deadline finish_by) {
  try {
    Group group;
    group.reserve(items.size());
    for (const auto& item : items) group.push_back(static_cast<PendingWrite*>(item.get()));
    const bool done = lead_group(group, begin_by, finish_by);
    if (done) note_latencies(group);
    if (done) tell_unwritten(items);
    return done;
  } catch (const std::bad_alloc&) {
    // The group's frames may be in the log or not, durable or not.
    tail_.invalidate();
    Error error = out_of_memory();
    error.code = Code::kOutcomeUnknown;
    for (const auto& item : items) static_cast<PendingWrite&>(*item).error = error;
    return true;
  }
}

bool WriteQueue::lead_group(const Group& group, Deadline begin_by, Deadline finish_by) {
  if (!company_.is_for(group)) return write_group(group, begin_by, finish_by);
  const uint64_t known_seq = tail_.started() ? tail_.position().seq : 0;
  const bool written = company_.write(*group.front(), known_seq, begin_by, finish_by,
                                      [this](const Group& joint, Deadline begin, Deadline finish) {
                                        return write_group(joint, begin, finish);
                                      });
  // Another process may have made it durable.
  if (written && !group.front()->error && options_.on_durable) options_.on_durable();
  return written;
}

void WriteQueue::tell_unwritten(const GroupCommit::Items& items) {
  if (!options_.on_unwritten) return;
  for (const auto& item : items) {
    const auto& write = static_cast<const PendingWrite&>(*item);
    if (write.is_posted && write.error) options_.on_unwritten(write);
  }
}

void WriteQueue::note_latencies(const Group& group) {
  const int64_t now_ns = clock_.monotonic_ns();
  Histogram took;
  for (const PendingWrite* write : group) {
    if (!resolved(*write)) took.observe_ns(now_ns - write->submitted_ns);
  }
  journal_.add_latencies(Latency::kJournaled, took);
}

bool WriteQueue::write_group(const Group& group, Deadline begin_by, Deadline finish_by) {
  if (const Status prepared = prepare(group); !prepared) {
    for (PendingWrite* write : group) {
      if (!resolved(*write)) write->error = prepared.error();
    }
    return true;
  }
  const Result<Appended> appended = append(group, begin_by);
  if (!appended) {
    tail_.invalidate();
    if (appended.error().code == Code::kTimeout && clock_.passed(begin_by)) return false;
    // Duplicates as well: what they repeat may be a record of this very group, or not yet durable.
    for (PendingWrite* write : group) {
      if (!write->error) write->error = appended.error();
    }
  } else if (Status flushed = journal_.flush(*appended, finish_by); !flushed) {
    Error error = flushed.error();
    error.code = Code::kOutcomeUnknown;
    error.hint = "retry with the same key";
    // Duplicates as well, for the same reason.
    for (PendingWrite* write : group) write->error = error;
  } else if (options_.on_durable) {
    options_.on_durable();
  }
  return true;
}

// Whether a key is taken only SQLite can tell, and the memo knows the tables of its day.
bool WriteQueue::memo_answers(const Group& group) const {
  return options_.memo && std::ranges::all_of(group, [this](const auto& write) {
           return write->key.empty() && options_.memo->highest_id(write->table);
         });
}

// A foreign row that came since is met when the record is applied: it gets another id then.
void WriteQueue::restart_by_memo() {
  memo_used_ = by_memo_ = true;
  tail_from_seq_ = options_.memo->applied.seq;
  tail_.restart(options_.memo->applied);
}

void WriteQueue::read_config_copy(uint64_t epoch) {
  tail_epoch_ = epoch;
  const Result<std::string> copy = read_file(directory_, kConfigCopyFile);
  journalled_config_ = copy ? *copy : std::string();
}

Status WriteQueue::restart_tail(uint64_t epoch) {
  database_.reset();
  database_ids_.clear();
  by_memo_ = false;
  TRY_ASSIGN(const Mark begin, journal_.begin());
  auto database = open_to_read(database_file_);
  // The journal knows what a damaged database knew, as long as nothing was trimmed from it.
  if (!database && (database.error().code != Code::kCorrupt || begin.seq != 0)) {
    return std::move(database).error();
  }
  if (database) database_ = std::move(*database);
  Mark applied;
  if (database_ != nullptr) {
    TRY_ASSIGN(const AppliedState state, read_applied_state(*database_));
    applied = state.applied;
  }
  const bool nothing_known = applied == Mark{};
  if (nothing_known) database_.reset();
  const Mark from = from_applied(applied, begin);
  tail_from_seq_ = from.seq;
  tail_.restart(from);
  if (nothing_known && from.seq > 0) {
    TRY(visit_kept_keys(directory_, journal_.store(), 0, from.seq,
                        [this](const KeptKeys& kept) -> Status {
                          tail_.note_kept(kept);
                          return {};
                        }));
  }
  read_config_copy(epoch);
  return {};
}

// Under the append lock. What was applied since prepare() looked is in SQLite now, and not in a
// tail that begins after it: so SQLite is asked for the keys once more.
Status WriteQueue::restart_and_look(const Group& group, const AppendTurn& turn) {
  TRY(restart_tail(turn.epoch()));
  TRY(answer_applied(group));
  return tail_.catch_up(turn.end());
}

void WriteQueue::answer_key(PendingWrite& write, const KeyEntry& entry) {
  if (entry.seq == write.again_of) return;
  write.seq = entry.seq;
  const Result<bool> same = repeats(write, entry);
  if (!same) {
    write.error = same.error();
  } else if (*same) {
    write.duplicate = true;
  } else if (write.refusal) {
    write.error = write.refusal;
  } else {
    write.error = make_error(Code::kKeyConflict,
                             "the key \"" + write.key + "\" is taken by record " +
                                 std::to_string(entry.seq) + ", which has other content",
                             "retry with the content of the first call, or use another key");
  }
}

// Equal hashes of payload version 1 do not prove equal contents: the effects of the two records
// must be equal too. Those of a trimmed record are gone, so such a repetition is not believed.
Result<bool> WriteQueue::repeats(const PendingWrite& write, const KeyEntry& entry) {
  const auto* const xxh3 = std::get_if<Xxh3Hash>(&entry.content_hash);
  if (xxh3 == nullptr) return entry.content_hash == write.content_hash;
  if (*xxh3 != write.xxh3 || write.refusal) return false;
  TRY_ASSIGN(const auto first,
             find_record(directory_, journal_, database_.get(), entry.seq, journal_.end()));
  if (!first) return false;
  TRY_ASSIGN(const Intent intent, decode_intent(write.operation, write.payload));
  return same_effects(first->intent, intent);
}

// In one view of the database: what it does not know in this view lies after the applied mark of
// this view, and there the append index has to know it.
Status WriteQueue::answer_applied(const Group& group) {
  const bool prune = tail_.tail().records() > kTailPruneRecords;
  const bool any_key =
      std::ranges::any_of(group, [](const PendingWrite* write) { return !write->key.empty(); });
  if (database_ == nullptr || (!any_key && !prune)) return {};
  TRY_ASSIGN(const ReadView view, ReadView::begin(*database_));
  TRY_ASSIGN(const std::optional<Mark> applied, read_applied_mark(*database_));
  if (!applied || applied->seq < tail_from_seq_) {
    return make_error(Code::kBusy, "the database was exchanged for one that knows less",
                      "it is being rebuilt; try again");
  }
  std::optional<KeyFinder> keys;
  for (PendingWrite* write : group) {
    if (write->key.empty() || resolved(*write)) continue;
    if (!keys) {
      TRY_ASSIGN(KeyFinder prepared, KeyFinder::prepare(*database_));
      keys.emplace(std::move(prepared));
    }
    TRY_ASSIGN(const std::optional<KeyEntry> entry, keys->find(write->key));
    if (entry) answer_key(*write, *entry);
  }
  if (prune) {
    tail_.prune(applied->seq);
    tail_from_seq_ = applied->seq;
  }
  return {};
}

// What can be done before the append lock is taken: SQLite answers for the keys of applied records.
// The append index knows the others, and is pruned only here.
Status WriteQueue::prepare(const Group& group) {
  if (!tail_.started() && !memo_used_ && memo_answers(group)) {
    restart_by_memo();
    read_config_copy(journal_.epoch());
    return {};
  }
  // Without a database the index grows for as long as this process records, so it begins anew once
  // there is one.
  bool anew = !tail_.started() || (by_memo_ && !memo_answers(group)) ||
              (database_ != nullptr && database_->has_moved());
  if (!anew && database_ == nullptr && tail_.tail().records() > kTailPruneRecords) {
    const auto database = open_to_read(database_file_);
    anew = database && *database != nullptr;
  }
  if (!anew) {
    if (answer_applied(group)) return {};
    // The database is being rebuilt, was exchanged or is damaged: it is opened and asked anew.
  }
  TRY(restart_tail(journal_.epoch()));
  return answer_applied(group);
}

Result<std::optional<uint64_t>> WriteQueue::next_id(const std::string& table,
                                                    const std::string& id_column) {
  auto known = database_ids_.find(table);
  if (known == database_ids_.end()) {
    uint64_t highest = 0;
    if (by_memo_) {
      highest = options_.memo->highest_id(table).value_or(0);
    } else if (database_ != nullptr) {
      TRY_ASSIGN(highest, highest_id(*database_, table, id_column));
    }
    known = database_ids_.emplace(table, std::max(highest, options_.id_floor)).first;
  }
  const uint64_t highest = std::max(known->second, tail_.tail().highest_id(table));
  if (highest < kRowIdMax) return std::optional(highest + 1);
  // Looked at anew by the next record: the row may be gone by then.
  database_ids_.erase(known);
  if (by_memo_) tail_.invalidate();
  return std::optional<uint64_t>();
}

Status WriteQueue::know_the_log(const Group& group, const AppendTurn& turn) {
  // In a new epoch frames may have moved: the index's position means nothing there.
  Status known =
      turn.epoch() == tail_epoch_ ? tail_.catch_up(turn.end()) : restart_and_look(group, turn);
  // The place where the index stood has been trimmed: what went was applied, and SQLite knows it.
  if (!known && known.error().code == Code::kNotFound) known = restart_and_look(group, turn);
  return known;
}

Result<AppendTurn> WriteQueue::begin_turn(const Group& group, Deadline deadline) {
  Status known;
  {
    TRY_ASSIGN(AppendTurn turn, journal_.begin_append(deadline));
    known = know_the_log(group, turn);
    if (known) return turn;
  }
  if (known.error().code != Code::kCorrupt) return known.error();
  // After a failed flush that nobody has mended yet, what was not durable may be gone. Flushing
  // again abandons such a segment; any other damage stays, and is the answer.
  tail_.invalidate();
  if (!journal_.flush_all(deadline)) return known.error();
  TRY(prepare(group));
  TRY_ASSIGN(AppendTurn turn, journal_.begin_append(deadline));
  TRY(know_the_log(group, turn));
  return turn;
}

Result<Appended> WriteQueue::append(const Group& group, Deadline deadline) {
  TRY_ASSIGN(AppendTurn turn, begin_turn(group, deadline));
  if (!tail_.tail().config_text().empty()) journalled_config_ = tail_.tail().config_text();

  const int64_t time_ms = std::max(clock_.now_ms(), turn.last_time_ms());
  uint64_t seq = turn.end().seq;
  std::vector<NewFrame> frames;
  frames.reserve(group.size() + 1);
  std::vector<PendingWrite*> writers;  // of the frames
  writers.reserve(group.size() + 1);
  std::vector<ByteVector> config_payloads;
  config_payloads.reserve(group.size());  // spans into it must stay valid
  const Config* config = nullptr;
  for (PendingWrite* write : group) {
    if (resolved(*write)) continue;
    if (!write->key.empty()) {
      if (const auto entry = tail_.tail().find_key(write->key)) {
        answer_key(*write, *entry);
        if (resolved(*write)) continue;
      }
    }
    if (write->refusal) {
      write->error = write->refusal;
      continue;
    }
    if (write->requested && !company_.begin(*write)) {
      write->error = make_error(Code::kTimeout, "who asked for the record has taken it back");
      continue;
    }
    std::optional<uint64_t> id = write->fixed_id;
    if (!id) {
      TRY_ASSIGN(id, next_id(write->table, write->id_column));
    }
    if (!id) {
      write->error = no_id_left(write->table, write->id_column);
      continue;
    }
    if (write->config->text != journalled_config_) {
      config = write->config.get();
      journalled_config_ = config->text;
      config_payloads.push_back(encode(ConfigFrame{config->text}));
      const ByteVector& payload = config_payloads.back();
      frames.push_back({Operation::kConfig, 0, time_ms, payload, hash_payload(payload)});
      writers.push_back(nullptr);
    }
    write->id = *id;
    write->seq = ++seq;
    write->time_ms = time_ms;
    tail_.note_record(write->key, write->content_hash, write->table, write->seq, write->id);
    frames.push_back({write->operation, write->id, time_ms, write->payload, write->payload_hash});
    writers.push_back(write);
  }
  if (frames.empty()) {
    // Only duplicates: what they repeat must be durable before they are answered.
    Appended nothing;
    nothing.mark = turn.end();
    nothing.epoch = turn.epoch();
    return nothing;
  }
  TRY_ASSIGN(Appended appended, turn.append(frames, company_.before_write(turn, writers)));
  company_.note_written(writers);
  SYNCLINE_ASSERT(appended.mark.seq == seq);
  tail_.advance(appended.mark);
  if (config != nullptr) note_config(*config);
  return appended;
}

// The copy is a cache of what was just journalled: where it cannot be written, the next process to
// come journals the configuration once more, which changes nothing.
void WriteQueue::note_config(const Config& config) {
  if (!replace_file(directory_, kConfigCopyFile, as_bytes(config.text), /*durable=*/false)) {
    journalled_config_.clear();
  }
}

}  // namespace syncline
