#include "tools/record_arguments.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

using Form = RecordArguments::Field::Form;

Result<RecordArguments> parse(const std::vector<std::string>& arguments) {
  return parse_record_arguments(arguments, {});
}

KindSpec make_kind(const std::vector<std::string>& fields) {
  KindSpec kind;
  kind.name = "note";
  for (const std::string& name : fields) kind.fields.push_back({.name = name});
  return kind;
}

Result<std::string> no_files(const std::string& path) {
  return make_error(Code::kNotFound, "no file is expected to be read: " + path);
}

TEST(RecordArguments, FieldsKeepTheirOrder) {
  const auto parsed = parse({"note", "--title", "Hello", "--body=World", "--tags", ""});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->kind, "note");
  ASSERT_EQ(parsed->fields.size(), 3u);
  EXPECT_EQ(parsed->fields[0].name, "title");
  EXPECT_EQ(parsed->fields[0].value, "Hello");
  EXPECT_EQ(parsed->fields[1].name, "body");
  EXPECT_EQ(parsed->fields[1].value, "World");
  EXPECT_EQ(parsed->fields[2].value, "");
  EXPECT_EQ(parsed->wait, Stage::kApplied);
}

TEST(RecordArguments, TheKindMayStandAnywhere) {
  const auto parsed = parse({"--title", "Hello", "note", "--body", "x"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->kind, "note");
  EXPECT_EQ(parsed->fields.size(), 2u);
}

TEST(RecordArguments, GlobalOptionsAreTakenAfterTheVerb) {
  const auto parsed =
      parse({"note", "--json", "--title", "x", "--store", "/s", "--timeout", "0.5"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->globals.json);
  EXPECT_EQ(*parsed->globals.store, "/s");
  EXPECT_EQ(*parsed->globals.timeout_ms, 500);
  EXPECT_EQ(parsed->fields.size(), 1u);
}

// The profile `packages` has such a field.
TEST(RecordArguments, AVersionWithAValueIsAField) {
  for (const std::vector<std::string>& version :
       {std::vector<std::string>{"--version", "1.0"}, {"--version=1.0"}}) {
    std::vector<std::string> arguments = {"package", "--name", "a"};
    arguments.insert(arguments.end(), version.begin(), version.end());
    arguments.insert(arguments.end(), {"--key", "k"});
    const auto parsed = parse(arguments);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_FALSE(parsed->globals.version);
    ASSERT_EQ(parsed->fields.size(), 2u);
    EXPECT_EQ(parsed->fields[1].name, "version");
    EXPECT_EQ(parsed->fields[1].value, "1.0");
    EXPECT_EQ(parsed->key, "k");
  }
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"package", "--version"}, {"package", "--version", "--json"}}) {
    const auto parsed = parse(asked);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(parsed->globals.version);
    EXPECT_TRUE(parsed->fields.empty());
  }
  const auto refused = parse({"note", "--json", "text"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("--field NAME=VALUE"), std::string::npos);
}

TEST(RecordArguments, ThoseBeforeTheVerbStay) {
  const auto parsed = parse_record_arguments({"note"}, {.store = "/before", .json = true});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed->globals.store, "/before");
  EXPECT_TRUE(parsed->globals.json);
}

