// Store::adopt: what no record has made, taken into the journal.
//
//   adopt.lock ─► what is journalled is applied ─► the Verifier looks for orphans ─► Adoption makes
//   records of them ─► the write queue, some hundred at a time ─► they are applied
//
// Others record meanwhile, and other programs write rows and files: what comes later is adopted the
// next time. A death between two groups leaves some adopted and some not; what was on its way then
// is told by its key.
#include <fmt/format.h>

#include "engine/adopt/adoption.h"
#include "engine/place/database_place.h"
#include "engine/store/store_impl.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/os/told_lock.h"

namespace syncline {

namespace {

// Few enough for the queue, which nobody empties while it is filled.
constexpr size_t kAdoptedRecordsMax = 512;
constexpr size_t kAdoptedBytesMax = 8u << 20;

}  // namespace

// The records that are under way, and what became of those before.
class Store::Impl::Adopter {
 public:
  Adopter(Impl& store, const AdoptOptions& options)
      : store_(store), options_(options), report_{.dry_run = options.dry_run} {}

  Status take(Adopted adopted) {
    if (options_.dry_run) {
      report_.taken.push_back(std::move(adopted.thing));
      return {};
    }
    PendingWritePtr write = pending_write_of(adopted.intent);
    write->fixed_id = adopted.id;
    write->config = store_.config;
    write->finish_by = options_.deadline;
    bytes_ += write->payload.size();
    group_.push_back(
        {std::move(adopted.thing), {std::move(write), adopted.intent.path, adopted.intent.kind}});
    if (group_.size() < kAdoptedRecordsMax && bytes_ < kAdoptedBytesMax) return {};
    return write_group();
  }

  Status write_group() {
    if (group_.empty()) return {};
    TRY(store_.check_backlog());
    for (const Member& member : group_) {
      TRY(store_.queue->submit(member.submitted.write, options_.deadline));
    }
    std::vector<Member> group = std::exchange(group_, {});
    bytes_ = 0;
    // The whole group is waited for, whatever becomes of one: all of it is on its way.
    Status failed;
    for (Member& member : group) {
      const Status written = finish(member);
      if (failed) failed = written;
    }
    return failed;
  }

  AdoptReport take_report() { return std::move(report_); }

 private:
  struct Member {
    AdoptedThing thing;
    Submitted submitted;
  };

  Status finish(Member& member) {
    const auto receipt = store_.finish(member.submitted, Stage::kApplied, options_.deadline);
    if (!receipt && receipt.error().code == Code::kKeyConflict) {
      // It was adopted, and edited since: another call had read it before.
      ++report_.already;
      return {};
    }
    if (!receipt) return receipt.error();
    if (receipt->timed_out) {
      return make_error(Code::kTimeout, "what was adopted is not applied yet",
                        "run `syncline adopt` again for the rest");
    }
    if (receipt->duplicate) {
      ++report_.already;
      return {};
    }
    AdoptedThing& thing = member.thing;
    thing.seq = receipt->seq;
    thing.id = receipt->id;
    thing.reason = receipt->set_aside;
    (thing.reason.empty() ? report_.taken : report_.left).push_back(std::move(thing));
    return {};
  }

  Impl& store_;
  const AdoptOptions& options_;
  AdoptReport report_;
  std::vector<Member> group_;
  size_t bytes_ = 0;
};

Result<Orphans> Store::Impl::find_orphans(Deadline deadline) {
  TRY_ASSIGN(const bool applied, reach(journal->end().seq, Stage::kApplied, deadline));
  if (!applied) {
    return make_error(Code::kTimeout, "what is journalled is not applied yet; nothing was done",
                      "see `syncline status` for what it waits for");
  }
  Orphans orphans;
  TRY_ASSIGN(const VerifyReport report, verify({}, &orphans));
  const auto damaged =
      std::ranges::find(report.findings, FindingClass::kJournalDamaged, &Finding::cls);
  if (damaged != report.findings.end()) {
    return make_error(Code::kCorrupt, damaged->detail, "run `syncline repair` first");
  }
  return orphans;
}

Result<std::unique_ptr<FileLock>> Store::Impl::lock_orphans(Deadline deadline) {
  TRY_ASSIGN(auto lock, store_directory->open_lock(kAdoptLockName));
  TRY(lock_and_tell(*lock, FileLock::Mode::kExclusive, deadline, clock, options.on_lock_wait));
  return lock;
}

Result<AdoptReport> Store::adopt(const AdoptOptions& options) {
  TRY(impl_->check_process());
  Impl& store = *impl_;
  TRY(store.check_writable());
  TRY_ASSIGN(const auto alone, store.lock_orphans(options.deadline));
  TRY_ASSIGN(Orphans orphans, store.find_orphans(options.deadline));
  TRY_ASSIGN(const auto root, store.platform.open_directory(store.places.root));
  TRY_ASSIGN(const auto database,
             Database::open(database_file(store.places, *store.config), Database::Access::kRead));
  Adoption adoption(*store.config,
                    {.root = store.places.root,
                     .store_id = store.identity.store.hex(),
                     .store_tag = store.identity.tag},
                    *root, *database, std::move(orphans));
  Impl::Adopter adopter(store, options);
  TRY(adoption.visit([&](Adopted adopted) { return adopter.take(std::move(adopted)); }));
  TRY(adopter.write_group());
  AdoptReport report = adopter.take_report();
  report.left.insert(report.left.begin(), adoption.left().begin(), adoption.left().end());
  report.of_no_kind = adoption.of_no_kind();
  return report;
}

}  // namespace syncline
