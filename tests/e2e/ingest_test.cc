// NDJSON in: all of it, once, and every bad line named.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "tests/e2e/store_under_test.h"
#include "tests/support/corpus.h"

namespace syncline {
namespace {

void expect_counts(const Json& report, uint64_t accepted, uint64_t duplicates, uint64_t rejected) {
  EXPECT_EQ(report["accepted"], accepted) << report.dump();
  EXPECT_EQ(report["duplicates"], duplicates) << report.dump();
  EXPECT_EQ(report["rejected"], rejected) << report.dump();
}

TEST(Ingest, PackageRecordsArriveEverywhereAndTheSameFileAgainIsAllDuplicates) {
  const uint64_t records = 3000 * test_scale();
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "store");
  const std::string file = (directory / "packages.ndjson").string();
  write_whole(file, package_corpus(records, 1));

  const Json first = store.json({"ingest", file});
  expect_counts(first, records, 0, 0);
  EXPECT_EQ(first["read"], records);
  // Ingest publishes before it exits: no sync here.
  expect_agreement(store, records);
  const std::string head = store.git({"rev-parse", "HEAD"});
  const std::string own = store.git({"rev-parse", store.own_ref()});

  const Json second = store.json({"ingest", file});
  expect_counts(second, 0, records, 0);
  EXPECT_EQ(store.git({"rev-parse", "HEAD"}), head);
  EXPECT_EQ(store.git({"rev-parse", store.own_ref()}), own);
  expect_agreement(store, records);
}

// What is exported goes into another store as it came into this one.
TEST(Ingest, WhatIsExportedIsWhatWasIngested) {
  const uint64_t records = 500 * test_scale();
  TemporaryDirectory directory;
  const auto exported = [](const StoreUnderTest& store, const std::vector<std::string>& options) {
    std::vector<std::string> call = {"export"};
    call.insert(call.end(), options.begin(), options.end());
    const ProcessResult result = store.syncline(call);
    EXPECT_TRUE(result.ok()) << result.describe();
    return result.out;
  };
  const StoreUnderTest store("packages", directory / "store");
  const std::string file = (directory / "packages.ndjson").string();
  write_whole(file, package_corpus(records, 1));
  store.json({"ingest", file});
  const std::string all = exported(store, {});
  EXPECT_EQ(std::ranges::count(all, '\n'), static_cast<std::ptrdiff_t>(records));

  const StoreUnderTest other("packages", directory / "other");
  write_whole(directory / "exported.ndjson", all);
  const Json report = other.json({"ingest", (directory / "exported.ndjson").string()});
  expect_counts(report, records, 0, 0);
  expect_agreement(other, records);
  const std::string rows =
      "SELECT id, name, version, architecture, section, priority, maintainer, homepage, "
      "description, path FROM packages ORDER BY id";
  EXPECT_EQ(other.sql(rows), store.sql(rows));
  EXPECT_EQ(exported(other, {}), all);
  // With their keys: again it is all there.
  expect_counts(store.json({"ingest", (directory / "exported.ndjson").string()}), 0, records, 0);

  EXPECT_EQ(exported(store, {"--from", "3", "--to", "3"}),
            all.substr(all.find('\n', all.find('\n') + 1) + 1,
                       exported(store, {"--from", "3", "--to", "3"}).size()));
  EXPECT_EQ(std::ranges::count(exported(store, {"--from", "3", "--to", "4"}), '\n'), 2);
  EXPECT_EQ(exported(store, {"--kind", "other"}), "");
}

TEST(Ingest, ARecordThatCouldNotBeAppliedIsExportedOnRequest) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  store.json({"record", "note", "--title", "one", "--tags", "a"});
  run_process({"sqlite3", store.database().string(),
               "CREATE TRIGGER no BEFORE INSERT ON notes WHEN new.title = 'two' BEGIN SELECT "
               "RAISE(ABORT, 'not this one'); END"});
  store.json({"record", "note", "--title", "two", "--body", "its text", "--key", "k"}, 3);
  const ProcessResult plain = store.syncline({"export"});
  EXPECT_EQ(plain.out, "{\"kind\":\"note\",\"fields\":{\"title\":\"one\",\"tags\":\"a\"}}\n");
  const ProcessResult with = store.syncline({"export", "--set-aside", "--from", "2"});
  EXPECT_EQ(with.out,
            "{\"kind\":\"note\",\"key\":\"k\",\"fields\":{\"title\":\"two\",\"body\":\"its "
            "text\"}}\n")
      << "nothing that was taken is out of reach";
  EXPECT_EQ(store.json({"show", "2"})["fields"], (Json{{"title", "two"}, {"body", "its text"}}));
}

