// The second reader and the first agree about the keys that are kept of records that are gone.
#include "tests/journal/log/second_reader_keys.h"

#include <gtest/gtest.h>

#include "journal/contents/kept_keys.h"
#include "tests/journal/log/second_reader_projections.h"

namespace syncline {
namespace {

const StoreId kStore = [] {
  StoreId store;
  store.bytes.fill(std::byte{0xaa});
  return store;
}();
const std::string kStoreText(16, '\xaa');

KeptKeys kept_of_a_segment() {
  KeptKeys kept{.segment = 2, .first_seq = 3, .last_seq = 9, .records = {}, .last_ids = {}};
  kept.last_ids = {{"notes", 7}, {"rules", uint64_t{1} << 62}};
  kept.records = {{.seq = 4,
                   .id = 7,
                   .time_ms = 1,
                   .key = "plain",
                   .content_hash = Xxh3Hash{std::byte{5}},
                   .kind = "note",
                   .table = "notes",
                   .path = "n/7"},
                  {.seq = 5,
                   .id = 8,
                   .time_ms = -2,
                   .key = "rebound",
                   .content_hash = Sha256Hash{std::byte{6}},
                   .kind = "note",
                   .table = "notes",
                   .path = "n/8",
                   .rebound = true},
                  {.seq = 9, .key = "aside", .content_hash = Sha256Hash{}, .set_aside = "why"}};
  return kept;
}

std::string text_of(const KeptKeys& kept) {
  return std::string(as_text(encode_kept_keys(kStore, kept)));
}

TEST(SecondReaderKeys, ReadsWhatTheJournalKeeps) {
  const KeptKeys written = kept_of_a_segment();
  const auto read = second_reader::kept_keys(text_of(written), kStoreText, 2);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first_seq, written.first_seq);
  EXPECT_EQ(read->last_seq, written.last_seq);
  EXPECT_EQ(read->last_ids, written.last_ids);
  ASSERT_EQ(read->records.size(), written.records.size());
  for (size_t i = 0; i < written.records.size(); ++i) {
    const KeptRecord& one = written.records[i];
    const second_reader::KeptRecord& other = read->records[i];
    EXPECT_EQ(other.seq, one.seq);
    EXPECT_EQ(other.id, one.id);
    EXPECT_EQ(other.time_ms, one.time_ms);
    EXPECT_EQ(other.key, one.key);
    EXPECT_EQ(other.content_hash, as_text(content_hash_bytes(one.content_hash)));
    EXPECT_EQ(other.kind, one.kind);
    EXPECT_EQ(other.table, one.table);
    EXPECT_EQ(other.path, one.path);
    EXPECT_EQ(other.fate, one.rebound ? 1u : !one.set_aside.empty() ? 2u : 0u);
    EXPECT_EQ(other.reason, one.set_aside);
  }
}

TEST(SecondReaderKeys, RefusesWhatTheFirstReaderRefuses) {
  const std::string whole = text_of(kept_of_a_segment());
  EXPECT_FALSE(second_reader::kept_keys(whole, kStoreText, 3));
  EXPECT_FALSE(second_reader::kept_keys(whole, std::string(16, 'b'), 2));
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    // The checksum forged too, so that what it says is judged, and not only that it was changed.
    for (const bool forged : {false, true}) {
      if (forged) {
        const uint64_t sum = XXH3_64bits(damaged.data(), damaged.size() - 8);
        std::memcpy(damaged.data() + damaged.size() - 8, &sum, 8);
      }
      const bool first = decode_kept_keys(kStore, 2, as_bytes(damaged)).has_value();
      EXPECT_EQ(second_reader::kept_keys(damaged, kStoreText, 2).has_value(), first)
          << "byte " << at << (forged ? ", forged" : "");
    }
    EXPECT_FALSE(second_reader::kept_keys(whole.substr(0, at), kStoreText, 2)) << at;
  }
}

TEST(SecondReaderKeys, AreAmongTheKeysOfTheProjections) {
  second_reader::Projector projector(kStoreText);
  projector.take_kept(*second_reader::kept_keys(text_of(kept_of_a_segment()), kStoreText, 2));
  const auto made = projector.finish();
  ASSERT_EQ(made.keys.size(), 3u);
  EXPECT_EQ(made.keys.at("rebound").first, 5u);
  EXPECT_EQ(made.keys.at("rebound").second.size(), 32u);
}

}  // namespace
}  // namespace syncline
