// What each profile makes of a record, in full: the rows, paths, texts and subjects people rely on.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>
#include <string>

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/path_rules.h"
#include "engine/config/pattern.h"
#include "engine/config/profiles.h"
#include "journal/record/intent.h"
#include "syncline/record.h"

namespace syncline {
namespace {

constexpr int64_t kRecordedMs = 1'769'903'999'123;  // 2026-01-31T23:59:59.123Z

Effects effects_of(std::string_view profile, std::string_view kind, const Fields& fields,
                   uint64_t id = 1234) {
  const auto config = parse_config(*profile_text(profile));
  EXPECT_TRUE(config) << config.error().message;
  const auto intent = make_intent(*config, kind, fields, {});
  EXPECT_TRUE(intent) << intent.error().message;
  return intent ? render_effects(*intent, 1, id, kRecordedMs) : Effects{};
}

std::string row_of(const Effects& effects) {
  std::string row = effects.table + ":";
  for (const auto& [name, value] : effects.columns) {
    row += " " + name + "=";
    if (const auto* integer = std::get_if<int64_t>(&value)) row += fmt::format("{}", *integer);
    if (const auto* real = std::get_if<double>(&value)) row += fmt::format("{:.2f}", *real);
    if (const auto* text = std::get_if<std::string>(&value)) row += "'" + *text + "'";
    if (std::holds_alternative<std::monostate>(value)) row += "NULL";
  }
  return row;
}

TEST(Profiles, AreReadableAndNamed) {
  for (const std::string_view name : {"notes", "packages", "elf"}) {
    const auto text = profile_text(name);
    ASSERT_TRUE(text);
    EXPECT_EQ(text->find('%'), std::string::npos);
    const auto config = parse_config(*text);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->profile, name);
    const Config defaults;
    EXPECT_EQ(config->sync.batch_records_max, defaults.sync.batch_records_max);
    EXPECT_EQ(config->sync.batch_bytes_max, defaults.sync.batch_bytes_max);
    EXPECT_EQ(config->sync.batch_age_ms_max, defaults.sync.batch_age_ms_max);
    EXPECT_EQ(config->sync.publish_interval_ms, defaults.sync.publish_interval_ms);
    EXPECT_EQ(config->sync.remote, defaults.sync.remote);
    EXPECT_EQ(config->sync.author_name, defaults.sync.author_name);
    EXPECT_EQ(config->sync.author_email, defaults.sync.author_email);
    EXPECT_EQ(config->backlog_records_max, defaults.backlog_records_max);
    EXPECT_EQ(config->backlog_bytes_max, defaults.backlog_bytes_max);
    EXPECT_EQ(config->segment_bytes_max, defaults.segment_bytes_max);
    EXPECT_EQ(config->retain_bytes_max, defaults.retain_bytes_max);
    EXPECT_EQ(config->retain_days_max, defaults.retain_days_max);
  }
  EXPECT_EQ(parse_config(*profile_text("notes"))->database, "syncline.db");
  EXPECT_EQ(parse_config(*profile_text("elf"))->database, "memory/index.db");
}

TEST(Profiles, UnknownOneNamesTheThree) {
  const auto text = profile_text("nots");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::kInvalid);
  EXPECT_EQ(text.error().hint, "did you mean 'notes'?");
  EXPECT_EQ(profile_text("x").error().hint, "there are: notes, packages, elf");
}

