#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <string_view>

#include "engine/config/config.h"
#include "engine/config/kind_patterns.h"
#include "engine/config/near_name.h"
#include "engine/sqlite/table_ddl.h"

namespace syncline {
namespace {

// A configuration that is sound; each test spoils one thing.
constexpr std::string_view kSound = R"toml(schema = 1
profile = "mine"
database = "data/mine.db"

[author]
name = "Jürgen O'Neil"
email = "j@example.org"

[sync]
batch_records_max = 10
publish_interval_ms = 0
remote = "upstream"

[limits]
backlog_records_max = 5

[journal]
segment_bytes_max = 65536

[kind.event]
table = "events"
create_table = "CREATE TABLE IF NOT EXISTS events(id INTEGER PRIMARY KEY, what TEXT, size INTEGER)"
subject = "event: {what}"

[[kind.event.field]]
name = "what"
required = true
single_line = true
length_max = 20

[[kind.event.field]]
name = "size"
type = "integer"
minimum = 1
maximum = 9
words = { small = 2, big = 8 }
default = 5

[[kind.event.field]]
name = "ratio"
type = "real"

[[kind.event.field]]
name = "extra"

[kind.event.columns]
what = "{what}"
size = "{size}"

[kind.event.file]
path = "events/{what|slug:40}-{id}.md"
text = "{what}"
)toml";

std::string replaced(std::string_view what, std::string_view with) {
  std::string text(kSound);
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

// Expects a refusal whose message or hint holds each of the words.
void expect_refused(const std::string& text, std::initializer_list<std::string_view> words,
                    Code code = Code::kInvalid) {
  const auto config = parse_config(text);
  ASSERT_FALSE(config) << text;
  EXPECT_EQ(config.error().code, code);
  const std::string said = config.error().message + " | " + config.error().hint;
  for (const std::string_view word : words) {
    EXPECT_NE(said.find(word), std::string::npos) << "'" << word << "' is not in: " << said;
  }
}

void expect_refused(std::string_view what, std::string_view with,
                    std::initializer_list<std::string_view> words, Code code = Code::kInvalid) {
  expect_refused(replaced(what, with), words, code);
}

TEST(Config, SoundOneIsReadWhole) {
  const auto config = parse_config(std::string(kSound));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->text, kSound);
  EXPECT_EQ(config->profile, "mine");
  EXPECT_EQ(config->database, "data/mine.db");
  EXPECT_EQ(config->sync.author_name, "Jürgen O'Neil");
  EXPECT_EQ(config->sync.author_email, "j@example.org");
  EXPECT_EQ(config->sync.batch_records_max, 10u);
  EXPECT_EQ(config->sync.batch_bytes_max, 16u << 20) << "left out: the default";
  EXPECT_EQ(config->sync.publish_interval_ms, 0u);
  EXPECT_EQ(config->sync.remote, "upstream");
  EXPECT_EQ(config->backlog_records_max, 5u);
  EXPECT_EQ(config->segment_bytes_max, 65536u);
  ASSERT_EQ(config->kinds.size(), 1u);
  const KindSpec& kind = config->kinds[0];
  EXPECT_EQ(config->find_kind("event"), &kind);
  EXPECT_EQ(config->find_kind("Event"), nullptr);
  EXPECT_EQ(kind.id_column, "id");
  EXPECT_EQ(kind.operation, Operation::kCreate);
  ASSERT_EQ(kind.fields.size(), 4u);
  EXPECT_TRUE(kind.fields[0].required);
  EXPECT_TRUE(kind.fields[0].single_line);
  EXPECT_EQ(kind.fields[0].length_max, 20u);
  EXPECT_EQ(kind.fields[1].words.at("big"), 8);
  EXPECT_EQ(std::get<int64_t>(kind.fields[1].default_value), 5);
  EXPECT_EQ(kind.fields[2].type, FieldSpec::Type::kReal);
  EXPECT_EQ(kind.fields[3].length_max, 1'000'000u);
  ASSERT_EQ(kind.columns.size(), 2u);
  EXPECT_EQ(kind.columns[0].first, "what") << "in the order written";
  ASSERT_NE(kind.patterns, nullptr);
  EXPECT_EQ(kind.patterns->columns[1].typed_field, 1u);
}

TEST(Config, AThresholdThatIsNotSetIsNotWatched) {
  const auto none = parse_config(std::string(kSound));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->alert.retries_per_minute_max, std::nullopt);
  EXPECT_EQ(none->alert.disk_free_bytes_min, std::nullopt);
  const auto some = parse_config(replaced("[journal]",
                                          "[alert]\nretries_per_minute_max = 600\n"
                                          "backlog_records_max = 9\nuncommitted_age_s_max = 60\n"
                                          "unpublished_age_s_max = 70\nset_aside_max = 0\n"
                                          "disk_free_bytes_min = 4096\n\n[journal]"));
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(some->alert.retries_per_minute_max, 600u);
  EXPECT_EQ(some->alert.backlog_records_max, 9u);
  EXPECT_EQ(some->alert.uncommitted_age_s_max, 60u);
  EXPECT_EQ(some->alert.unpublished_age_s_max, 70u);
  EXPECT_EQ(some->alert.set_aside_max, 0u);
  EXPECT_EQ(some->alert.disk_free_bytes_min, 4096u);
  EXPECT_EQ(some->backlog_records_max, 5u) << "the limit of the same name is another thing";
}

