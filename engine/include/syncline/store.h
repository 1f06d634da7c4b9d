// The facade a C++ program embeds, and the only thing the command line uses: a store of records.
//
//   auto store = Store::open("/data/journal");
//   auto receipt = (*store)->record({.kind = "note", .fields = {{"title", "Hello"}}});
//
// The guarantees are those of the README (G1–G10): a record that record() has acknowledged at a
// stage has reached that stage. Any number of processes may open one store; nothing runs in the
// background unless asked for.
//
// Threading: a Store may be used from any thread. With StoreOptions::background the store's own
// threads write, apply and sync what submit() hands over. Without it, whoever waits does the work
// (the first waiter leads, the others ride along), which suits a one-shot command.
//
// A process that forks: the child has none of the store's threads. Every call there answers
// kInvalid, and destroying the Store leaves all as it is; the child opens a Store of its own. Until
// it ends or runs another program, it shares the parent's locks: where the parent dies holding one,
// others wait for the child.
//
// Failure: every call returns a Result. Only Code::kOutcomeUnknown leaves open whether the record
// is in the journal: retry with the same key. Destroying a Store stops its threads; records that
// were submitted but not acknowledged are flushed first. Nothing here throws.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/deadline.h"
#include "syncline/histogram.h"
#include "syncline/record.h"
#include "syncline/result.h"

namespace syncline {

struct Config;        // engine/config/config.h
class StorePlatform;  // engine/place/store_platform.h: not installed, for simulations

struct StoreOptions {
  bool background = false;   // threads for writing, applying and syncing
  bool read_only = false;    // for status, show, log and verify: nothing is written; a copy too
  bool one_shot = false;     // calls lend_a_hand() before it closes: others rely on it
  bool fold_on_wait = true;  // without background: waiting for kCommitted folds here
  // With read_only: as things were durable when it opened, beside whoever appends, and waiting for
  // none of their locks.
  bool beside_writers = false;
  Deadline open_deadline = kForever;  // for others that open or append; then kTimeout
  // Called by record() and wait() as soon as the record is durable, before they wait for its stage.
  std::function<void(uint64_t seq)> on_durable = {};
  // Called by record(), wait() and sync() while publishing waits for a person's git, with a
  // sentence that says for what: after a second, and whenever the reason changes from then on.
  std::function<void(const std::string& why)> on_wait = {};
  // Called by every call that waits over a second for another process's lock, with a sentence that
  // says for which, and who has it.
  std::function<void(const std::string& why)> on_lock_wait = {};
  StorePlatform* platform = nullptr;  // null: the real system; must outlive the Store
};

// Which records are exported.
struct ExportFilter {
  std::string kind;  // empty: all
  uint64_t from_seq = 1;
  std::optional<uint64_t> to_seq;
  bool set_aside = false;  // those too that could not be applied
  bool retracted = false;  // those too that were taken away
};

// A record that was submitted, to be waited for: by its own Store, by one thread at a time, as
// often as is wanted. One that is destroyed takes nothing back; nobody is told then what became of
// the record.
class Ticket {
 public:
  Ticket() noexcept;  // of no record
  Ticket(Ticket&& other) noexcept;
  Ticket& operator=(Ticket&& other) noexcept;
  ~Ticket();