// Every table can be made twice, and takes every column a record fills.
TEST(Profiles, TablesHoldTheirRows) {
  for (const std::string_view name : {"notes", "packages", "elf"}) {
    const auto config = parse_config(*profile_text(name));
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(":memory:", &raw), SQLITE_OK);
    const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database(raw, &sqlite3_close);
    for (int i = 0; i < 2; ++i) {
      for (const KindSpec& kind : config->kinds) {
        ASSERT_EQ(sqlite3_exec(raw, kind.create_table.c_str(), nullptr, nullptr, nullptr),
                  SQLITE_OK)
            << sqlite3_errmsg(raw);
      }
    }
    for (const KindSpec& kind : config->kinds) {
      std::string columns = kind.id_column;
      for (const auto& [column, pattern] : kind.columns) columns += ", " + column;
      const std::string query = "SELECT " + columns + " FROM " + kind.table;
      EXPECT_EQ(sqlite3_exec(raw, query.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
          << kind.name << ": " << sqlite3_errmsg(raw);
    }
  }
}

TEST(Profiles, Note) {
  const Effects full = effects_of(
      "notes", "note", {{"title", "Hello, World!"}, {"body", "First\n\nSecond"}, {"tags", "a,b"}});
  EXPECT_EQ(full.operation, Operation::kCreate);
  EXPECT_EQ(full.kind, "note");
  EXPECT_EQ(full.id_column, "id");
  EXPECT_EQ(full.path, "notes/0001/hello-world-1234.md");
  EXPECT_EQ(full.subject, "note: Hello, World!");
  EXPECT_EQ(row_of(full),
            "notes: title='Hello, World!' body='First\n\nSecond' tags='a,b' "
            "path='notes/0001/hello-world-1234.md' created_at='2026-01-31T23:59:59.123Z'");
  EXPECT_EQ(full.text,
            "# Hello, World!\n\n**Tags**: a,b\n**Date**: 2026-01-31T23:59:59.123Z\n\n"
            "First\n\nSecond\n");
  const Effects bare = effects_of("notes", "note", {{"title", "x"}}, 1);
  EXPECT_EQ(bare.path, "notes/0000/x-1.md");
  EXPECT_EQ(bare.text, "# x\n\n**Date**: 2026-01-31T23:59:59.123Z\n");
  EXPECT_EQ(row_of(bare),
            "notes: title='x' body=NULL tags=NULL path='notes/0000/x-1.md' "
            "created_at='2026-01-31T23:59:59.123Z'");
}

TEST(Profiles, Package) {
  const Effects full = effects_of("packages", "package",
                                  {{"name", "libstdc++6"},
                                   {"version", "12.2.0-14"},
                                   {"architecture", "amd64"},
                                   {"section", "libs"},
                                   {"priority", "optional"},
                                   {"maintainer", "D <d@example.org>"},
                                   {"homepage", "http://x/"},
                                   {"description", "GNU\nmore"}});
  EXPECT_EQ(full.path, "packages/0001/libstdc-6-1234.md");
  EXPECT_EQ(full.subject, "package: libstdc++6 12.2.0-14");
  EXPECT_EQ(row_of(full),
            "packages: name='libstdc++6' version='12.2.0-14' architecture='amd64' section='libs' "
            "priority='optional' maintainer='D <d@example.org>' homepage='http://x/' "
            "description='GNU\nmore' path='packages/0001/libstdc-6-1234.md' "
            "created_at='2026-01-31T23:59:59.123Z'");
  EXPECT_EQ(full.text,
            "# libstdc++6\n\n**Version**: 12.2.0-14\n**Architecture**: amd64\n**Section**: libs\n"
            "**Priority**: optional\n**Maintainer**: D <d@example.org>\n**Homepage**: http://x/\n"
            "**Date**: 2026-01-31T23:59:59.123Z\n\nGNU\nmore\n");
  const Effects bare = effects_of("packages", "package", {{"name", "x"}});
  EXPECT_EQ(bare.subject, "package: x");
  EXPECT_EQ(bare.text, "# x\n\n**Date**: 2026-01-31T23:59:59.123Z\n");
}

TEST(Profiles, ElfFailureAndSuccess) {
  const Fields fields = {{"title", "Disk full"},
                         {"domain", "Ops & Infra"},
                         {"severity", "critical"},
                         {"tags", "disk"},
                         {"summary", "It filled up.\nThen it broke."}};
  const std::string to_be_filled_in =
      "\n## What Happened\n\n## Root Cause\n\n## Impact\n\n## Prevention\n\n## Related\n\n"
      "- **Experiments**:\n- **Heuristics**:\n- **Similar Failures**:\n";
  const Effects failure = effects_of("elf", "failure", fields);
  EXPECT_EQ(failure.path, "memory/failures/20260131_disk-full_1234.md");
  EXPECT_EQ(failure.subject, "failure: Disk full");
  EXPECT_EQ(row_of(failure),
            "learnings: type='failure' filepath='memory/failures/20260131_disk-full_1234.md' "
            "title='Disk full' summary='It filled up.' tags='disk' domain='Ops & Infra' severity=5 "
            "created_at='2026-01-31 23:59:59' updated_at='2026-01-31 23:59:59'");
  EXPECT_EQ(failure.text,
            "# Disk full\n\n**Domain**: Ops & Infra\n**Severity**: 5\n**Tags**: disk\n"
            "**Date**: 2026-01-31\n\n## Summary\n\nIt filled up.\nThen it broke.\n" +
                to_be_filled_in);
  const Effects success = effects_of("elf", "success", fields);
  EXPECT_EQ(success.path, "memory/successes/20260131_disk-full_1234.md");
  EXPECT_EQ(success.subject, "success: Disk full");
  EXPECT_EQ(success.table, "learnings");
  EXPECT_EQ(std::get<std::string>(success.columns[0].second), "success");
  EXPECT_EQ(success.text, failure.text);
  const Effects bare = effects_of("elf", "failure", {{"title", "a"}, {"domain", "d"}});
  EXPECT_EQ(bare.text,
            "# a\n\n**Domain**: d\n**Severity**: 3\n**Date**: 2026-01-31\n\n## Summary\n\n"
            "No summary provided\n" +
                to_be_filled_in);
}

TEST(Profiles, ElfHeuristic) {
  const Effects full = effects_of("elf", "heuristic",
                                  {{"domain", "C++ / Build"},
                                   {"rule", "Measure first"},
                                   {"explanation", "Because.\n## H-9: not a section"},
                                   {"source", "failure"},
                                   {"confidence", "high"}});
  EXPECT_EQ(full.operation, Operation::kAppend);
  EXPECT_EQ(full.path, "memory/heuristics/c-build.md");
  EXPECT_EQ(
      full.header,
      "# Heuristics: c-build\n\nWhat was learned about this domain, a rule a section.\n\n---\n");
  EXPECT_EQ(full.subject, "heuristic: Measure first");
  EXPECT_EQ(row_of(full),
            "heuristics: domain='C++ / Build' rule='Measure first' "
            "explanation='Because.\n## H-9: not a section' source_type='failure' confidence=0.85 "
            "created_at='2026-01-31 23:59:59' updated_at='2026-01-31 23:59:59'");
  EXPECT_EQ(full.text,
            "\n## H-1234: Measure first\n\n**Confidence**: 0.85\n**Source**: failure\n"
            "**Created**: 2026-01-31\n\nBecause.\n\\## H-9: not a section\n\n---\n");
  const Effects bare = effects_of("elf", "heuristic", {{"domain", "d"}, {"rule", "r"}});
  EXPECT_EQ(bare.text,
            "\n## H-1234: r\n\n**Confidence**: 0.7\n**Source**: observation\n"
            "**Created**: 2026-01-31\n\n---\n");
}

TEST(Profiles, ElfDecision) {
  const Effects full = effects_of("elf", "decision",
                                  {{"title", "Use SQLite"},
                                   {"context", "c"},
                                   {"decision", "d"},
                                   {"rationale", "r"},
                                   {"options", "o"},
                                   {"domain", "db"},
                                   {"files", "a.cc"},
                                   {"tests", "t"}});
  EXPECT_EQ(full.path, "memory/decisions/2026-01-31-use-sqlite_1234.md");
  EXPECT_EQ(full.subject, "decision: Use SQLite");
  EXPECT_EQ(row_of(full),
            "decisions: title='Use SQLite' context='c' options_considered='o' decision='d' "
            "rationale='r' domain='db' files_touched='a.cc' tests_added='t' status='accepted' "
            "created_at='2026-01-31 23:59:59' updated_at='2026-01-31 23:59:59'");
  EXPECT_EQ(
      full.text,
      "# ADR-1234: Use SQLite\n\n**Domain**: db\n**Status**: accepted\n**Date**: 2026-01-31\n\n"
      "## Context\n\nc\n\n## Options Considered\n\no\n\n## Decision\n\nd\n\n## Rationale\n\nr\n\n"
      "## Files Touched\n\n- a.cc\n\n## Tests Added\n\n- t\n\n## Consequences\n");
  const Effects bare = effects_of("elf", "decision",
                                  {{"title", std::string(200, 'x')},
                                   {"context", "c"},
                                   {"decision", "d"},
                                   {"rationale", "## Decision\n\nnot this"}});
  EXPECT_EQ(bare.path, "memory/decisions/2026-01-31-" + std::string(50, 'x') + "_1234.md");
  EXPECT_TRUE(
      bare.text.ends_with("\n**Domain**: general\n**Status**: accepted\n**Date**: 2026-01-31\n\n"
                          "## Context\n\nc\n\n## Options Considered\n\n"
                          "## Decision\n\nd\n\n## Rationale\n\n\\## Decision\n\nnot this\n\n"
                          "## Files Touched\n\n## Tests Added\n\n## Consequences\n"))
      << bare.text;
}

struct Hostile {
  std::string title;
  std::string path;  // of a note with id 7
};

TEST(Profiles, HostileTitlesAreKeptInTheRowAndTamedInThePath) {
  const std::string five_hundred(500, 'x');
  const Hostile cases[] = {
      {"你好，世界", "title-"},
      {"Привет, мир", "title-"},
      {"😀🎉", "title-"},
      {"שלום עולם", "title-"},
      {"مرحبا ok", "notes/0000/ok-7.md"},
      {five_hundred, "notes/0000/" + std::string(100, 'x') + "-7.md"},
      {"\"quotes\" 'single' `tick`", "notes/0000/quotes-single-tick-7.md"},
      {"'; DROP TABLE notes; --", "notes/0000/drop-table-notes-7.md"},
      {"$(touch /x) `id` $HOME", "notes/0000/touch-x-id-home-7.md"},
      {"../../x", "notes/0000/x-7.md"},
      {".git/hooks/x", "notes/0000/git-hooks-x-7.md"},
      {"/etc/passwd", "notes/0000/etc-passwd-7.md"},
      {"-rf --no-preserve-root", "notes/0000/rf-no-preserve-root-7.md"},
      {"# heading {id} {{title}}", "notes/0000/heading-id-title-7.md"},
      {"%s%n\\x00", "notes/0000/s-n-x00-7.md"},
      {"\u202egnp.exe", "notes/0000/gnp-exe-7.md"},
  };
  for (const Hostile& hostile : cases) {
    const Effects effects =
        effects_of("notes", "note", {{"title", hostile.title}, {"body", hostile.title}}, 7);
    if (hostile.path == "title-") {
      EXPECT_EQ(effects.path.find("notes/0000/title-"), 0u) << effects.path;
      EXPECT_EQ(effects.path.size(), std::string("notes/0000/title-00000000-7.md").size());
    } else {
      EXPECT_EQ(effects.path, hostile.path);
    }
    EXPECT_EQ(std::get<std::string>(effects.columns[0].second), hostile.title);
    EXPECT_TRUE(effects.text.starts_with("# " + hostile.title + "\n\n")) << effects.text;
    EXPECT_TRUE(effects.text.ends_with("\n" + hostile.title + "\n")) << effects.text;
    EXPECT_TRUE(effects.subject.starts_with("note: " + to_one_line(hostile.title).substr(0, 8)));
  }
}

TEST(Profiles, HostileDomainsStayInTheirDirectory) {
  for (const std::string domain : {"../../x", ".git/hooks/x", "con", "你好", "..", "a/b", "-"}) {
    const Effects effects = effects_of("elf", "heuristic", {{"domain", domain}, {"rule", "r"}});
    EXPECT_TRUE(effects.path.starts_with("memory/heuristics/")) << effects.path;
    EXPECT_EQ(effects.path.find('/', 18), std::string::npos) << effects.path;
    EXPECT_TRUE(check_path(effects.path)) << effects.path;
    EXPECT_EQ(std::get<std::string>(effects.columns[0].second), domain);
  }
}

}  // namespace
}  // namespace syncline