TEST(Config, ThresholdsAreRefusedLikeAnySetting) {
  expect_refused("[journal]", "[alert]\nset_asides_max = 1\n\n[journal]",
                 {"'set_asides_max'", "[alert]", "did you mean 'set_aside_max'"});
  expect_refused("[journal]", "[alert]\ndisk_free_bytes_min = 0\n\n[journal]",
                 {"alert.disk_free_bytes_min must be from 1"});
  expect_refused("[journal]", "[alert]\nuncommitted_age_s_max = \"1m\"\n\n[journal]",
                 {"alert.uncommitted_age_s_max must be a whole number"});
  expect_refused("[journal]", "[alert]\nbacklog_records_max = -1\n\n[journal]",
                 {"alert.backlog_records_max must be from 0"});
  expect_refused("[limits]", "[alerts]", {"'alerts'", "did you mean 'alert'"});
}

TEST(Config, ReadsAgainFromItsOwnText) {
  const auto config = parse_config(std::string(kSound));
  ASSERT_TRUE(config);
  EXPECT_TRUE(parse_config(config->text));
}

TEST(Config, UnknownSettingsAreRefusedByNameAndLine) {
  expect_refused("profile = ", "profil = ", {"line 2", "'profil'", "did you mean 'profile'"});
  expect_refused("batch_records_max", "batch_record_max",
                 {"line 10", "[sync]", "did you mean 'batch_records_max'"});
  expect_refused("remote = \"upstream\"", "branch = \"refs/heads/main\"", {"'branch'", "[sync]"});
  expect_refused("[limits]", "[limit]", {"'limit'", "did you mean 'limits'"});
  expect_refused("single_line", "singleline", {"'singleline'", "kind.event.field"});
  expect_refused("path = ", "pathh = ", {"'pathh'"});
  expect_refused("email", "e-mail", {"'e-mail'", "[author]"});
}

TEST(Config, WhatIsNoTomlIsRefusedWithItsLine) {
  expect_refused(std::string("schema = 1\nprofile = \n"), {"line 2"});
  expect_refused("schema = 1\nschema = 1\n", {"line 2"});
  expect_refused(std::string("schema = 1\n# \xff\n"), {"UTF-8"});
  expect_refused(std::string(2u << 20, '#'), {"longer than"});
  expect_refused("", {"schema"});
  expect_refused("\n", {"schema"});
}

