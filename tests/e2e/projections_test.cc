// Real stores, and what journal/FORMAT*.md says that they must hold: a second reader, written from
// those pages alone, computes rows, keys, trees and commits from the journal's files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <regex>

#include "tests/e2e/store_under_test.h"
#include "tests/journal/log/second_reader_projections.h"
#include "tests/journal/log/second_reader_tail.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

std::string store_id(const StoreUnderTest& store) {
  std::string bytes;
  const std::string text = read_whole(store.root() / ".git/syncline/identity");
  const std::string digits = text.substr(text.find("\nstore ") + 7, 32);
  for (size_t i = 0; i < 32; i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

second_reader::Journal journal_of(const StoreUnderTest& store) {
  std::map<uint64_t, std::string> files;
  for (const fs::path& path : segments(store)) {
    files[std::stoull(path.stem().string(), nullptr, 16)] = read_whole(path);
  }
  std::optional<std::string> base;
  if (fs::exists(store.journal() / "base")) base = read_whole(store.journal() / "base");
  const auto first = second_reader::base(base, store_id(store));
  EXPECT_TRUE(first);
  EXPECT_EQ(second_reader::cut_to_begin(files, first.value_or(1)), 0U);
  return second_reader::read(files, store_id(store));
}

void expect_rows(const StoreUnderTest& store, const second_reader::Projections& computed) {
  std::map<std::string, size_t> counts;
  for (const second_reader::Row& row : computed.rows) {
    ++counts[row.table];
    const Json found = store.sql("SELECT * FROM " + row.table + " WHERE " + row.id_column + "=" +
                                 std::to_string(row.id));
    ASSERT_EQ(found.size(), 1U) << row.table << " " << row.id;
    for (const auto& [name, value] : row.columns) {
      const Json expected = value.type == 'i'   ? Json(value.integer)
                            : value.type == 'r' ? Json(value.real)
                            : value.type == 't' ? Json(value.text[0].literal)
                                                : Json();
      EXPECT_EQ(found[0][name], expected) << row.table << " " << row.id << " " << name;
    }
  }
  for (const auto& [table, count] : counts) {
    EXPECT_EQ(store.count("SELECT count(*) FROM " + table + " WHERE id < 1000000"),
              static_cast<int64_t>(count))
        << table;
  }
}

void expect_all_as_computed(const StoreUnderTest& store) {
  const second_reader::Journal journal = journal_of(store);
  ASSERT_EQ(journal.fault, "");
  EXPECT_TRUE(journal.clean_end);
  const second_reader::Projections computed = second_reader::project(journal, store_id(store));

  std::string history;
  for (const second_reader::Batch& batch : computed.batches) {
    EXPECT_EQ(second_reader::hex(batch.tree), second_reader::hex(batch.frame.tree));
    EXPECT_EQ(second_reader::hex(batch.commit), second_reader::hex(batch.frame.commit));
    history += second_reader::hex(batch.commit) + " " + second_reader::hex(batch.tree) + "\n";
  }
  EXPECT_EQ(store.git({"log", "--reverse", "--format=%H %T", store.own_ref()}) + "\n", history);
  ASSERT_FALSE(computed.batches.empty());
  for (const auto& [path, content] : computed.batches.back().files) {
    EXPECT_EQ(store.tree(store.own_ref()).at(path),
              second_reader::hex(second_reader::object_name("blob", content)))
        << path;
  }

  expect_rows(store, computed);
  for (const auto& [key, entry] : computed.keys) {
    const Json found = store.sql(
        "SELECT seq, hex(content_hash) AS hash FROM syncline_keys "
        "WHERE key = '" +
        key + "'");
    ASSERT_EQ(found.size(), 1U) << key;
    EXPECT_EQ(found[0]["seq"], entry.first);
    std::string hash = second_reader::hex(entry.second);
    std::ranges::transform(hash, hash.begin(),
                           [](char c) { return static_cast<char>(std::toupper(c)); });
    EXPECT_EQ(found[0]["hash"], hash);
  }
  EXPECT_EQ(computed.config, read_whole(store.root() / ".git/syncline/config.toml"));
  for (const second_reader::Section& section : computed.sections) {
    const std::string file = read_whole(store.root() / section.path);
    EXPECT_EQ(file.substr(section.offset, section.text.size()), section.text) << section.path;
  }

  const auto page = second_reader::page_claim(read_whole(store.root() / ".git/syncline/control"),
                                              store_id(store));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->segment, journal.end_segment);
  EXPECT_EQ(page->offset, journal.end_offset);
  const auto state = second_reader::sync_state_claim(
      read_whole(store.root() / ".git/syncline/sync.state"), store_id(store));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->seq, computed.batches.back().frame.last_seq);
}

