#include "sync/own/own_claims.h"

#include <optional>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit.h"
#include "sync/git/commit_message.h"
#include "sync/git/object_reader.h"
#include "sync/git/ref_store.h"
#include "sync/own/sync_state.h"

namespace syncline {
namespace {

// The last record of the commit, by its trailers; 0 where the commit is not this store's.
Result<uint64_t> last_record_in(const ObjectId& id, const StoreId& store,
                                const std::string& objects_path, GitPlatform& platform) {
  TRY_ASSIGN(const auto reader, platform.open_object_reader(objects_path));
  ObjectStore objects(*reader);
  TRY_ASSIGN(const ObjectStore::Content content, objects.require(id, ObjectType::kCommit));
  TRY_ASSIGN(const ParsedCommit commit, parse_commit(*content));
  const std::optional<CommitTrailers> trailers = parse_trailers(commit.message);
  return trailers && trailers->store == store.hex() ? trailers->last_seq : 0;
}

}  // namespace

Result<std::vector<DurableClaim>> own_claims(const std::string& common_dir_path,
                                             Directory& common_dir, Directory& store_directory,
                                             const StoreId& store, GitPlatform& platform) {
  std::vector<DurableClaim> claims;
  TRY_ASSIGN(const std::optional<SyncState> state, load_sync_state(store_directory, store));
  if (state) {
    const std::string source = "syncer's note in " + std::string(kSyncStateFile);
    claims.push_back({state->scanned, source});
    claims.push_back({{{}, state->committed}, source});
  }
  const std::string ref = own_ref_of(store.hex());
  const Result<ObjectId> tip = RefStore(common_dir).read(ref);
  if (!tip || tip->is_zero() || (state && state->own_commit == *tip)) return claims;
  const Result<uint64_t> last = last_record_in(*tip, store, common_dir_path + "/objects", platform);
  if (last) claims.push_back({{{}, *last}, "trailer of " + ref});
  return claims;
}

}  // namespace syncline