// Text that violates what the TOML library asserts of it: a refusal with its line, never an abort.
TEST(Config, HalfATableHeaderIsRefusedWithItsLine) {
  for (const std::string header : {"[\n", "[[[a]]]\n", "[[=", "[[\n"}) {
    const auto config = parse_config("schema = 1\n" + header);
    ASSERT_FALSE(config) << header;
    EXPECT_EQ(config.error().code, Code::kInvalid);
    EXPECT_NE(config.error().message.find("line 2"), std::string::npos) << config.error().message;
  }
}

// The TOML library quotes what it saw as it is.
TEST(Config, RefusalsOfTomlAreOneLine) {
  for (const std::string value : {"t\nrue", "t\r\nx", "\"a\nb\"", "1\n_", "{\n"}) {
    const auto config = parse_config("schema = 1\nprofile = " + value + "\n");
    ASSERT_FALSE(config) << value;
    EXPECT_EQ(config.error().message.find_first_of("\r\n"), std::string::npos)
        << config.error().message;
  }
}

TEST(Config, OtherSchemasAreRefused) {
  expect_refused("schema = 1", "", {"schema"});
  expect_refused("schema = 1", "schema = 2", {"schema 2"}, Code::kUnsupported);
  expect_refused("schema = 1", "schema = \"1\"", {"a whole number"});
}

TEST(Config, WrongTypesAreNamed) {
  expect_refused("batch_records_max = 10", "batch_records_max = \"10\"",
                 {"line 10", "sync.batch_records_max", "a whole number", "a text"});
  expect_refused("profile = \"mine\"", "profile = 3", {"profile must be a text"});
  expect_refused("required = true", "required = \"yes\"", {"true or false"});
  expect_refused("default = 5", "default = [5]", {"default", "a list"});
  expect_refused("default = 5", "default = 2026-01-01", {"a date"});
  expect_refused("words = { small = 2, big = 8 }", "words = [1]", {"a table"});
  expect_refused("words = { small = 2, big = 8 }", "words = { small = \"2\" }", {"a number"});
  expect_refused("[limits]\nbacklog_records_max = 5", "[[limits]]\nbacklog_records_max = 5",
                 {"limits must be a table"});
}

TEST(Config, NumbersOutOfRangeAreRefused) {
  for (const std::string_view value : {"0", "-1", "100001", "9223372036854775807"}) {
    expect_refused("batch_records_max = 10", "batch_records_max = " + std::string(value),
                   {"sync.batch_records_max must be from 1 to 100000"});
  }
  expect_refused("backlog_records_max = 5", "backlog_records_max = 0", {"from 1"});
  expect_refused("backlog_records_max = 5", "backlog_bytes_max = 1", {"from 4096"});
  expect_refused("segment_bytes_max = 65536", "segment_bytes_max = 1024", {"from 65536"});
  expect_refused("segment_bytes_max = 65536", "segment_bytes_max = 65537", {"multiple of 4096"});
  expect_refused("segment_bytes_max = 65536", "retain_bytes_max = 1", {"at least segment"});
  expect_refused("publish_interval_ms = 0", "publish_interval_ms = 86400001", {"86400000"});
  expect_refused("publish_interval_ms = 0", "consolidate_packs = 1", {"from 2 to 1000"});
  expect_refused("length_max = 20", "length_max = 0", {"length_max"});
}

TEST(Config, AuthorsThatGitCannotHoldAreRefused) {
  for (const std::string_view name : {R"("")", R"("a\nb")", R"("a <b>")", R"("a\u0000b")",
                                      R"(" a")", R"("...")", R"("a\u0085b")"}) {
    expect_refused("name = \"Jürgen O'Neil\"", "name = " + std::string(name),
                   {"line 6", "author.name"});
  }
  expect_refused("j@example.org", "j@example.org>", {"author.email"});
  expect_refused("j@example.org", "", {"author.email"});
}