TEST(RecordArguments, ValuesMayBeginWithADash) {
  const auto parsed = parse({"note", "--title", "-5", "--body", "---\nfront: matter\n---\n",
                             "--tags=--json", "--summary", "-", "--list", "- one\n- two"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE(parsed->globals.json);
  EXPECT_EQ(parsed->fields[0].value, "-5");
  EXPECT_EQ(parsed->fields[1].value, "---\nfront: matter\n---\n");
  EXPECT_EQ(parsed->fields[2].value, "--json");
  EXPECT_EQ(parsed->fields[3].value, "-");
  EXPECT_EQ(parsed->fields[4].value, "- one\n- two");
}

TEST(RecordArguments, AnOptionIsNeverSwallowedAsAValue) {
  const auto parsed = parse({"note", "--title", "--json"});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::kInvalid);
  EXPECT_NE(parsed.error().hint.find("--title=--json"), std::string::npos);
  EXPECT_FALSE(parse({"note", "--title"}));
  EXPECT_FALSE(parse({"note", "--title", "--"}));
}

TEST(RecordArguments, FieldsNamedLikeOptionsHaveAnEscape) {
  const auto parsed = parse({"note", "--field", "json=1", "--field=key=a=b", "--field-file",
                             "help=notes.txt", "--key", "k"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE(parsed->globals.json);
  EXPECT_EQ(parsed->key, "k");
  ASSERT_EQ(parsed->fields.size(), 3u);
  EXPECT_EQ(parsed->fields[0].name, "json");
  EXPECT_EQ(parsed->fields[1].name, "key");
  EXPECT_EQ(parsed->fields[1].value, "a=b");
  EXPECT_EQ(parsed->fields[2].form, Form::kFieldFile);
  EXPECT_FALSE(parse({"note", "--field", "no-equals"}));
  EXPECT_FALSE(parse({"note", "--field", "=x"}));
}

TEST(RecordArguments, AfterDoubleDashOnlyTheKindStands) {
  EXPECT_EQ(parse({"--title", "x", "--", "note"})->kind, "note");
  EXPECT_EQ(parse({"--", "--odd-kind"})->kind, "--odd-kind");
  EXPECT_FALSE(parse({"note", "--", "--title"}));
}

TEST(RecordArguments, MistakesAreNamed) {
  EXPECT_NE(parse({"note", "two", "--title", "x"}).error().message.find("'two'"),
            std::string::npos);
  EXPECT_NE(parse({"note", "-t", "x"}).error().message.find("'-t'"), std::string::npos);
  EXPECT_NE(parse({"--title", "x"}).error().message.find("kind"), std::string::npos);
  EXPECT_NE(parse({"note", "--wait", "soon"}).error().hint.find("published"), std::string::npos);
  EXPECT_FALSE(parse({"note", "--key="}));
  EXPECT_FALSE(parse({""}));
  EXPECT_FALSE(parse({}));
}

TEST(RecordArguments, HelpNeedsNoKind) {
  EXPECT_TRUE(parse({"--help"})->globals.help);
  EXPECT_TRUE(parse({"-h"})->globals.help);
}

TEST(RecordArguments, StagesAreKnownByName) {
  EXPECT_EQ(parse({"note", "--wait", "journaled"})->wait, Stage::kJournaled);
  EXPECT_EQ(parse({"note", "--wait=pushed"})->wait, Stage::kPushed);
}

TEST(RecordArguments, WhatIsReplacedIsANumber) {
  EXPECT_EQ(parse({"note", "--title", "a"})->replaces, std::nullopt);
  EXPECT_EQ(parse({"note", "--replaces", "12"})->replaces, 12U);
  EXPECT_FALSE(parse({"note", "--replaces", "soon"}));
}

TEST(ResolveFields, FileFlagsReadTheFile) {
  const KindSpec kind = make_kind({"title", "body"});
  const auto parsed = parse({"note", "--title", "t", "--body-file", "b.md"});
  const auto fields = resolve_fields(*parsed, &kind, [](const std::string& path) {
    return Result<std::string>("content of " + path + "\n");
  });
  ASSERT_TRUE(fields);
  ASSERT_EQ(fields->size(), 2u);
  EXPECT_EQ((*fields)[1].first, "body");
  EXPECT_EQ(std::get<std::string>((*fields)[1].second), "content of b.md\n");
}

TEST(ResolveFields, AFieldThatIsNamedFileIsAField) {
  const KindSpec kind = make_kind({"body", "body-file"});
  const auto parsed = parse({"note", "--body-file", "text"});
  const auto fields = resolve_fields(*parsed, &kind, no_files);
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ((*fields)[0].first, "body-file");
}

TEST(ResolveFields, ASingleLineLosesTheNewlineThatEchoLeaves) {
  KindSpec kind = make_kind({"title", "body"});
  kind.fields[0].single_line = true;
  const auto parsed = parse({"note", "--title-file", "a", "--body-file", "b"});
  const auto fields = resolve_fields(
      *parsed, &kind, [](const std::string&) { return Result<std::string>("line\n\n"); });
  ASSERT_TRUE(fields);
  EXPECT_EQ(std::get<std::string>((*fields)[0].second), "line\n");
  EXPECT_EQ(std::get<std::string>((*fields)[1].second), "line\n\n");
}

TEST(ResolveFields, DashesStandForUnderscores) {
  const KindSpec kind = make_kind({"source_type"});
  const auto fields = resolve_fields(*parse({"note", "--source-type", "x"}), &kind, no_files);
  ASSERT_TRUE(fields);
  EXPECT_EQ((*fields)[0].first, "source_type");
}

TEST(ResolveFields, UnknownNamesArePassedOnForTheEngineToRefuse) {
  const KindSpec kind = make_kind({"title"});
  const auto fields = resolve_fields(*parse({"note", "--colour-file", "x"}), &kind, no_files);
  ASSERT_TRUE(fields);
  EXPECT_EQ((*fields)[0].first, "colour-file");
  EXPECT_TRUE(resolve_fields(*parse({"note", "--a", "x"}), nullptr, no_files));
}

TEST(ResolveFields, TwiceIsRefusedHoweverWritten) {
  const KindSpec kind = make_kind({"title", "body"});
  EXPECT_FALSE(
      resolve_fields(*parse({"note", "--title", "a", "--field", "title=b"}), &kind, no_files));
  const auto both_stdin =
      resolve_fields(*parse({"note", "--title-file", "-", "--body-file", "-"}), &kind,
                     [](const std::string&) { return Result<std::string>("x"); });
  ASSERT_FALSE(both_stdin);
  EXPECT_NE(both_stdin.error().message.find("standard input"), std::string::npos);
}

TEST(ResolveFields, AnUnreadableFileIsTheError) {
  const KindSpec kind = make_kind({"body"});
  const auto fields = resolve_fields(*parse({"note", "--body-file", "gone"}), &kind, no_files);
  ASSERT_FALSE(fields);
  EXPECT_EQ(fields.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace syncline
