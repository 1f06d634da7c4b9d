// Damage is loud: named by segment and offset, refused. A torn tail is repaired, and said once.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "tests/e2e/store_under_test.h"
#include "tests/support/corpus.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// A store with many closed segments: the smallest size the configuration takes.
StoreUnderTest store_with_small_segments(const fs::path& root) {
  StoreUnderTest store("packages", root);
  const fs::path config = root / "syncline.toml";
  std::string text = read_whole(config);
  const size_t section = text.find("[journal]");
  const std::string setting = "segment_bytes_max = 65536\n";
  if (section == std::string::npos) {
    // Before the kinds, whose tables would otherwise take the setting.
    const size_t kinds = text.find("[kind");
    text.insert(kinds == std::string::npos ? text.size() : text.rfind('\n', kinds) + 1,
                "[journal]\n" + setting + "\n");
  } else {
    const size_t old = text.find("\nsegment_bytes_max", section);
    if (old != std::string::npos) text.erase(old + 1, text.find('\n', old + 1) - old);
    text.insert(text.find('\n', section) + 1, setting);
  }
  write_whole(config, text);
  store.git({"commit", "-qam", "small segments"});
  return store;
}

// 600 records in a dozen calls: a group is written whole, so one call alone makes few segments.
void fill(const StoreUnderTest& store, const fs::path& scratch, uint64_t seed) {
  constexpr uint64_t kCalls = 12, kRecords = 50;
  const fs::path file = scratch / "packages.ndjson";
  for (uint64_t call = 0; call < kCalls; ++call) {
    write_whole(file, package_corpus(kRecords, seed, 1 + call * kRecords));
    store.json({"ingest", file.string()});
  }
}

void flip(const fs::path& path, size_t offset) {
  std::string bytes = read_whole(path);
  ASSERT_LT(offset, bytes.size());
  bytes[offset] = static_cast<char>(bytes[offset] ^ 0x40);
  write_whole(path, bytes);
}

// "segment 3 offset 4160": the file's number, and the frame that the damaged byte is in.
void expect_named(const std::string& said, const fs::path& segment, size_t damaged) {
  const std::regex place(R"(segment (\d+) offset (\d+))");
  std::smatch match;
  ASSERT_TRUE(std::regex_search(said, match, place)) << said;
  EXPECT_EQ(std::stoull(match[1]), std::stoull(segment.stem().string(), nullptr, 16)) << said;
  const uint64_t offset = std::stoull(match[2]);
  EXPECT_LE(offset, damaged) << said;
  EXPECT_GT(offset + 65536, damaged) << said;
}

TEST(Damage, AByteInAClosedSegmentIsExit12NamingSegmentAndOffset) {
  TemporaryDirectory directory;
  const StoreUnderTest store = store_with_small_segments(directory / "store");
  fill(store, directory.path(), 7);
  const std::vector<fs::path> closed = segments(store);
  ASSERT_GT(closed.size(), 4U) << "the configured size is used";
  // Into the text of a record, well inside the segment.
  const std::string bytes = read_whole(closed[2]);
  const size_t offset = bytes.find("package", bytes.size() / 4);
  ASSERT_NE(offset, std::string::npos);
  flip(closed[2], offset);

  const ProcessResult verify = store.syncline({"verify"});
  EXPECT_EQ(verify.exit_code, 12) << verify.describe();
  const std::string said = verify.out + verify.err;
  EXPECT_NE(said.find("journal-damaged"), std::string::npos) << said;
  expect_named(said, closed[2], offset);

  const Json report = store.json({"verify"}, 12);
  EXPECT_FALSE(report.value("ok", true));

  const ProcessResult log = store.syncline({"log"});
  EXPECT_EQ(log.exit_code, 12) << log.describe();
  expect_named(log.err, closed[2], offset);

  const ProcessResult replay = store.syncline({"replay", "--into", (directory / "copy").string()});
  EXPECT_EQ(replay.exit_code, 12) << replay.describe();

  // Nothing was cut or mended in silence: put the byte back and all is well.
  flip(closed[2], offset);
  EXPECT_EQ(segments(store).size(), closed.size());
  expect_agreement(store, 600);
}