TEST(Config, DatabasesOutsideTheStoreAreRefused) {
  for (const std::string_view path :
       {"", "/tmp/x.db", "../x.db", ".git/x.db", "a/../x.db", "a:b"}) {
    expect_refused("data/mine.db", path, {"database"});
  }
  expect_refused("data/mine.db", "Syncline.toml", {"syncline.toml itself"});
}

TEST(Config, RemotesAreNamesOnly) {
  for (const std::string_view remote :
       {"ext::sh -c evil", "--upload-pack=x", "", "https://x/y", "../x", "a b", "git@host:x"}) {
    expect_refused("upstream", remote, {"sync.remote", "line 12"});
  }
}

TEST(Config, NamesMustBePlain) {
  expect_refused(R"(table = "events")", R"(table = "sqlite_master")", {"no name for a table"});
  expect_refused(R"(table = "events")", R"(table = "Syncline_keys")", {"no name for a table"});
  expect_refused(R"(table = "events")", R"(table = "a\"; DROP TABLE b")", {"no name for a table"});
  expect_refused(R"(table = "events")", "", {"has no table"});
  expect_refused(R"(what = "{what}")", R"("a b" = "{what}")", {"no column name"});
  expect_refused(R"(what = "{what}")", R"(ID = "{what}")", {"the id column"});
  expect_refused(R"(what = "{what}")", "SIZE = \"{what}\"", {"the same column"});
  expect_refused(R"(name = "what")", R"(name = "What")", {"no name for a field"});
  expect_refused(R"(name = "what")", R"(name = "id")", {"the name of a slot"});
  expect_refused(R"(name = "what")", R"(name = "store")", {"the name of a slot"});
  expect_refused(R"(name = "what")", R"(name = "wait")", {"option of `syncline record`"});
  expect_refused(R"(name = "extra")", R"(name = "what")", {"declared twice"});
  expect_refused(R"(name = "extra")", "", {"has no name"});
  std::string text(kSound);
  for (size_t at = 0; (at = text.find("kind.event", at)) != std::string::npos;) {
    text.replace(at, 10, "kind.Event");
  }
  expect_refused(text, {"no name for a kind"});
}

TEST(Config, FieldRulesMustFitTheirType) {
  expect_refused("type = \"integer\"", "type = \"int\"", {"'int'"});
  expect_refused("type = \"integer\"\n", "", {"minimum, maximum and words are for numbers"});
  expect_refused("type = \"real\"", "type = \"real\"\nsingle_line = true", {"single_line"});
  expect_refused("minimum = 1\n", "", {"go together"});
  expect_refused("minimum = 1", "minimum = 9", {"go together"});
  expect_refused("big = 8", "big = 10", {"'big'", "outside"});
  expect_refused("big = 8", "big = 8.5", {"'big'", "whole number"});
  expect_refused("big = 8", "Big = 8", {"'Big'"});
  expect_refused("default = 5", "default = 10", {"outside"});
  expect_refused("default = 5", "default = 5.0", {"decimal point"});
  expect_refused("default = 5", "default = \"big\"", {"its default is not"});
  expect_refused("default = 5", "default = 5\nrequired = true", {"never be used"});
  expect_refused("name = \"extra\"", "name = \"extra\"\ndefault = 5", {"its default is not"});
  expect_refused("name = \"extra\"", "name = \"extra\"\ndefault = \"\"", {"empty default"});
  expect_refused("name = \"extra\"", "name = \"extra\"\ndefault = \"abc\"\nlength_max = 2",
                 {"longer than length_max"});
  expect_refused("name = \"extra\"", "name = \"extra\"\ndefault = \"a\\nb\"\nsingle_line = true",
                 {"single line"});
}

