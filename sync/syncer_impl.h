// The Syncer: a Folder and a Publisher over one repository.
//
// syncer.cc has opening, folding and reading; syncer_publish.cc publishing, pushing and
// consolidation.
#pragma once

#include <memory>
#include <string>

#include "sync/context/sync_context.h"
#include "sync/fold/folder.h"
#include "sync/syncer.h"

namespace syncline {

class Publisher;  // sync/publish/publisher.h
class Pusher;     // sync/publish/pusher.h

class SyncerImpl final : public Syncer {
 public:
  // `common_dir` is the git common directory of a repository that was found fit for use.
  SyncerImpl(std::string work_tree, std::unique_ptr<Directory> common_dir,
             Directory& store_directory, Journal& journal, Clock& clock, SyncOptions options,
             std::unique_ptr<ObjectReader> reader, GitPlatform& platform);
  ~SyncerImpl() override;

  Status refresh() override;
  Status recover(OutcomeSource& outcomes) override;
  Result<FoldReport> fold(const Mark& applied, OutcomeSource& outcomes,
                          uint64_t batches_max) override;
  Status refold(const BatchFrame& frame, OutcomeSource& outcomes) override;
  Status restore(OutcomeSource& outcomes) override;
  Status make_ref_durable() override;
  std::vector<std::string> take_notes() override;

  Result<PublishReport> publish(OutcomeSource& outcomes) override;
  bool publish_due() override;
  Result<std::string> waiting_reason() override;
  Status push(Deadline deadline) override;
  Result<std::optional<uint64_t>> pushed() override;
  Status consolidate_if_due() override;

  uint64_t committed() const override;
  uint64_t published() const override;
  Position reads_from() const override;
  ObjectId own_tip() const override;
  std::string own_ref() const override;
  Status walk_own_tree(const std::function<Status(const TreeEntry&)>& visit) override;
  Status walk_tree_of(const ObjectId& commit,
                      const std::function<Status(const TreeEntry&)>& visit) override;
  Status walk_branch_tree(const std::function<Status(const TreeEntry&)>& visit) override;
  Result<std::string> read_blob(const ObjectId& blob) override;
  Result<std::vector<ClaimedRange>> claimed_ranges() override;
  Result<std::vector<ClaimedRange>> published_ranges() override;

 private:
  SyncOptions options_;
  std::unique_ptr<Directory> common_dir_;
  std::unique_ptr<ObjectReader> reader_;
  ObjectStore objects_;
  RefStore refs_;
  PackWriter pack_;
  SyncState state_;
  SyncContext context_;
  Folder folder_;
  std::unique_ptr<Publisher> publisher_;  // made from context_ by the constructor
  std::unique_ptr<Pusher> pusher_;
};

}  // namespace syncline
