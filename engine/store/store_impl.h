// What a Store is made of. Private to engine/store/*.cc.
//
// Lock order: none of the mutexes here is held while another one is taken, or while a role or
// the write queue is called; outcomes_mutex is held while SQLite and the journal are read.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "engine/place/database_place.h"
#include "engine/place/identity.h"
#include "engine/place/store_platform.h"
#include "engine/projection/memos.h"
#include "engine/roles/notes.h"
#include "engine/roles/roles.h"
#include "engine/store/backlog.h"
#include "engine/store/stage_tellers.h"
#include "engine/store/store_parts.h"
#include "engine/verify/orphans.h"
#include "engine/write/receipt_lookup.h"
#include "engine/write/write_queue.h"
#include "journal/base/layout.h"
#include "journal/base/mutex.h"
#include "journal/os/process_mark.h"
#include "sync/own/held_paths.h"
#include "syncline/store.h"

namespace syncline {

// A record on its way into the journal, and what its receipt says beside its place there.
struct Submitted {
  PendingWritePtr write;
  Template path;
  std::string kind;
};

// What records were made by, by the sequence of the last record before it in the log.
using Configurations = std::map<uint64_t, std::shared_ptr<const Config>>;

struct Ticket::State {
  uint64_t store = 0;  // Store::Impl::number
  Submitted submitted;
  std::optional<Error> taken_back;  // a wait that timed out: nothing was written, or ever will be
};

// What the last caller left word of (engine/projection/memos.h).
struct OpenMemo {
  DatabaseMemo database;
  GitMemo git;
};

struct Store::Impl {
  explicit Impl(const StoreOptions& store_options)
      : options(store_options), platform(platform_or_system(options.platform)) {}

  static uint64_t next_store_number();

  StoreOptions options;
  StorePlatform& platform;
  StorePlaces places;
  Identity identity;
  std::shared_ptr<const Config> config;
  Clock& clock = platform.clock();
  std::unique_ptr<Directory> store_directory;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<Roles> roles;
  std::unique_ptr<WriteQueue> queue;
  Notes notes;                   // beside those of the roles
  std::optional<Error> unbound;  // a copy of another store, open to be read: why it takes nothing

  BacklogBound backlog;
  Mutex backlog_look;  // who has it looks how many bytes wait

  // Of all stores that this process has opened.
  const uint64_t number = next_store_number();
  const ProcessMark process;

  // ---- outcomes of applied records, read for a stretch of sequences at a time ----
  Mutex outcomes_mutex;
  std::unique_ptr<Database> outcomes_database GUARDED_BY(outcomes_mutex);
  std::map<uint64_t, Outcome> outcomes GUARDED_BY(outcomes_mutex);
  uint64_t outcomes_from GUARDED_BY(outcomes_mutex) = 0;
  uint64_t outcomes_to GUARDED_BY(outcomes_mutex) = 0;

  // ---- what the branch lacks since it is ignored, as of the publish that was seen last ----
  Mutex held_mutex;
  HeldPaths held GUARDED_BY(held_mutex);
  uint64_t held_at GUARDED_BY(held_mutex) = 0;

  // ---- those who follow the log ----
  std::atomic<bool> closed = false;
  Mutex followers_mutex;
  CondVar follower_left;
  uint64_t followers GUARDED_BY(followers_mutex) = 0;
  // Ends them, and waits until they have (store_cursor.cc).
  void end_followers() EXCLUDES(followers_mutex);

  StageTellers tellers{clock};

  // ---- background threads ----
  std::thread writer, apply_worker, sync_worker;
  Mutex work_mutex;
  CondVar apply_work;  // something became durable
  CondVar sync_work;   // something was applied
  bool stopping GUARDED_BY(work_mutex) = false;
  bool apply_wanted GUARDED_BY(work_mutex) = false;
  bool apply_gathers GUARDED_BY(work_mutex) = false;

  ~Impl();
  // Steps of Store::open (store_open.cc).
  Status open_journal(std::span<const DurableClaim> claims);
  void make_queue(std::optional<OpenMemo> memo);
  Status start_background();
  Status stop_background(Deadline deadline);
  // As Store::close(); the destructor too.
  Status close(Deadline deadline);
  void apply_loop();
  uint64_t unapplied() const;
  void sync_loop();
  void wake_apply();