TEST(Config, PatternsAreCheckedWhenRead) {
  expect_refused("{what|slug:40}", "{whta|slug:40}",
                 {"line 51", "kind.event.file.path", "'whta'", "did you mean 'what'"});
  expect_refused("event: {what}", "event: {what|sulg}", {"kind.event.subject", "'sulg'"});
  expect_refused("size = \"{size}\"", "size = \"{sise}\"", {"kind.event.columns.size", "'sise'"});
  expect_refused("text = \"{what}\"", "text = \"{what\"", {"kind.event.file.text", "never closed"});
  expect_refused("text = \"{what}\"", "text = \"\"", {"has no text"});
  expect_refused("subject = \"event: {what}\"", "", {"has no subject"});
  expect_refused("subject = \"event: {what}\"", "subject = \"{path}\"", {"too long"});
  expect_refused("text = \"{what}\"", "text = \"x\"\nheader = \"x\"",
                 {"created file has no header"});
}

TEST(Config, CreatedPathsMustHoldASeparateId) {
  const auto path = [](std::string_view pattern) {
    return replaced("events/{what|slug:40}-{id}.md", pattern);
  };
  for (const std::string_view pattern :
       {"{id}", "{id}.md", "{id}/{what}.md", "{what}/{id}", "{what}-{id}.md", "{id}-{what}.md",
        "{date}-{what|slug:50}_{id}.md", "e{id}.md", "{shard}/{date_basic}_{what}_{id}.md",
        "{what}-{id}{store}.md", "événements/{id}.md"}) {
    const auto config = parse_config(path(pattern));
    EXPECT_TRUE(config) << pattern << ": " << (config ? "" : config.error().message);
  }
  expect_refused(path("{what}.md"), {"must hold {id}"});
  for (const std::string_view pattern :
       {"{what}{id}.md", "{id}{what}.md", "{what}-{id}-{what}.md", "1{id}.md", "{id}7.md",
        "{date_basic}{id}.md", "{shard}{id}"}) {
    expect_refused(path(pattern), {"two records could share a path"});
  }
}

TEST(Config, UnsafePathsAreRefused) {
  const auto path = [](std::string_view pattern) {
    return replaced("events/{what|slug:40}-{id}.md", pattern);
  };
  for (const std::string_view pattern :
       {"../{id}.md", "/{id}.md", ".git/{id}.md", "a/.git/{id}", "a//{id}", "git~{id}",
        "com{id}.md", "lpt{id}", "-{id}.md", "a:{id}", "{id}.md ", "{id}.", "{id}.md/",
        ".GIT/hooks/{id}", "a\u200c/{id}"}) {
    expect_refused(path(pattern), {"kind.event.file.path", "unsafe"}, Code::kUnsafePath);
  }
  expect_refused(path(""), {"has no path"});
  expect_refused(path("{id}-{path}"), {"part of itself"});
  expect_refused(path("{id}-{time}"), {"colons"});
  expect_refused(path("{?extra}{extra}{/extra}-{id}"), {"optional parts"});
  expect_refused(path("{extra}-{id}.md"), {"'extra' may be absent"});
  expect_refused(path("{what|slug:150}{what|slug:150}-{id}.md"), {"grow past 200 bytes"});
  std::string many = "{id}";
  for (int i = 0; i < 8; ++i) many += "/{what|slug:150}";
  expect_refused(path(many), {"1000 in all"});
  EXPECT_TRUE(parse_config(path("{size}-{id}.md"))) << "a field with a default is always there";
}

TEST(Config, AppendKindsNeedNoId) {
  const std::string text = replaced("path = \"events/{what|slug:40}-{id}.md\"",
                                    "mode = \"append\"\nheader = \"# {what}\"\n"
                                    "path = \"events/{what}.md\"");
  const auto config = parse_config(text);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kinds[0].operation, Operation::kAppend);
  expect_refused("path = \"events/", "mode = \"apend\"\npath = \"events/", {"'apend'"});
  std::string header = text;
  header.replace(header.find("# {what}"), 8, "# {id}");
  expect_refused(header, {"kind.event.file.header", "all records of its file"});
}