TEST(Ingest, TheMachinesOwnPackageDescriptionsGoIn) {
  TemporaryDirectory directory;
  const ProcessResult dump =
      program_exists("apt-cache") ? run_process({"apt-cache", "dumpavail"}) : ProcessResult{};
  if (!dump.ok() || dump.out.size() < 100'000) {
    GTEST_SKIP() << "apt knows no packages here (apt-cache dumpavail is empty)";
  }
  // A few thousand of them, unless more is asked for: whole stanzas only.
  const size_t bytes = std::min<size_t>(dump.out.size(), test_scale() * 4'000'000);
  const size_t end = bytes == dump.out.size() ? bytes : dump.out.rfind("\n\n", bytes) + 2;
  write_whole(directory / "available", dump.out.substr(0, end));

  const char* converter = std::getenv("SYNCLINE_DUMPAVAIL");
  ASSERT_NE(converter, nullptr);
  ProcessOptions options;
  options.input_path = (directory / "available").string();
  const ProcessResult converted = run_process({converter}, options);
  ASSERT_TRUE(converted.ok()) << converted.describe();
  write_whole(directory / "packages.ndjson", converted.out);
  const auto lines =
      static_cast<uint64_t>(std::count(converted.out.begin(), converted.out.end(), '\n'));
  ASSERT_GT(lines, 1000U);

  const StoreUnderTest store("packages", directory / "store");
  const Json report = store.json({"ingest", (directory / "packages.ndjson").string()});
  EXPECT_EQ(report["read"], lines);
  EXPECT_EQ(report["rejected"], 0);
  EXPECT_EQ(report["accepted"].get<uint64_t>() + report["duplicates"].get<uint64_t>(), lines);
  expect_agreement(store, report["accepted"]);
}

TEST(Ingest, EachBadLineIsNamedAndTheRestGoesIn) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  const std::vector<std::string> bad = {
      "this is not JSON",                                            // line 2
      R"({"kind":"nonsense","fields":{"title":"x"}})",               // line 4
      R"({"kind":"note","fields":{"body":"no title"}})",             // …
      R"({"kind":"note","fields":{"title":["a","list"]}})",          //
      R"({"kind":"note","fields":{"title":"a","title":"b"}})",       //
      R"({"kind":"note","fields":{"title":"x","unheard-of":"y"}})",  //
      R"([1,2,3])",                                                  //
      R"({"kind":"note"})",                                          //
      R"({"kind":"note","fields":{"title":"cut)",                    //
      "{\"kind\":\"note\",\"fields\":{\"title\":\"\xff\xfe\"}}",     //
      R"({"kind":"note","fields":{"title":")" + std::string(501, 'x') + "\"}}",
      R"({"kind":7,"fields":{"title":"x"}})",
  };
  std::string input;
  for (size_t index = 0; index < bad.size(); ++index) {
    input += R"({"kind":"note","fields":{"title":"good )" + std::to_string(index) + "\"}}\n";
    input += bad[index] + "\n";
  }
  ProcessOptions options{.input = input};
  const std::string rejects = (directory / "rejects.ndjson").string();
  const Json report = store.json({"ingest", "-", "--rejects", rejects}, 5, options);
  expect_counts(report, bad.size(), 0, bad.size());
  expect_agreement(store, bad.size());

  std::ifstream stream(rejects);
  std::string line;
  size_t index = 0;
  while (std::getline(stream, line)) {
    const Json reject = Json::parse(line, nullptr, false);
    ASSERT_TRUE(reject.is_object()) << line;
    EXPECT_EQ(reject["line"], 2 * (index + 1)) << line;
    EXPECT_FALSE(reject["reason"].get<std::string>().empty()) << line;
    ++index;
  }
  EXPECT_EQ(index, bad.size());
}