TEST(Damage, AMissingSegmentIsNamed) {
  TemporaryDirectory directory;
  const StoreUnderTest store = store_with_small_segments(directory / "store");
  fill(store, directory.path(), 8);
  const std::vector<fs::path> all = segments(store);
  ASSERT_GT(all.size(), 4U);
  fs::rename(all[2], directory / "taken");
  const ProcessResult verify = store.syncline({"verify"});
  EXPECT_EQ(verify.exit_code, 12) << verify.describe();
  EXPECT_NE((verify.out + verify.err).find("segment"), std::string::npos) << verify.describe();
  fs::rename(directory / "taken", all[2]);
  expect_agreement(store, 600);
}

TEST(Damage, AJournalThatIsGoneIsDamageAndNoNameToCheck) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "kept"});
  store.json({"sync"});
  const fs::path taken = directory / "taken";
  const auto expect_damage = [&] {
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"record", "note", "--title", "refused"}, {"verify"}, {"log"}, {"status"}, {"sync"}}) {
      const ProcessResult result = store.syncline(command);
      EXPECT_EQ(result.exit_code, 12) << result.describe();
      EXPECT_NE(result.err.find("segment 1 offset 0"), std::string::npos) << result.describe();
      EXPECT_NE(result.err.find("backup"), std::string::npos) << result.describe();
    }
  };
  const fs::path segment = segments(store).front();
  fs::rename(segment, taken);
  expect_damage();
  fs::rename(taken, segment);
  fs::rename(store.journal(), taken);
  expect_damage();
  fs::rename(taken, store.journal());
  expect_agreement(store, 1);
}

// Whatever is damaged: verify does not advise verify, nor repair itself.
TEST(Damage, NoHintLeadsBackToTheVerbThatGivesIt) {
  TemporaryDirectory directory;
  const StoreUnderTest store = store_with_small_segments(directory / "store");
  fill(store, directory.path(), 9);
  const std::vector<fs::path> all = segments(store);
  ASSERT_GT(all.size(), 4U);
  // No row, no file, no commit: what the journal loses is nowhere else.
  store.remove_database();
  fs::remove_all(store.root() / "packages");
  const std::string bare_repair = "syncline repair(?! --accept-loss)";
  const auto expect_onward = [&](const std::string& what) {
    for (const std::vector<std::string>& verify :
         std::vector<std::vector<std::string>>{{"verify"}, {"verify", "--json"}}) {
      const ProcessResult result = store.syncline(verify);
      EXPECT_EQ(result.exit_code, 12) << what << result.describe();
      EXPECT_EQ((result.out + result.err).find("syncline verify"), std::string::npos)
          << what << result.describe();
    }
    const ProcessResult repair = store.syncline({"repair", "--dry-run"});
    EXPECT_FALSE(std::regex_search(repair.out + repair.err, std::regex(bare_repair)))
        << what << repair.describe();
  };
  for (const size_t which : {size_t{0}, size_t{2}, all.size() - 1}) {
    const std::string whole = read_whole(all[which]);
    flip(all[which], 100);
    expect_onward("header of " + all[which].filename().string());
    write_whole(all[which], whole.substr(0, 4096) + std::string(whole.size() - 4096, '\x55'));
    expect_onward("frames of " + all[which].filename().string());
    fs::remove(all[which]);
    expect_onward("without " + all[which].filename().string());
    write_whole(all[which], whole);
  }
  fs::rename(all[0], directory / "taken");
  write_whole(store.journal() / "base", "no base");
  expect_onward("base");
}