TEST(Config, TablesAreMadeIdempotently) {
  expect_refused("CREATE TABLE IF NOT EXISTS", "CREATE TABLE", {"IF NOT EXISTS"});
  expect_refused("CREATE TABLE IF NOT EXISTS", "DROP TABLE events; CREATE TABLE IF NOT EXISTS",
                 {"must begin with"});
  EXPECT_TRUE(
      parse_config(replaced("CREATE TABLE IF NOT EXISTS", "  create\\n table if  NOT exists")))
      << "white space and case are free";
}

TEST(Config, KindsMayShareATable) {
  const std::string_view second = R"toml(
[kind.other]
table = "events"
subject = "other: {what}"
[[kind.other.field]]
name = "what"
required = true
[kind.other.columns]
what = "{what}"
[kind.other.file]
path = "others/{id}.md"
text = "{what}"
)toml";
  const auto config = parse_config(std::string(kSound) + std::string(second));
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->kinds.size(), 2u);
  EXPECT_EQ(config->kinds[0].name, "event") << "in the order written";
  EXPECT_EQ(config->kinds[1].create_table, config->kinds[0].create_table);
  std::string other_id(second);
  other_id.insert(other_id.find("subject"), "id_column = \"rowid_\"\n");
  expect_refused(std::string(kSound) + other_id, {"share a table"});
}

TEST(Config, IndexesNameColumnsOfTheTable) {
  const std::string line = "\nsubject";
  const auto with = [&](const std::string& indexes) {
    std::string text(kSound);
    return text.insert(text.find(line), "\nindexes = " + indexes);
  };
  const auto config = parse_config(with("[\"what\", \"size desc, what\"]"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kinds[0].indexes, (std::vector<std::string>{"what", "size desc, what"}));
  EXPECT_TRUE(check_outside_config(*config));
  expect_refused(with("\"what\""), {"indexes must be a list"});
  expect_refused(with("[3]"), {"indexes must be a list of texts"});
  expect_refused(with("[\"what) WHERE (1\"]"), {"indexes", "what) WHERE (1", "desc"});
  const auto unknown = parse_config(with("[\"color\"]"));
  ASSERT_TRUE(unknown) << "a journalled one is taken as it is";
  const Status refused = check_outside_config(*unknown);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("no index (color)"), std::string::npos);
}

TEST(Config, NothingToRecordIsRefused) {
  expect_refused("schema = 1\n", {"there is no kind"});
  expect_refused("schema = 1\n[kind.x]\n", {"kind.x has no table"});
  expect_refused("schema = 1\nkind = 3\n", {"kind must be a table"});
  expect_refused("schema = 1\n[kind]\nx = 3\n", {"kind.x must be a table"});
}

TEST(Config, LinesEndingInCarriageReturnsMeanTheSame) {
  std::string text;
  for (const char c : kSound) {
    if (c == '\n') text += '\r';
    text += c;
  }
  const auto config = parse_config(text);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kinds[0].create_table,
            parse_config(std::string(kSound))->kinds[0].create_table);
}

