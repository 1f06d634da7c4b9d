// Store::tell_changes: what people have done with the files and sections of records.
#include <fmt/format.h>

#include "engine/store/store_impl.h"
#include "journal/base/try.h"
#include "sync/git/ref_store.h"
#include "sync/own/own_history.h"
#include "sync/publish/persons_change.h"

namespace syncline {
namespace {

using Change = PersonsChange::Kind;
using StandingKind = RecordStanding::Kind;

// The repository as it is for all records of one call.
struct Around {
  Syncer& syncer;
  Directory& work_tree;
  bool goes_on = false;      // what the branch lacks, a person has removed
  bool checked_out = false;  // the work tree is the branch's
  SparseCheckout sparse;
};

std::string hex_or_empty(const ObjectId& commit) {
  return commit.is_zero() ? std::string() : commit.hex();
}

// Answers how the record stands on the branch, for comparing it with the work tree.
Result<RecordStanding> tell_branch(PersonsChange& change, RecordedText& record,
                                   const Around& around) {
  TRY_ASSIGN(const PersonsBranchChange found, around.syncer.persons_change(record));
  const bool is_missing = found.standing.kind == StandingKind::kMissing;
  // What a branch lacks that was reset is published again.
  if (is_missing && !around.goes_on) return RecordStanding{};
  if (found.path != record.path) change.moved_to = found.path;
  change.moved_by = hex_or_empty(found.moved_by);
  change.edited_by = hex_or_empty(found.edited_by);
  change.removed_by = hex_or_empty(found.removed_by);
  change.on_branch = is_missing                                     ? Change::kRemoved
                     : found.standing.kind == StandingKind::kEdited ? Change::kEdited
                     : change.moved_to.empty()                      ? Change::kNone
                                                                    : Change::kMoved;
  if (!found.is_complete) {
    const bool is_limit = found.commits_looked_at >= kCommitsLookedAtMax;
    change.unknown = is_limit ? fmt::format("its commit is not among the {} that were looked at",
                                            kCommitsLookedAtMax)
                              : fmt::format("the history of {} does not hold its commit",
                                            short_branch_name(around.syncer.branch()));
  }
  record.path = found.path;
  return found.standing;
}

// `record.path` is where the branch has it.
Status tell_work_tree(PersonsChange& change, const RecordedText& record,
                      const RecordStanding& on_branch, const Around& around) {
  if (change.on_branch == Change::kRemoved || !around.checked_out) return {};
  if (!around.sparse.has(record.path)) return {};
  const Result<std::string> text = read_file(around.work_tree, record.path);
  if (!text) {
    // On its way there, where the branch does not have it yet.
    if (on_branch.kind == StandingKind::kMissing) return {};
    const Code code = text.error().code;
    if (code == Code::kNotFound) change.in_work_tree = Change::kRemoved;
    if (code == Code::kUnsafePath) change.in_work_tree = Change::kEdited;  // a link, a directory
    return change.in_work_tree == Change::kNone ? Status(text.error()) : Status{};
  }
  const RecordStanding standing = standing_in(record, *text);
  if (on_branch.kind == StandingKind::kMissing) {
    if (standing.kind == StandingKind::kEdited) change.in_work_tree = Change::kEdited;
  } else if (standing != on_branch) {
    change.in_work_tree =
        standing.kind == StandingKind::kMissing ? Change::kRemoved : Change::kEdited;
  }
  return {};
}

// Without a file, or with one that is not to be there.
bool has_no_file(const Receipt& receipt) {
  return receipt.path.empty() || !receipt.set_aside.empty() || receipt.retracts != 0 ||
         receipt.retracted_by != 0;
}

}  // namespace

std::string_view change_name(PersonsChange::Kind kind) {
  switch (kind) {
    case Change::kEdited:
      return "edited";
    case Change::kMoved:
      return "moved";
    case Change::kRemoved:
      return "removed";
    case Change::kNone:
      break;
  }
  return {};
}

Status Store::tell_changes(std::span<Receipt> receipts) {
  TRY(impl_->check_process());
  Impl& store = *impl_;
  const auto tell = [&](Receipt& receipt, const Around& around) -> Status {
    if (has_no_file(receipt)) return {};
    TRY_ASSIGN(std::optional<Impl::Made> made, store.made_by(receipt.seq));
    if (!made) {
      receipt.change.unknown = "the record was trimmed from the journal";
      return {};
    }
    RecordedText record{.path = made->effects.path,
                        .text = std::move(made->effects.text),
                        .is_section = made->effects.operation == Operation::kAppend,
                        .id = made->file_id};
    RecordStanding on_branch;
    if (receipt.seq <= around.syncer.published()) {
      TRY_ASSIGN(on_branch, tell_branch(receipt.change, record, around));
    }
    return tell_work_tree(receipt.change, record, on_branch, around);
  };
  TRY_ASSIGN(const auto work_tree, store.platform.open_directory(store.places.root));
  const Status asked = store.roles->sync.read_syncer([&](Syncer& syncer) -> Status {
    Around around{.syncer = syncer, .work_tree = *work_tree, .sparse = {}};
    TRY_ASSIGN(around.goes_on, syncer.branch_goes_on());
    TRY_ASSIGN(around.checked_out, syncer.branch_is_checked_out());
    TRY_ASSIGN(around.sparse, syncer.sparse_checkout());
    for (Receipt& receipt : receipts) TRY(tell(receipt, around));
    return {};
  });
  if (asked) return {};
  for (Receipt& receipt : receipts) {
    if (!has_no_file(receipt)) receipt.change = {.unknown = asked.error().message};
  }
  return {};
}

}  // namespace syncline