// Half a group after the end of the log, as a cut in the middle of an unacknowledged write leaves
// it: the newest group again with its second half missing.
void tear_tail(const StoreUnderTest& store) {
  constexpr size_t kBlock = 4096;
  const fs::path newest = segments(store).back();
  std::string bytes = read_whole(newest);
  size_t end = bytes.size();
  while (end > 0 && bytes[end - 1] == '\0') --end;
  const size_t next = (end + kBlock - 1) / kBlock * kBlock;
  const size_t last = next - kBlock;
  ASSERT_GT(last, 0U);
  if (bytes.size() < next + kBlock) bytes.resize(next + kBlock, '\0');
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(last), 512,
              bytes.begin() + static_cast<std::ptrdiff_t>(next));
  write_whole(newest, bytes);
}

TEST(Damage, ATornTailIsRepairedSaidOnceAndNothingIsLost) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(3);
  ASSERT_NO_FATAL_FAILURE(tear_tail(store));
  const ProcessResult first = store.syncline({"status"});
  EXPECT_EQ(first.exit_code, 0) << first.describe();
  const ProcessResult second = store.syncline({"status"});
  EXPECT_EQ(second.exit_code, 0) << second.describe();
  EXPECT_NE((first.out + first.err).find("torn"), std::string::npos) << first.describe();
  EXPECT_EQ((second.out + second.err).find("torn"), std::string::npos) << second.describe();
  EXPECT_TRUE(store.syncline({"record", "note", "--title", "after"}).ok());
  store.json({"sync"});
  expect_agreement(store, 4);
}

TEST(Damage, ALogThatEndsBelowWhatWasDurableHasLostDataAndSaysSo) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "kept"});
  const fs::path newest = segments(store).back();
  const std::string shorter = read_whole(newest);
  store.json({"record", "note", "--title", "lost"});
  write_whole(newest, shorter);
  const ProcessResult status = store.syncline({"verify"});
  EXPECT_EQ(status.exit_code, 12) << status.describe();
  const ProcessResult record = store.syncline({"record", "note", "--title", "refused"});
  EXPECT_EQ(record.exit_code, 12) << record.describe();
}