TEST(NearName, FindsTyposAndAbbreviations) {
  const std::vector<std::string> names = {"title", "body", "tags", "description"};
  EXPECT_EQ(nearest_name("titel", names), "title");
  EXPECT_EQ(nearest_name("tag", names), "tags");
  EXPECT_EQ(nearest_name("desc", names), "description");
  EXPECT_EQ(nearest_name("xyzzy", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(near_name_hint("xyzzy", names), "there are: title, body, tags, description");
}

TEST(NearName, QuotedTextIsOneShortLineOfText) {
  EXPECT_EQ(quote_for_message("a\nb\x1b"), "'a?b?'");
  EXPECT_EQ(quote_for_message("\xff\xfe"),
            "'?"
            "?'");
  const std::string quoted = quote_for_message(std::string(1000, 'x'));
  EXPECT_LT(quoted.size(), 100u);
  EXPECT_LT(quote_for_message(std::string(1000, '\x80')).size(), 100u);
}

// ---- the statement that makes a table ----

constexpr std::string_view kMake = "CREATE TABLE IF NOT EXISTS t(";

TEST(TableDdlTest, OrdinaryTablesAreMade) {
  for (const std::string columns :
       {"id INTEGER PRIMARY KEY, a TEXT)", "id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE);",
        "id INTEGER PRIMARY KEY, a CHECK(length(a) > 0), b DEFAULT CURRENT_TIMESTAMP) -- so\n;",
        "id INTEGER PRIMARY KEY, a REFERENCES other(b), c AS (upper(a)))",
        "id INTEGER PRIMARY KEY, day DEFAULT (date('now')), UNIQUE(day))"}) {
    const auto made = check_table_ddl("t", std::string(kMake) + columns);
    EXPECT_TRUE(made) << columns << made.error().message;
  }
}

TEST(TableDdlTest, NothingButTheOneTableIsMadeReadOrCalled) {
  const std::string table = std::string(kMake) + "id INTEGER PRIMARY KEY)";
  for (const std::string& ddl :
       {table + "; ATTACH '/nowhere/x.db' AS p", table + "; CREATE TABLE IF NOT EXISTS u(a)",
        table + "; PRAGMA journal_mode=OFF", table + "; DROP TABLE notes", table + ";;SELECT 1",
        table + "; INSERT INTO t VALUES(1)", std::string("CREATE TABLE IF NOT EXISTS u(a)"),
        std::string("CREATE TABLE IF NOT EXISTS temp.t(a)"), std::string("SELECT 1"),
        std::string("CREATE TEMP TABLE t(a)"), std::string("CREATE VIEW t AS SELECT 1"),
        std::string("CREATE TABLE IF NOT EXISTS t AS SELECT * FROM sqlite_schema"),
        std::string("CREATE TABLE IF NOT EXISTS t AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
                    "SELECT x FROM c) SELECT x FROM c"),
        std::string(kMake) + "id INTEGER PRIMARY KEY, a DEFAULT (zeroblob(1000000000)))",
        std::string(kMake) + "id INTEGER PRIMARY KEY, a CHECK(load_extension(a)))",
        table + "; CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END",
        std::string("CREATE VIRTUAL TABLE t USING fts5(a)"), std::string("-- nothing"),
        std::string()}) {
    const auto made = check_table_ddl("t", ddl);
    ASSERT_FALSE(made) << ddl;
    EXPECT_EQ(made.error().code, Code::kInvalid) << ddl;
  }
}

TEST(TableDdlTest, AConfigurationIsHeldToIt) {
  std::string text(kSound);
  const std::string ddl = "what TEXT, size INTEGER)";
  text.replace(text.find(ddl), ddl.size(), ddl + "; ATTACH '/nowhere/x.db' AS p");
  const auto config = parse_config(text);
  ASSERT_TRUE(config) << config.error().message;
  const auto tables = check_outside_config(*config);
  ASSERT_FALSE(tables);
  EXPECT_EQ(tables.error().code, Code::kInvalid);
  const auto sound = parse_config(std::string(kSound));
  ASSERT_TRUE(sound);
  EXPECT_TRUE(check_outside_config(*sound));
}

TEST(TableDdlTest, MemoryThatRunsOutIsNotTheConfigurationsFault) {
  const auto config = parse_config(std::string(kSound));
  ASSERT_TRUE(config);
  const sqlite3_int64 used = sqlite3_memory_used();
  int failures = 0;
  bool done = false;
  for (sqlite3_int64 room = 1024; !done && room < (1 << 24); room += 1024) {
    sqlite3_hard_heap_limit64(used + room);
    const Status checked = check_outside_config(*config);
    sqlite3_hard_heap_limit64(0);
    done = checked.has_value();
    if (done) break;
    ++failures;
    EXPECT_EQ(checked.error().code, Code::kRetryLater) << checked.error().message;
  }
  EXPECT_TRUE(done);
  EXPECT_GT(failures, 10);
}

}  // namespace
}  // namespace syncline
