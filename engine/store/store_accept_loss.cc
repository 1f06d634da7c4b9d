// Going on without what is lost: for a store whose journal is damaged beyond repair, gone, or older
// than what database, commits or remote hold of it.
//
//   loss found → floors gathered (journal, database, own refs, remote, files) → identity: accepting
//   → init: all but the identity moved to kept/, under the locks of every opener
//         → new identity with those floors → journal that begins above them → ready
//
// Nothing is changed before the identity says `accepting-loss`. From then on no process opens the
// store, and whoever runs this or `init` again goes on where it stopped. Rows, files and commits of
// the lost records stay where they are: they belong to no record of the new store, whose ids and
// sequences begin above them all. Keys that the database knows are still answered.
#include <fmt/format.h>

#include <algorithm>

#include "engine/store/store_impl.h"
#include "engine/verify/lost_store.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/own/loss_survey.h"
#include "sync/own/sync_state.h"

namespace syncline {

namespace {

// Notes the sequences and ids that something else than the journal names.
Status survey_claims(const StoreParts& lost, const Config& config, const RepositoryClaims& git,
                     LossFloors& floors) {
  floors.note_seq(git.last_seq);
  floors.note_id(git.highest_id);
  floors.note_id(lost.identity.id_floor);
  floors.note_seq(lost.identity.first_seq - 1);
  TRY_ASSIGN(const auto state, load_sync_state(*lost.store, lost.identity.store));
  if (state) floors.note_seq(std::max(state->committed, state->published));
  TRY(survey_database(lost.places, config, floors));
  return survey_files(*lost.root, config, floors);
}

}  // namespace

Result<std::string> Store::Impl::find_loss(uint64_t claimed_seq, const ObjectId& remote_tip) {
  const uint64_t last_seq = journal->durable().seq;
  if (claimed_seq > last_seq) {
    return fmt::format("record {} is named by database, commits or files; the journal ends at {}",
                       claimed_seq, last_seq);
  }
  TRY_ASSIGN(const VerifyReport report, verify({}));
  for (const Finding& finding : report.findings) {
    if (finding.cls == FindingClass::kJournalDamaged) return finding.detail;
  }
  if (remote_tip.is_zero()) return std::string();
  // Is it a commit of ours that this journal did not make? Then a copy of the store, or this store
  // before its journal was put back, has gone on under the same name.
  bool known = false;
  const auto is_tip = [&](const Syncer::ClaimedRange& range) { return range.commit == remote_tip; };
  TRY(roles->sync.read_syncer([&](Syncer& syncer) -> Status {
    TRY_ASSIGN(const auto ranges, syncer.claimed_ranges());
    known = std::ranges::any_of(ranges, is_tip);
    return {};
  }));
  if (known) return std::string();
  return fmt::format("the remote's {} is at {}, which this store did not make", own_ref(),
                     remote_tip.hex());
}

Result<LossReport> Store::accept_loss(const std::string& root, const LossOptions& options) {
  StorePlatform& platform = platform_or_system(options.platform);
  TRY_ASSIGN(StorePlaces places, find_places(root, platform));
  TRY_ASSIGN(StoreParts lost, open_store_parts(std::move(places),
                                               "`syncline init --new-identity` makes one beside "
                                               "what another has left"));
  Identity& identity = lost.identity;
  LossReport report;
  const bool interrupted = !identity.ready && !identity.kept.empty();
  if (!interrupted) {
    TRY(check_ready(identity));
    if (identity.read_only) {
      return make_error(Code::kReadOnly, "this store was made by replay: nothing of it is lost",
                        "`syncline replay` makes it again from its journal");
    }
    TRY_ASSIGN(const LoadedConfig loaded, load_bound_config(lost));
    const auto& config = loaded.config;
    TRY_ASSIGN(const RepositoryClaims git,
               survey_repository(lost.places.root, identity.store, config->sync.remote, platform,
                                 section_files(config), options.deadline));
    LossFloors floors;
    TRY(survey_claims(lost, *config, git, floors));
    {
      auto store = open(root, {.open_deadline = options.deadline, .platform = options.platform});
      if (!store && store.error().code != Code::kCorrupt) return std::move(store).error();
      if (store) {
        TRY_ASSIGN(report.lost, (*store)->impl_->find_loss(floors.last_seq(), git.remote_tip));
      } else {
        report.lost = store.error().message;
      }
    }
    if (report.lost.empty()) {
      return make_error(Code::kInvalid, "nothing is lost: nothing was changed",
                        "`syncline status` shows the store as it is");
    }
    TRY(survey_journal(*lost.store, identity.store, floors));
    report.dry_run = options.dry_run;
    identity.first_seq = floors.last_seq() + 1;
    identity.id_floor = floors.last_id();
    identity.kept =
        kept_path_of(fmt::format("lost-{}-{}", identity.store.hex(), platform.clock().now_ms()));
    if (!options.dry_run) {
      identity.ready = false;
      identity.accepting_loss = true;
      TRY(write_identity(*lost.store, identity));
    }
  }
  report.lost_store = identity.store.hex();
  report.first_seq = identity.first_seq;
  report.id_floor = identity.id_floor;
  report.kept_in = lost.places.store_dir + "/" + identity.kept;
  if (report.dry_run) return report;
  TRY_ASSIGN(const InitReport made, init(root, {.platform = options.platform}));
  report.store_id = made.store_id;
  return report;
}

}  // namespace syncline