 private:
  friend class Store;
  struct State;  // engine/store/store_impl.h
  explicit Ticket(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

// A threshold of the configuration's [alert], and what is measured against it.
struct Alert {
  std::string name;  // of the setting: "set_aside_max"
  uint64_t value = 0, limit = 0;
  bool breached = false;
  std::string detail;  // a sentence: what is, and what to do
};

// How far each stage has come. What is beyond journaled may be behind what is already done.
struct Watermarks {
  uint64_t journaled = 0, applied = 0, committed = 0, published = 0, pushed = 0;
};

struct StoreStatus {
  std::string root;
  std::string store_id;
  std::string profile;
  uint64_t journaled = 0, applied = 0, committed = 0, published = 0;
  std::optional<uint64_t> pushed;  // empty without a remote
  uint64_t set_aside = 0, files_waiting = 0;
  uint64_t ignored = 0;  // paths that are not on the branch, since the repository ignores them
  std::string own_ref_waiting;  // in one line why the own ref is not pushed; empty where it is
  std::string git;              // "ok", or in one line why publishing waits
  // Patterns of our paths for which git's attributes are switched off (.git/info/attributes).
  std::vector<std::string> attributes_off;
  std::optional<uint64_t> publish_due_ms;  // from now, where there is something to publish
  std::string io;                          // "io_uring" or "pwrite"
  uint64_t journal_bytes = 0;
  uint64_t appends = 0, flushes = 0, flush_failures = 0, batches = 0, publishes = 0;
  uint64_t retries = 0;  // of all causes
  std::vector<std::pair<std::string, uint64_t>> retries_by_cause;
  uint64_t retries_last_minute = 0;
  uint64_t backlog_records = 0, backlog_bytes = 0;  // durable, and not committed
  // Of the oldest record that waits for the stage; empty where none does.
  std::optional<uint64_t> unapplied_age_ms, uncommitted_age_ms, unpublished_age_ms;
  std::optional<uint64_t> disk_free_bytes;  // of the journal's disk
  std::vector<Alert> thresholds;            // those that are set, breached or not
  std::vector<std::string> notes;           // what recovery did, once

  bool is_breached() const {
    return std::ranges::any_of(thresholds, [](const Alert& alert) { return alert.breached; });
  }
};

// Counts and latencies since the store's control page was made, of all processes.
struct StoreMetrics {
  StoreStatus status;
  uint64_t records = 0;
  Histogram journaled;           // from a record's submission until it was durable
  Histogram applied, committed;  // from its time in the journal, by the wall clock
  Histogram flush;
};

struct SyncReport {
  uint64_t committed = 0, published = 0;
  std::optional<uint64_t> pushed;
  uint64_t batches = 0, records = 0;
  std::string waiting;
  std::vector<std::string> left, republished;
  uint64_t ignored = 0;  // paths left out of the branch, since the repository ignores them
};

struct RestoreReport {
  std::vector<std::string> rows;      // "learnings 12: title was 'x'": set to what was recorded
  std::vector<std::string> restored;  // paths in which something was put back
  std::vector<std::string> left;      // paths with other bytes: what was asked for was edited
  std::string waiting;                // why files were not put back; empty: they were
};

struct RetractReport {
  Receipt receipt;   // of the record that takes the other one away; a duplicate where it was there
  std::string kept;  // what stays because a person has edited it; empty where all goes
};

struct ReplaceReport {
  Receipt receipt;  // of the record that was written
  // Of the one that it replaces; nothing where the new one was set aside, or not applied in time.
  std::optional<RetractReport> retracted;
};

// What a disagreement is. The README says of each what it means and what mends it.
enum class FindingClass : uint8_t {
  kJournalDamaged,
  kRecordMissing,
  kFileWithoutRow,
  kRowWithoutFile,
  kRowDiffers,
  kForeignRow,
  kForeignFile,
  kSetAside,
  kFileDiffers,
  kRowWithoutCommit,
  kFileWithoutCommit,
  kCommitWithoutRow,
  kHistoryRewritten,
  kUnpublished,
};
std::string_view finding_class_name(FindingClass cls);  // "row-without-file"

struct Finding {
  FindingClass cls = {};
  uint64_t seq = 0;
  std::string path, table;
  uint64_t id = 0;
  std::string commit, detail;
};
struct VerifyReport {
  uint64_t checked = 0;  // records that were compared: those that had been applied
  std::vector<Finding> findings;
  std::vector<Finding> notes;       // what is a person's own: edits, rows
  std::vector<std::string> behind;  // what is not applied, committed or published yet, and why
  bool strict = false;              // a note is a disagreement too
  size_t disagreements() const { return findings.size() + (strict ? notes.size() : 0); }
  bool ok() const { return disagreements() == 0; }
};
struct RepairReport {
  std::vector<Finding> healed, left;
  std::string kept_in;  // directory below .git/syncline that keeps what was replaced
};

// Something that did not come through the journal, and the record that it becomes.
struct AdoptedThing {
  std::string what;  // "row", "file", "section", "row and file", "row and section"
  std::string kind, table;
  uint64_t id = 0;      // 0: not decided yet
  std::string path;     // empty: it has no file
  std::string heading;  // of a section
  uint64_t seq = 0;     // of the record
  std::string reason;   // why it was left
};
struct AdoptOptions {
  bool dry_run = false;  // say what would be taken, change nothing
  Deadline deadline = kForever;
};
struct AdoptReport {
  bool dry_run = false;
  std::vector<AdoptedThing> taken, left;
  uint64_t already = 0;     // taken by another at the same time
  uint64_t of_no_kind = 0;  // rows that no kind makes: they stay as they are
};

// How far the copy has come.
struct CopyReport {
  uint64_t journaled = 0, applied = 0, committed = 0, published = 0;
};

struct LossOptions {
  bool dry_run = false;               // say what would be given up, change nothing
  Deadline deadline = kForever;       // for asking the remote, and for waiting for others
  StorePlatform* platform = nullptr;  // see StoreOptions
};
struct LossReport {
  bool dry_run = false;
  std::string lost;                  // a sentence; empty where an interrupted call was finished
  std::string lost_store, store_id;  // the name given up, and the new one
  std::string kept_in;               // what is left of the journal
  uint64_t first_seq = 0;            // of the next record
  uint64_t id_floor = 0;             // its id is above this
};

struct InitOptions {
  std::string profile = {};  // empty: "notes" for a new store, its own for one that is there
  bool new_identity = false;
  bool moved = false;
  bool nested = false;  // a repository within another one is wanted
  // A copy that takes no records (of replay or backup) is to take them, where it is and under its
  // name: the store that it was made of is not to be used any more.
  bool promote = false;
  std::string merge_program = {};  // see Store::set_merge_driver(); empty: git gets no driver
  std::function<void(const std::string& why)> on_lock_wait = {};  // see StoreOptions
  StorePlatform* platform = nullptr;                              // see StoreOptions
};
struct InitReport {
  std::string root, store_id, profile;
  bool created_repository = false;
  bool existed = false;            // there was a store already, and nothing was changed
  std::vector<std::string> notes;  // what a person should know of it, a sentence each
};

// Which records a Cursor goes through.
struct RecordQuery {
  uint64_t from_seq = 1;
  std::optional<uint64_t> to_seq = {};
  std::string kind = {};      // empty: all
  bool follow = false;        // at the end, wait for more
  bool fields = true;         // told with each record, which costs more than all the rest
  std::stop_token stop = {};  // ends it, waiting or not
};

// Goes through a Store's records in their order. The Store outlives it. One thread at a time.
class Cursor {
 public:
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&& other) noexcept;
  ~Cursor();
  // The next record; nothing at the end, which with RecordQuery::follow comes once
  // `stop` is requested or the Store is closed. kTimeout when no record came by `deadline`: ask
  // again.
  Result<std::optional<LogEntry>> next(Deadline deadline = kForever);

 private:
  friend class Store;
  struct State;  // engine/store/store_cursor.cc
  explicit Cursor(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

class Store {
 public:
  static Result<InitReport> init(const std::string& directory, const InitOptions& options);
  // `directory` is the store's root; discover() finds it upward as git does.
  static Result<std::string> discover(const std::string& start);
  static Result<std::unique_ptr<Store>> open(const std::string& root,
                                             const StoreOptions& options = {});
  ~Store();

  // What the destructor does, and what came of it. Whoever follows the log is ended; with
  // StoreOptions::background, what was submitted is journalled, then applied and folded as far as
  // `deadline` allows, and made durable. Then every call answers kInvalid. kTimeout: something is
  // journalled and not applied, which the next to open the store does. Other calls have ended.
  Status close(Deadline deadline = kForever);

  const Config& config() const;

  // Hands one record over and waits for the stage. For a record that was set aside it succeeds with
  // `set_aside` filled in; when the stage was not reached in time it succeeds with `timed_out` and
  // the stage that the record has reached. kTimeout as an error means that nothing was written. A
  // repetition of one that was set aside tries it again: it answers as a new record does, or as
  // before, while the cause stands.
  Result<Receipt> record(const Record& record, Stage wait = Stage::kApplied,
                         Deadline deadline = kForever);
  // Hands one record over without waiting for it: blocks only while the queue or the backlog is
  // full. Answers kInvalid at once for a record that does not validate.
  Result<Ticket> submit(const Record& record, Deadline deadline = kForever);
  // The same where nobody waits for the record. One that cannot be written after all (its key has
  // other content, the disk fails) is a note: see take_notes().
  Status post(const Record& record, Deadline deadline = kForever);
  // Returns the receipt once the stage is reached. For a duplicate the receipt holds only seq and
  // stage: show() returns the rest. One of a record that was set aside is tried again, as by
  // record(). kTimeout as an error means that the record was taken back, and nothing was written or
  // will be; kOutcomeUnknown that it is on its way: the ticket may be waited for again. kInvalid
  // for a ticket of no record, or of another store.
  Result<Receipt> wait(const Ticket& ticket, Stage stage = Stage::kApplied,
                       Deadline deadline = kForever);

  // Tells `told` once what wait() would answer, on a thread of the store's that serves this stage
  // alone, in the order of these calls: one that blocks keeps later ones waiting. It may call the
  // Store, but not close or destroy it, and throws nothing. What has not come about when the Store
  // is closed is told as timed out. syncline/coroutine.h makes it something to co_await.
  Status on_stage(Ticket ticket, Stage stage, std::function<void(Result<Receipt>)> told,
                  Deadline deadline = kForever);

  // Takes a record's row away and, with the next publish, its file or section, by a record of its
  // own. What a person has edited stays: a file or section, and a row that has another path by now
  // or, where it has no column with the path, another text. Retracted twice, it answers with the
  // first receipt. Waits until the record is committed; kRetryLater where it is not in time.
  // kInvalid for a record that was set aside, trimmed, or is itself a retraction.
  Result<RetractReport> retract(uint64_t seq, Stage wait = Stage::kApplied,
                                Deadline deadline = kForever);
  // Writes a record and, once it is applied, retracts record `seq`, in this order: at no moment is
  // neither there, and a death in between leaves both. The same call with the same key then ends
  // it. Refuses, with nothing written, what retract() refuses, and a `seq` that was retracted
  // before. An error with a sequence: the new record is durable, and the other one still there.
  Result<ReplaceReport> replace(uint64_t seq, const Record& record, Stage wait = Stage::kApplied,
                                Deadline deadline = kForever);

  // For callers that are about to exit: does a bounded share of the pending work, of other
  // processes too. While other stores opened with StoreOptions::one_shot have not done so yet, it
  // does only what is due, and the last of them does the rest: due is a turn where records have
  // waited for as long as the configuration lets a batch wait (batch_age_ms_max), where many wait,
  // or where a section of this caller waits for git.
  Status lend_a_hand();
  // Applies, folds and publishes up to the last seq at its start.
  Result<SyncReport> sync(bool push, Deadline deadline);

  // Makes files, directories and SQLite durable where they are not yet. The next start need not
  // check them then, and the journal may be trimmed up to here.
  Status checkpoint();

  // What opening and working did that the user should know: a torn tail cut, a database rebuilt.
  // Each note is returned once, to whoever asks first; status() asks too.
  std::vector<std::string> take_notes();

  // Reads some words of memory: no lock, no system call.
  Watermarks watermarks() const noexcept;
  Result<StoreStatus> status();
  Result<StoreMetrics> metrics();
  Result<Receipt> show(uint64_t seq);
  Result<Receipt> show_key(std::string_view key);
  // Says of each of these records what a person has done with its file or section, by walking the
  // branch's history (10,000 commits at most). Where git cannot tell, `unknown` says why.
  Status tell_changes(std::span<Receipt> receipts);
  // Without RecordQuery::follow up to what is durable now.
  Cursor records(RecordQuery query = {});
  // The same by a visitor, until it returns false, and without fields.
  Status log(uint64_t from_seq, bool follow, const std::function<bool(const LogEntry&)>& visit,
             std::stop_token stop = {});
  // Visits records as they were handed over, in their order, until the visitor returns false.
  // Fields that were left to their default are left out.
  Status export_records(const ExportFilter& filter,
                        const std::function<bool(const ExportedRecord&)>& visit);
  Result<VerifyReport> verify(const std::function<void(uint64_t done, uint64_t total)>& progress);
  // Makes them agree, and tries again what was set aside (Receipt::again_as).
  Result<RepairReport> repair(bool dry_run);
  // Tells this repository's git that `program`, this command by its path, merges files of sections
  // (gitattributes(5), custom merge drivers). False while another program changes .git/config.
  Result<bool> set_merge_driver(const std::string& program);
  // What the driver does: the text with the sections of both sides, each once. Nothing where `path`
  // is no file of sections, or both sides have changed one section: a person's to merge. The views
  // are of the three whole files; nothing is written.
  Result<std::optional<std::string>> merge_sections(std::string_view path, std::string_view base,
                                                    std::string_view ours, std::string_view theirs);
  // Takes rows, files and sections that did not come through the journal into it, as records of
  // their own; nothing of them is changed. What was adopted before is not adopted again.
  Result<AdoptReport> adopt(const AdoptOptions& options);
  // Moves the files of no record out of the kinds' folders, to where repair keeps things; `left`
  // are those that stay, and why.
  Result<RepairReport> move_orphans(bool dry_run);
  // Puts back what a person has removed or changed: the row of one record, and its file or section;
  // or all of ours that belongs to a path. A file or section that is there with other bytes is
  // left. kNotFound where no record has it.
  Result<RestoreReport> restore(uint64_t seq);
  Result<RestoreReport> restore(const std::string& path);
  // Puts back durable frames that the journal has lost and that can be found elsewhere
  // (engine/verify/frame_finder.h). For a store that open() refuses with kCorrupt, or of which
  // verify() finds `journal-damaged`. kBusy while anybody has the store open. `left` is empty when
  // the journal is whole again.
  static Result<RepairReport> salvage(const std::string& root, bool dry_run,
                                      StorePlatform* platform = nullptr);
  // Gives up what a damaged, lost or older journal no longer holds: the store gets a new identity,
  // and begins above every sequence and id that database, files or git name. kInvalid when nothing
  // is lost. It is the last resort where open() refuses with kCorrupt; run again, it continues
  // where it died.
  static Result<LossReport> accept_loss(const std::string& root, const LossOptions& options);
  // Copies the store into `directory`, which is empty or not there: journal, database (people's
  // tables and rows too) and the history of the repository, as of one moment, while others record.
  // Folding and publishing wait meanwhile. What is in no commit and in no record (an edit of a
  // person's in the work tree) is not in it. The copy is to be read by every verb, and takes no
  // records.
  Result<CopyReport> backup_into(const std::string& directory);
  // Makes of a copy that takes no records a store that does, in another `directory`, under the
  // name of the store that it was made of: that one is not to be used any more.
  Result<CopyReport> restore_into(const std::string& directory);
  Status replay_into(const std::string& directory, std::optional<uint64_t> to_seq,
                     const std::function<void(uint64_t done, uint64_t total)>& progress);

 private:
  friend class Cursor;
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