void record_elf(const StoreUnderTest& store, int number) {
  const std::string title = "Title \"" + std::to_string(number) + "\" ünï";
  store.json({"record", "failure", "--title", title, "--domain", "Build", "--severity", "high",
              "--summary", "first line\nsecond", "--key", "f" + std::to_string(number)});
  store.json({"record", "heuristic", "--domain", number % 2 == 0 ? "build" : "Tests", "--rule",
              "Rule " + title, "--confidence", "0.25"});
  store.json({"record", "decision", "--title", title, "--context", "c", "--decision", "d",
              "--rationale", "r"});
}

TEST(Projections, OfARealStoreAreWhatTheFormatSays) {
  TemporaryDirectory directory;
  const StoreUnderTest store("elf", directory / "store");
  record_elf(store, 1);
  store.json({"record", "success", "--title", "one alone in its commit", "--domain", "x"});
  store.json({"sync"});
  // Set aside: the table refuses it. Its time counts, its subject does not.
  store.sql(
      "CREATE TRIGGER refuse BEFORE INSERT ON learnings WHEN new.title = 'refused' "
      "BEGIN SELECT RAISE(ABORT, 'no'); END");
  store.json({"record", "failure", "--title", "refused", "--domain", "x"}, 3);
  record_elf(store, 2);
  // Rebound: while nothing can be applied, a person takes the id that the next record decides.
  {
    const int lock = open((store.root() / ".git/syncline/apply.lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(lock, 0);
    ASSERT_EQ(flock(lock, LOCK_EX), 0);
    const Json receipt = store.json({"record", "failure", "--title", "rebound", "--domain", "x",
                                     "--key", "rebound", "--wait", "journaled"});
    store.sql("INSERT INTO learnings(id, type, filepath, title) VALUES(" +
              std::to_string(receipt["id"].get<int64_t>()) + ", 'failure', 'mine', 'mine')");
    close(lock);
  }
  record_elf(store, 3);
  store.json({"sync"});
  EXPECT_EQ(store.json({"show", "--key", "rebound"})["rebound"], true);
  store.sql("UPDATE learnings SET id = 1000000 WHERE title = 'mine'");
  expect_all_as_computed(store);
}

TEST(Projections, OfManyBatchesAndSegmentsAreWhatTheFormatSays) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  const fs::path config = store.root() / "syncline.toml";
  std::string text = read_whole(config);
  text = std::regex_replace(text, std::regex("segment_bytes_max *= *[0-9]+"),
                            "segment_bytes_max = 65536");
  write_whole(config, text);
  for (int round = 0; round < 3; ++round) {
    std::string lines;
    for (int line = 0; line < 15; ++line) {
      const std::string name = std::to_string(round) + "-" + std::to_string(line);
      lines += R"({"kind":"note","key":"k)" + name + R"(","fields":{"title":"  Note\t)" + name +
               R"( ","body":")" + std::string(3000, 'b') + R"(","tags":"a,b"}})" + "\n";
    }
    write_whole(directory / "lines", lines);
    store.json({"ingest", (directory / "lines").string()});
    store.json({"sync"});
  }
  EXPECT_GT(segments(store).size(), 2U);
  expect_all_as_computed(store);
}

}  // namespace
}  // namespace syncline
