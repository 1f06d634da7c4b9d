// verify, of append files: each section is looked for by itself alone, and what a person does to
// one is a note.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "syncline/store.h"
#include "tests/engine/store/store_fixture.h"

namespace syncline {
namespace {

constexpr const char* kConfiguration = R"toml(schema = 1
database = "lists.db"

[kind.item]
table = "items"
create_table = "CREATE TABLE IF NOT EXISTS items(id INTEGER PRIMARY KEY, text TEXT)"
subject = "item"
[[kind.item.field]]
name = "text"
required = true
[kind.item.columns]
text = "{text}"
[kind.item.file]
mode = "append"
path = "items.md"
header = "# Items"
text = "{text}\n"

[kind.rule]
table = "rules"
create_table = "CREATE TABLE IF NOT EXISTS rules(id INTEGER PRIMARY KEY, rule TEXT)"
subject = "rule: {rule}"
[[kind.rule.field]]
name = "rule"
required = true
[kind.rule.columns]
rule = "{rule}"
[kind.rule.file]
mode = "append"
path = "rules.md"
header = "# Rules"
text = "\n## H-{id}: {rule}\n"
)toml";

class VerifierSectionsTest : public StoreTest {
 protected:
  void SetUp() override {
    fs::create_directory(root());
    write("syncline.toml", kConfiguration);
    StoreTest::SetUp();
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root() + "/" + name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const { return read_text(root() + "/" + name); }
  void replace(const std::string& name, const std::string& from, const std::string& to) const {
    std::string text = read(name);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    write(name, text.replace(at, from.size(), to));
  }
  void must_record(const std::string& kind, const std::vector<std::string>& texts) const {
    const auto store = Store::open(root(), {});
    ASSERT_TRUE(store) << store.error().message;
    for (const std::string& text : texts) {
      StoreTest::must_record(
          **store, {.kind = kind, .fields = {{kind == "item" ? "text" : "rule", text}}, .key = {}});
    }
    must_sync(**store);
  }
  void commit_all() const { git("commit -qam edit"); }
  // A line each: "fault CLASS seq", "note CLASS seq: detail".
  std::string said() const {
    const auto store = Store::open(root(), {});
    if (!store) return store.error().message;
    const auto report = (*store)->verify({});
    if (!report) return report.error().message;
    std::string text;
    for (const Finding& each : report->findings) {
      text += fmt::format("fault {} {}\n", finding_class_name(each.cls), each.seq);
    }
    for (const Finding& each : report->notes) {
      text += fmt::format("note {} {}: {}\n", finding_class_name(each.cls), each.seq, each.detail);
    }
    return text;
  }
};

TEST_F(VerifierSectionsTest, ALostOneIsNotFoundInAnotherThatHoldsItsText) {
  must_record("item", {"- a", "- b\n- a", "- a"});
  EXPECT_EQ(read("items.md"), "# Items\n- a\n- b\n- a\n- a\n");
  EXPECT_EQ(said(), "");
  write("items.md", "# Items\n- a\n- b\n- a\n");
  EXPECT_EQ(said(), "note file-differs 3: edited by hand in the work tree\n");
  write("items.md", "# Items\n- b\n- a\n");
  EXPECT_EQ(said(),
            "note file-differs 1: edited by hand in the work tree\n"
            "note file-differs 3: edited by hand in the work tree\n");
  write("items.md", "# Items\n- a\n- a\n- a\n");
  EXPECT_EQ(said(), "note file-differs 2: edited by hand in the work tree\n");
}

TEST_F(VerifierSectionsTest, OneThatTheBranchHoldsOnlyWithinAnotherIsNotThere) {
  must_record("item", {"- a", "- b\n- a"});
  write("items.md", "# Items\n- b\n- a\n");
  commit_all();
  EXPECT_EQ(said(), "note file-differs 1: removed by a person, on the branch\n");
  git("reset -q --soft HEAD~2");  // nobody is known to have removed it
  commit_all();
  EXPECT_EQ(said(),
            "fault unpublished 1\n"
            "note file-differs 1: edited by hand in the work tree\n");
}

TEST_F(VerifierSectionsTest, AFileThatAPersonRemovedIsANoteForEachOfItsSections) {
  must_record("rule", {"one", "two"});
  fs::remove(root() + "/rules.md");
  commit_all();
  EXPECT_EQ(said(),
            "note file-differs 1: removed by a person, on the branch\n"
            "note file-differs 2: removed by a person, on the branch\n");
}

TEST_F(VerifierSectionsTest, OneThatAPersonRewroteIsANoteOnTheBranchToo) {
  must_record("rule", {"measure first", "then cut"});
  replace("rules.md", "measure first", "measure twice");
  EXPECT_EQ(said(), "note file-differs 1: edited by hand in the work tree\n");
  commit_all();
  EXPECT_EQ(said(),
            "note file-differs 1: edited by a person, in the work tree and on the branch\n");
  replace("rules.md", "measure twice", "measure first");
  EXPECT_EQ(said(), "note file-differs 1: edited by a person, on the branch\n");
}

TEST_F(VerifierSectionsTest, AFileThatIsGoneIsAFaultOfEachOfItsSections) {
  must_record("rule", {"one", "two"});
  fs::remove(root() + "/rules.md");
  EXPECT_EQ(said(), "fault row-without-file 1\nfault row-without-file 2\n");
}

}  // namespace
}  // namespace syncline