TEST(Ingest, BadLinesAreNamedByNumberOnStandardError) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  ProcessOptions options{.input = "{\"kind\":\"note\",\"fields\":{\"title\":\"a\"}}\nbroken\n"};
  const ProcessResult result = store.syncline({"ingest"}, options);
  EXPECT_EQ(result.exit_code, 5) << result.describe();
  EXPECT_NE(result.err.find("line 2"), std::string::npos) << result.describe();
}

TEST(Ingest, ALineOfHundredMegabytesIsRejectedAndTheNextGoesIn) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  const std::string file = (directory / "big.ndjson").string();
  {
    std::ofstream stream(file, std::ios::binary);
    stream << R"({"kind":"note","fields":{"title":"before"}})" << "\n";
    stream << R"({"kind":"note","fields":{"title":"big","body":")" << std::string(100'000'000, 'x')
           << "\"}}\n";
    stream << R"({"kind":"note","fields":{"title":"after"}})" << "\n";
  }
  const Json report = store.json({"ingest", file}, 5);
  expect_counts(report, 2, 0, 1);
  EXPECT_EQ(store.count("SELECT count(*) FROM notes WHERE title = 'after'"), 1);
  expect_agreement(store, 2);
}

TEST(Ingest, EmptyInputIsNoError) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  for (const std::string input : {"", "\n", "\n\n  \n"}) {
    ProcessOptions options{.input = input};
    expect_counts(store.json({"ingest", "-"}, 0, options), 0, 0, 0);
  }
  expect_agreement(store, 0);
}

TEST(Ingest, StrictStopsAtTheFirstBadLine) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  ProcessOptions options{.input = R"({"kind":"note","fields":{"title":"a"}}
broken
{"kind":"note","fields":{"title":"b"}}
)"};
  const ProcessResult result = store.syncline({"ingest", "--strict"}, options);
  EXPECT_NE(result.exit_code, 0) << result.describe();
  store.json({"sync"});
  EXPECT_EQ(store.count("SELECT count(*) FROM notes WHERE title = 'b'"), 0);
}

TEST(Ingest, TheLastLineNeedsNoNewlineAndCarriageReturnsAreNoContent) {
  TemporaryDirectory directory;
  const StoreUnderTest store("notes", directory / "store");
  ProcessOptions options{.input =
                             "{\"kind\":\"note\",\"fields\":{\"title\":\"a\"}}\r\n"
                             "{\"kind\":\"note\",\"fields\":{\"title\":\"b\"}}"};
  expect_counts(store.json({"ingest"}, 0, options), 2, 0, 0);
  expect_agreement(store, 2);
}

TEST(Ingest, SeveralAtOnceOfTheSameFileAcceptEachRecordOnce) {
  TemporaryDirectory directory;
  const StoreUnderTest store("packages", directory / "store");
  const std::string file = (directory / "packages.ndjson").string();
  write_whole(file, package_corpus(800, 2));
  std::vector<std::pair<std::vector<std::string>, ProcessOptions>> commands;
  for (int process = 0; process < 4; ++process) {
    commands.emplace_back(store.command({"ingest", file, "--json"}), ProcessOptions{});
  }
  uint64_t accepted = 0, duplicates = 0;
  for (const ProcessResult& result : run_together(commands)) {
    ASSERT_EQ(result.exit_code, 0) << result.describe();
    const Json report = Json::parse(result.out);
    accepted += report["accepted"].get<uint64_t>();
    duplicates += report["duplicates"].get<uint64_t>();
  }
  EXPECT_EQ(accepted, 800U);
  EXPECT_EQ(duplicates, 2400U);
  store.json({"sync"});
  expect_agreement(store, 800);
}

}  // namespace
}  // namespace syncline