  std::string own_ref() const { return own_ref_of(identity.store.hex()); }
  Result<ReceiptLookup> lookup() {
    return ReceiptLookup::open(*store_directory, *journal, database_file(places, *config),
                               own_ref());
  }
  // The process that opens the store alone finds the shared hints empty: it sets them to what
  // SQLite and the journal's tail say, or to what the memo does.
  Status restore_watermarks(const OpenMemo* memo);
  // kInvalid in a process that was forked since the store was opened, and once it is closed.
  Status check_process() const;
  Status check_writable() const;
  // Fills in `orphans` where it is not null.
  Result<VerifyReport> verify(const std::function<void(uint64_t, uint64_t)>& progress,
                              Orphans* orphans = nullptr);
  // Writes again what these findings call missing, as far as the journal holds it.
  Status heal(const std::vector<Finding>& findings);
  // Heals what `report` is to heal; what is not healed by it moves to what is left.
  Status heal_and_look_again(RepairReport& report, const VerifyReport& found);
  // Says in a sentence what is lost; empty when everything is there. `claimed_seq` is the last
  // record that anything outside the journal names, `remote_tip` zero where the remote has none.
  Result<std::string> find_loss(uint64_t claimed_seq, const ObjectId& remote_tip);
  // What no record has made, once all that is journalled is applied.
  Result<Orphans> find_orphans(Deadline deadline);
  Result<std::unique_ptr<FileLock>> lock_orphans(Deadline deadline);
  class Adopter;
  class Follower;
  // Looks at everything once, as of one moment.
  Result<VerifyReport> verify_once(const DatabaseFile& file,
                                   const std::function<void(uint64_t, uint64_t)>& progress,
                                   Orphans* orphans);
  // In one line why records are not applied, or applied ones not committed, and what to do; empty
  // where nothing keeps them. Tries to apply them: only that tells why.
  std::string why_applying_waits();
  std::string why_committing_waits();
  // "process 7 (sleep, which is stopped) has …/apply.lock"; empty where nobody has it.
  std::string holder_of(std::string_view lock_name);
  Result<Submitted> make_write(const Record& record) const;
  // As Store::submit() and post() do.
  Result<Submitted> submit(const Record& record, bool is_posted, Deadline deadline);
  // Of a record that the configuration refuses now.
  Result<Submitted> make_repetition(const Record& record, const Error& refusal) const;
  Result<RestoreReport> restore(const std::set<std::string>& paths,
                                const std::function<bool(uint64_t seq)>& wanted);
  // The copy takes records if `takes_records`.
  Result<CopyReport> copy_into(const std::string& directory, bool takes_records);
  // As they were handed over, where that can be told.
  Result<std::optional<Fields>> fields_of(uint64_t seq);
  // Those before record `up_to_seq`; reads the journal up to there.
  Result<Configurations> configurations(uint64_t up_to_seq);
  // By the last of them before the record.
  std::optional<Fields> fields_by(const Configurations& known, uint64_t seq,
                                  const Intent& intent) const;
  // The share of a caller that is not the last.
  Status do_what_is_due();
  // Is a turn due, by when the last one was and by how many records wait for it?
  bool is_due(Moment last_turn, uint64_t behind) const;
  // Fills in what is counted and measured, beside the stages and git's state. What cannot be told
  // is a note.
  void measure(StoreStatus& status, ReceiptLookup& records);
  // kRetryLater when too many records wait to be committed.
  Status check_backlog();
  Result<bool> has_room_for_bytes() EXCLUDES(backlog_look);
  // What a record has made; empty for one that was trimmed.
  struct Made {
    Intent intent;
    Effects effects;
    uint64_t file_id = 0;  // as its path and text have it
    bool is_set_aside = false;
  };
  Result<std::optional<Made>> made_by(uint64_t seq);
  // Waits until record `seq` is committed; an error where it can never be retracted.
  Status wait_for_retractable(uint64_t seq, Deadline deadline);
  // The record and the retraction of a replacement, which are both in the journal.
  Status wait_for_both(ReplaceReport& report, Stage stage, Deadline deadline);
  // As a lookup has them that is closed again: no snapshot of the database is kept while waiting.
  Result<std::optional<KeyEntry>> key_entry(std::string_view key);
  Result<Receipt> receipt_of(uint64_t seq);
  // The write that takes record `seq` away; `kept` says what will stay, edited by a person.
  Result<Submitted> make_retraction_write(uint64_t seq, std::string& kept);
  Result<std::string> kept_by_an_edit(const Effects& made, uint64_t file_id) const;
  // ---- what was set aside, again (store_again.cc) ----
  // For a repetition of a record that was set aside, with that one's receipt.
  Result<Receipt> record_again(Receipt first, const Submitted& made, Stage stage,
                               Deadline deadline);
  // Why it would be set aside if it were applied now; empty where it would not.
  std::string refusal_of(const PendingWrite& write, const Intent& intent, Deadline deadline);
  // The write that takes in record `seq` anew; nothing where it cannot be tried again.
  Result<std::optional<Submitted>> make_again(uint64_t seq);
  // Of a `set-aside` finding; true where it is settled, or would be. `finding` says what came of
  // it.
  Result<bool> try_again(Finding& finding, bool dry_run);
  Status try_again(RepairReport& report, bool dry_run);
  // Writes it, and waits for the stage.
  Result<Receipt> hand_over(const Submitted& submitted, Stage stage, Deadline deadline);
  // The receipt of a record that was handed over, once the stage is reached.
  Result<Receipt> finish(const Submitted& submitted, Stage stage, Deadline deadline,
                         WriteQueue::Late late = WriteQueue::Late::kTakeBack);
  // The same; one that was set aside is tried again.
  Result<Receipt> wait(const Submitted& submitted, Stage stage, Deadline deadline,
                       WriteQueue::Late late);
  Status note_if_ignored(Receipt& receipt) EXCLUDES(held_mutex);
  // Waits for the stage; false when `deadline` came first.
  Result<bool> reach(uint64_t seq, Stage stage, Deadline deadline);
  // Waits for that one stage, whose predecessor is reached.
  Result<bool> reach_next(uint64_t seq, Stage stage, Deadline deadline);
  // The outcome of an applied record; empty in the plain case.
  Result<std::optional<Outcome>> outcome_of(uint64_t seq) EXCLUDES(outcomes_mutex);
  Status read_outcomes_from(uint64_t seq) REQUIRES(outcomes_mutex);
};

}  // namespace syncline
