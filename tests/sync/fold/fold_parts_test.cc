// The parts of the fold that are pure: batch policy, cached state, and where a ref stands.
#include "sync/fold/batch_log.h"
#include "sync/fold/batch_policy.h"
#include "sync/own/sync_state.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

TEST(BatchPolicy, IsFullByRecordsOrBytesButNeverEmpty) {
  const BatchPolicy policy{.records_max = 10, .bytes_max = 100};
  EXPECT_FALSE(policy.full(9, 99));
  EXPECT_TRUE(policy.full(10, 0));
  EXPECT_TRUE(policy.full(1, 100));
  const BatchPolicy zero{.records_max = 0, .bytes_max = 0};
  EXPECT_FALSE(zero.full(0, 0));
  EXPECT_TRUE(zero.full(1, 0));
}

ObjectId numbered(uint8_t number) {
  ObjectId id;
  id.bytes.fill(std::byte{number});
  return id;
}

SyncState some_state() {
  return {.committed = 42,
          .own_commit = numbered(1),
          .records = {{3, 4096}, 42},
          .scanned = {{3, 8192}, 50},
          .published = 40,
          .branch = "refs/heads/main",
          .branch_commit = numbered(2)};
}

TEST(SyncState, ComesBackAsItWas) {
  GitRepository repository;
  const StoreId store{};
  auto loaded = load_sync_state(repository.common_dir(), store);
  ASSERT_TRUE(ok(loaded));
  EXPECT_FALSE(loaded->has_value());
  ASSERT_TRUE(ok(save_sync_state(repository.common_dir(), store, some_state())));
  loaded = load_sync_state(repository.common_dir(), store);
  ASSERT_TRUE(ok(loaded) && loaded->has_value());
  EXPECT_EQ(**loaded, some_state());
}

TEST(SyncState, AnyDamageMakesItNothing) {
  const StoreId store{};
  const ByteVector whole = encode(some_state(), store);
  EXPECT_TRUE(decode_sync_state(whole, store));
  for (size_t i = 0; i < whole.size(); ++i) {
    ByteVector damaged = whole;
    damaged[i] ^= std::byte{0x10};
    EXPECT_FALSE(decode_sync_state(damaged, store)) << i;
    EXPECT_FALSE(decode_sync_state(ByteSpan(whole).first(i), store)) << i;
  }
  StoreId other;
  other.bytes[0] = std::byte{1};
  EXPECT_FALSE(decode_sync_state(whole, other));
}

// A chain of batches from `base`, each with the commit that is its number.
std::vector<BatchFrame> chain(const ObjectId& base, uint8_t count) {
  std::vector<BatchFrame> batches;
  ObjectId at = base;
  for (uint8_t i = 1; i <= count; ++i) {
    BatchFrame frame;
    frame.first_seq = i;
    frame.last_seq = i;
    frame.parent = at;
    frame.commit = at = numbered(i);
    batches.push_back(frame);
  }
  return batches;
}

TEST(RefStanding, EveryPlaceOfTheRefHasOneAnswer) {
  using Kind = RefStanding::Kind;
  for (const ObjectId& base : {ObjectId{}, numbered(100)}) {
    for (uint8_t count = 0; count <= 4; ++count) {
      const std::vector<BatchFrame> batches = chain(base, count);
      for (uint8_t at = 0; at <= count; ++at) {
        const ObjectId ref = at == 0 ? base : numbered(at);
        const RefStanding standing = stand_of_ref(ref, base, batches);
        EXPECT_EQ(standing.kind, at == count ? Kind::kSettled : Kind::kBehind);
        EXPECT_EQ(standing.done, at);
      }
      EXPECT_EQ(stand_of_ref(numbered(200), base, batches).kind, Kind::kUnknown);
      if (!base.is_zero()) {
        EXPECT_EQ(stand_of_ref({}, base, batches).kind, Kind::kUnknown);
      }
      if (count > 0) {
        EXPECT_EQ(stand_of_ref(base, numbered(200), batches).kind, Kind::kUnknown);
      }
      if (count > 1) {
        std::vector<BatchFrame> broken = batches;
        broken[1].parent = numbered(200);
        EXPECT_EQ(stand_of_ref(base, base, broken).kind, Kind::kUnknown);
      }
    }
  }
}

}  // namespace
}  // namespace syncline