TEST(Damage, ADamagedDatabaseIsRebuiltFromTheJournal) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.record_notes(20);
  store.json({"sync"});
  fs::remove(store.database().string() + "-wal");
  fs::remove(store.database().string() + "-shm");
  write_whole(store.database(), std::string(20'000, 'x'));
  ProcessResult status = store.syncline({"record", "note", "--title", "after"});
  EXPECT_EQ(status.exit_code, 0) << status.describe();
  store.json({"sync"});
  expect_agreement(store, 21);
}

// What the framework's hooks and people have put into the database, beside the records' own rows.
class PeoplesRows : public ::testing::Test {
 protected:
  PeoplesRows() : store_("elf", directory_ / "store") {
    for (const char* rule : {"first", "second", "third"}) {
      store_.json({"record", "heuristic", "--domain", "d", "--rule", rule});
    }
    store_.sql(
        "UPDATE heuristics SET confidence = 0.95, times_validated = 7, is_golden = 1,"
        " updated_at = '2030-01-01 00:00:00' WHERE id = 2;"
        "INSERT INTO learnings(type, filepath, title) VALUES('failure', 'auto-failures/x.md',"
        " 'by a hook'); CREATE TABLE metrics(name TEXT, value REAL);"
        "INSERT INTO metrics VALUES('m', 1.5); ALTER TABLE heuristics ADD COLUMN stars INTEGER;"
        "UPDATE heuristics SET stars = 3 WHERE id = 1");
  }
  void expect_theirs() const {
    EXPECT_EQ(store_.sql("SELECT id, confidence, times_validated AS n, is_golden AS g, stars FROM"
                         " heuristics ORDER BY id"),
              Json::parse(R"([{"id":1,"confidence":0.7,"n":0,"g":0,"stars":3},
                              {"id":2,"confidence":0.95,"n":7,"g":1,"stars":null},
                              {"id":3,"confidence":0.7,"n":0,"g":0,"stars":null}])"));
    EXPECT_EQ(store_.count("SELECT count(*) FROM learnings WHERE title = 'by a hook'"), 1);
    EXPECT_EQ(store_.count("SELECT count(*) FROM metrics"), 1);
  }
  // SQLite's check finds a fault, and every page of a row can be read.
  void damage_database() const {
    const int64_t page =
        store_.count("SELECT rootpage FROM sqlite_schema WHERE name = 'syncline_keys'");
    const int64_t bytes = store_.count("SELECT page_size FROM pragma_page_size");
    store_.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    std::string file = read_whole(store_.database());
    file.replace(static_cast<size_t>((page - 1) * bytes), 512, std::string(512, '\xff'));
    write_whole(store_.database(), file);
  }
  TemporaryDirectory directory_;
  StoreUnderTest store_;
};

TEST_F(PeoplesRows, AChangeOfARecordsRowIsANoteAndPutBackOnRequest) {
  const Json verified = store_.json({"verify"});
  EXPECT_TRUE(verified["ok"]) << verified;
  EXPECT_EQ(verified["findings"], Json::array());
  EXPECT_EQ(verified["notes"][0]["class"], "row-differs") << verified;
  EXPECT_EQ(verified["notes"][0]["detail"], "changed by hand: confidence, updated_at");
  store_.json({"verify", "--strict"}, 12);
  store_.json({"repair"});
  expect_theirs();
  const Json restored = store_.json({"repair", "--restore", "2"});
  EXPECT_EQ(restored["rows"][0].get<std::string>().find("heuristics 2: confidence was 0.95"), 0U)
      << restored;
  EXPECT_EQ(store_.sql("SELECT confidence, is_golden FROM heuristics WHERE id = 2"),
            Json::parse(R"([{"confidence":0.7,"is_golden":1}])"))
      << "what no record writes stays";
}

TEST_F(PeoplesRows, ARebuiltDatabaseHasThemAgain) {
  damage_database();
  const ProcessResult repaired = store_.syncline({"repair"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.describe();
  EXPECT_NE((repaired.out + repaired.err).find("carried over: "), std::string::npos)
      << repaired.describe();
  expect_theirs();
  EXPECT_TRUE(store_.json({"verify"})["ok"]);
  EXPECT_FALSE(fs::exists(store_.root() / ".git/syncline/database.carry"));
  // The next record's id is above theirs.
  EXPECT_EQ(store_.json({"record", "failure", "--title", "t", "--domain", "d"})["id"], 2);
  expect_theirs();
}

// As a process leaves it that died with the old database aside and the new one begun.
TEST_F(PeoplesRows, WhoeverOpensTheNewOneNextCarriesThemOver) {
  const fs::path kept = store_.root() / ".git/syncline/kept/database-1";
  fs::create_directories(kept);
  store_.sql("PRAGMA wal_checkpoint(TRUNCATE)");
  fs::rename(store_.database(), kept / "index.db");
  store_.remove_database();
  write_whole(store_.root() / ".git/syncline/database.carry", "kept/database-1");
  store_.json({"record", "heuristic", "--domain", "d", "--rule", "fourth", "--wait", "applied"});
  store_.sql("DELETE FROM heuristics WHERE id = 4");
  expect_theirs();
  // The note that they were carried goes with them: what people change since is not undone.
  store_.sql("UPDATE heuristics SET stars = 9 WHERE id = 1; DELETE FROM metrics");
  write_whole(store_.root() / ".git/syncline/database.carry", "kept/database-1");
  store_.json({"repair"});
  EXPECT_EQ(store_.count("SELECT stars FROM heuristics WHERE id = 1"), 9);
  EXPECT_EQ(store_.count("SELECT count(*) FROM metrics"), 0);
}

TEST(Damage, ADeletedDatabaseIsMadeAgainAndSaidByWhoeverDoesIt) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "first"});
  const fs::path lines = directory / "lines";
  write_whole(lines, R"({"kind":"note","fields":{"title":"ingested"}})");
  const std::vector<std::vector<std::string>> commands = {
      {"record", "note", "--title", "after"}, {"ingest", lines.string()}, {"sync"}};
  for (const std::vector<std::string>& command : commands) {
    store.remove_database();
    const ProcessResult result = store.syncline(command);
    EXPECT_EQ(result.exit_code, 0) << result.describe();
    EXPECT_NE(result.err.find("was missing"), std::string::npos) << result.describe();
  }
  expect_agreement(store, 3);
}

