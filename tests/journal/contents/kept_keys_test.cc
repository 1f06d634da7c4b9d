#include "journal/contents/kept_keys.h"

#include <gtest/gtest.h>

#include "journal/base/layout.h"
#include "journal/log/segment.h"
#include "tests/support/payload_fuzz.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

StoreId a_store() {
  StoreId store;
  store.bytes.fill(std::byte{0xaa});
  return store;
}

KeptKeys one_kept_key() {
  KeptKeys kept{.segment = 2, .first_seq = 3, .last_seq = 9, .records = {}, .last_ids = {}};
  kept.last_ids = {{"notes", 7}};
  kept.records.push_back({.seq = 4,
                          .id = 7,
                          .time_ms = 1,
                          .key = "k",
                          .content_hash = Xxh3Hash{std::byte{5}},
                          .kind = "note",
                          .table = "notes",
                          .path = "n/7"});
  return kept;
}

// Written by hand from the byte table; without the checksum.
constexpr std::string_view kOneKeptKeyHex =
    "53594e434c4b310a"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "0200000000000000"
    "0300000000000000"
    "0900000000000000"
    "01000000"
    "05000000"
    "6e6f746573"
    "0700000000000000"
    "01000000"
    "0400000000000000"
    "0700000000000000"
    "0100000000000000"
    "01000000"
    "6b"
    "10000000"
    "05000000000000000000000000000000"
    "04000000"
    "6e6f7465"
    "05000000"
    "6e6f746573"
    "03000000"
    "6e2f37"
    "00";

TEST(KeptKeysTest, BytesAreThoseOfTheFormatPage) {
  const std::string hex = to_hex(encode_kept_keys(a_store(), one_kept_key()));
  EXPECT_EQ(hex.substr(0, hex.size() - 16), kOneKeptKeyHex);
}

TEST(KeptKeysTest, TheyComeBackAsTheyWere) {
  KeptKeys kept = one_kept_key();
  kept.records.push_back(kept.records.front());
  kept.records.back().seq = 5;
  kept.records.back().content_hash = Sha256Hash{std::byte{1}};
  kept.records.back().rebound = true;
  kept.records.push_back(kept.records.front());
  kept.records.back().seq = 9;
  kept.records.back().set_aside = "its path is taken";
  for (const KeptKeys& one : {kept, KeptKeys{.segment = 1, .first_seq = 1}}) {
    const auto decoded = decode_kept_keys(a_store(), one.segment, encode_kept_keys(a_store(), one));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, one);
  }
}

// Another store's or another segment's file, and any damage: told, and never taken for the
// database's own, which is being rebuilt.
TEST(KeptKeysTest, WhatIsDamagedIsRefused) {
  const ByteVector bytes = encode_kept_keys(a_store(), one_kept_key());
  EXPECT_EQ(decode_kept_keys(StoreId{}, 2, bytes).error().code, Code::kDisagree);
  EXPECT_EQ(decode_kept_keys(a_store(), 3, bytes).error().code, Code::kDisagree);
  damage_in_every_way(bytes, [&](const ByteVector& damaged) {
    if (damaged == bytes) return true;
    const auto decoded = decode_kept_keys(a_store(), 2, damaged);
    EXPECT_TRUE(!decoded && decoded.error().code == Code::kDisagree);
    return false;
  });
}

TEST(KeptKeysTest, ARecordIsFoundAmongManySegments) {
  const TemporaryDirectory scratch;
  const auto store_directory = open_posix_directory(scratch.string());
  ASSERT_TRUE(store_directory);
  ASSERT_TRUE((*store_directory)->make_directories(kJournalDirectory));
  const auto directory = (*store_directory)->open_directory(kJournalDirectory);
  ASSERT_TRUE(directory);
  // Records 1-3, 4-6, … with a key at each third; between them a segment that holds none.
  for (uint64_t segment = 1; segment <= 11; ++segment) {
    KeptKeys kept = one_kept_key();
    kept.segment = segment;
    kept.first_seq = segment * 3 - 2 - (segment > 5 ? 3 : 0);
    kept.last_seq = kept.first_seq + 2;
    kept.records.front().seq = kept.last_seq;
    if (segment == 5) kept.records.clear();
    if (segment == 5) kept.last_seq = kept.first_seq - 1;
    ASSERT_TRUE(write_kept_keys(**directory, a_store(), kept));
  }
  for (uint64_t seq = 0; seq <= 32; ++seq) {
    const auto found = find_kept_record(**store_directory, a_store(), seq);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->has_value(), seq != 0 && seq <= 30 && seq % 3 == 0) << seq;
  }
  std::vector<uint64_t> visited;
  ASSERT_TRUE(visit_kept_keys(**store_directory, a_store(), 3, 9, [&](const KeptKeys& kept) {
    visited.push_back(kept.segment);
    return Status();
  }));
  EXPECT_EQ(visited, (std::vector<uint64_t>{2, 3}));
}

}  // namespace
}  // namespace syncline