TEST(Damage, AnOwnRefThatHoldsNoCommitIsToldAndMadeAgainByRepair) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  for (const char* title : {"one", "two"}) store.json({"record", "note", "--title", title});
  store.json({"sync"});
  const std::string ref = store.own_ref();
  const std::string before = store.git({"rev-parse", ref});
  const fs::path file = store.root() / ".git" / ref;
  write_whole(file, "garbage");

  const ProcessResult status = store.syncline({"status"});
  EXPECT_NE(status.out.find("holds no object name"), std::string::npos) << status.describe();
  EXPECT_EQ(store.syncline({"record", "note", "--title", "three"}).exit_code, 0);
  EXPECT_EQ(store.syncline({"verify"}).exit_code, 12);
  const ProcessResult repair = store.syncline({"repair"});
  EXPECT_EQ(repair.exit_code, 0) << repair.describe();
  EXPECT_EQ(store.syncline({"verify"}).exit_code, 0);
  EXPECT_EQ(store.git({"rev-parse", ref + "~1"}), before);
}

TEST(Damage, AnOwnRefThatWasMovedAwayIsMadeAgainByRepairAndWhatItHeldIsKept) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "one", "--wait", "published"});
  const std::string before = store.git({"rev-parse", store.own_ref()});
  store.git({"update-ref", store.own_ref(), "HEAD"});
  EXPECT_EQ(store.syncline({"verify"}).exit_code, 12);
  const Json repair = store.json({"repair"});
  EXPECT_EQ(repair["left"].size(), 0U) << repair.dump();
  EXPECT_EQ(store.git({"rev-parse", store.own_ref()}), before);
  EXPECT_NE(store.git({"for-each-ref", "refs/syncline-kept"}), "");
  expect_agreement(store, 1);
}

TEST(Damage, ObjectsOfTheOwnRefThatAreGoneAreFoldedAgainByRepair) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  for (const char* title : {"one", "two"}) store.json({"record", "note", "--title", title});
  store.json({"sync"});
  const std::string before = store.git({"rev-parse", store.own_ref()});
  for (const auto& entry : fs::directory_iterator(store.root() / ".git/objects/pack")) {
    const fs::path index = entry.path();
    if (index.extension() != ".idx") continue;
    if (store.git({"verify-pack", "-v", index.string()}).find(before + " commit") ==
        std::string::npos) {
      continue;
    }
    fs::remove(fs::path(index).replace_extension(".pack"));
    fs::remove(index);
  }
  ASSERT_FALSE(store.try_git({"cat-file", "-e", before}).ok());
  EXPECT_EQ(store.syncline({"verify"}).exit_code, 12);
  const Json repair = store.json({"repair"});
  EXPECT_EQ(repair["left"].size(), 0U) << repair.dump();
  EXPECT_EQ(store.git({"rev-parse", store.own_ref()}), before);
  expect_agreement(store, 2);
}

TEST(Damage, AClonesCloneGoesOnAboveTheIdsOfBoth) {
  TemporaryDirectory directory;
  const StoreUnderTest first("notes", directory / "first");
  first.json({"record", "note", "--title", "a", "--wait", "published"});
  fs::path from = first.root();
  for (const int expected : {2, 4}) {
    const fs::path root = directory / ("clone" + std::to_string(expected));
    first.git({"clone", "-q", from.string(), root.string()});
    const StoreUnderTest clone = StoreUnderTest::existing("notes", root);
    ASSERT_TRUE(clone.syncline({"init", "--new-identity", root.string()}).ok());
    EXPECT_EQ(clone.json({"record", "note", "--title", "b"})["id"], expected);
    clone.json({"record", "note", "--title", "c", "--wait", "published"});
    from = root;
  }
}

TEST(Damage, AReplacedGitDirectoryIsNoDeadEnd) {
  TemporaryDirectory directory;
  const StoreUnderTest old("notes", directory / "store");
  old.record_notes(3);
  fs::remove_all(old.root() / ".git");
  old.git({"init", "-q", "-b", "main"});
  const ProcessResult refused = old.syncline({"init", old.root().string()});
  EXPECT_EQ(refused.exit_code, 12) << refused.describe();
  EXPECT_NE(refused.err.find("init --new-identity"), std::string::npos) << refused.describe();
  const ProcessResult made = old.syncline({"init", "--new-identity", old.root().string()});
  EXPECT_TRUE(made.ok()) << made.describe();
  const Json fourth = old.json({"record", "note", "--title", "four", "--wait", "published"});
  EXPECT_EQ(fourth["id"], 4) << fourth.dump();
  EXPECT_EQ(old.row_count(), 4U);
  EXPECT_EQ(old.json({"verify"})["findings"].size(), 0U);
  EXPECT_EQ(read_whole(old.root() / fourth["path"].get<std::string>()).rfind("# four", 0), 0U);
}

TEST(Damage, ACopiedStoreRefusesToWriteUntilTold) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "one"});
  store.json({"sync"});
  const fs::path copy = directory / "copy";
  fs::copy(store.root(), copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const StoreUnderTest copied = StoreUnderTest::existing("notes", copy);
  const ProcessResult refused = copied.syncline({"record", "note", "--title", "two"});
  EXPECT_EQ(refused.exit_code, 12) << refused.describe();
  EXPECT_NE(refused.err.find("init"), std::string::npos) << "it says what to try";
  for (const char* verb : {"log", "status", "verify"}) {
    const ProcessResult read = copied.syncline({verb});
    EXPECT_TRUE(read.ok()) << read.describe();
    EXPECT_NE((read.out + read.err).find("copied, moved or restored"), std::string::npos)
        << read.describe();
  }
  EXPECT_EQ(copied.json({"show", "1"})["seq"], 1);
  const ProcessResult moved = run_process({syncline_binary(), "init", copy.string(), "--moved"});
  EXPECT_EQ(moved.exit_code, 0) << moved.describe();
  const ProcessResult taken = copied.syncline({"record", "note", "--title", "two"});
  EXPECT_EQ(taken.exit_code, 0) << taken.describe();
}

TEST(Damage, ABranchOrHeadThatNamesNothingIsWaitedForAndTheWayOutHelps) {
  for (const std::string name : {"refs/heads/main", "HEAD"}) {
    TemporaryDirectory directory;
    const StoreUnderTest store("notes", directory / "store");
    store.json({"record", "note", "--title", "one", "--wait", "published"});
    write_whole(store.root() / ".git" / name, "");
    store.record_notes(1);
    const Json found = store.json({"verify"});
    EXPECT_EQ(found["findings"], Json::array());
    const Json repair = store.json({"repair", "--dry-run"});
    EXPECT_EQ(repair["healed"], Json::array());
    const std::string said = store.json({"status"})["git"];
    EXPECT_NE(found["behind"].dump().find("rows alone were looked at"), std::string::npos);
    const size_t begin = said.find('`'), end = said.rfind('`');
    ASSERT_LT(begin, end) << said;
    const ProcessResult done =
        run_process({"sh", "-c", said.substr(begin + 1, end - begin - 1)}, {});
    EXPECT_TRUE(done.ok()) << done.describe();
    store.json({"sync"});
    expect_agreement(store, 2);
  }
}

}  // namespace
}  // namespace syncline
