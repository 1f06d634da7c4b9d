#include "tests/e2e/store_under_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace syncline {
namespace {

namespace fs = std::filesystem;

std::string required_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') {
    throw std::runtime_error(std::string(name) + " is not set: run these tests by meson test");
  }
  return value;
}

// The directory that all files of a profile are below.
std::string directory_of(const std::string& profile) {
  return profile == "elf" ? "memory/" : profile + "/";
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  std::string part;
  while (std::getline(stream, part, separator)) parts.push_back(part);
  return parts;
}

// Problems are gathered and shown a few at a time: one cause can break thousands of files.
class Problems {
 public:
  explicit Problems(std::string where) : where_(std::move(where)) {}
  ~Problems() {
    if (count_ > 0)
      ADD_FAILURE() << where_ << ": " << count_ << " problems, among them\n" << shown_;
  }
  Problems(const Problems&) = delete;
  Problems& operator=(const Problems&) = delete;
  void add(const std::string& problem) {
    if (++count_ <= 5) shown_ += "  " + problem + "\n";
  }

 private:
  std::string where_;
  std::string shown_;
  int count_ = 0;
};

// What git would name each file's bytes, asked of git in one call.
std::map<std::string, std::string> work_tree_blobs(const StoreUnderTest& store,
                                                   const std::vector<std::string>& paths) {
  std::string input;
  for (const std::string& path : paths) input += path + "\n";
  ProcessOptions options{.input = input, .directory = store.root().string()};
  options.environment = plain_git_environment();
  const ProcessResult result =
      run_process({"git", "hash-object", "--no-filters", "--stdin-paths"}, options);
  EXPECT_TRUE(result.ok()) << result.describe();
  const std::vector<std::string> names = split(result.out, '\n');
  std::map<std::string, std::string> blobs;
  for (size_t index = 0; index < paths.size() && index < names.size(); ++index) {
    blobs[paths[index]] = names[index];
  }
  return blobs;
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  if (!fs::exists(directory)) return names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

// The files that the rows promise, heuristics' files included.
std::vector<std::string> promised_paths(const StoreUnderTest& store) {
  std::set<std::string> paths;
  for (const TableInfo& info : tables_of(store.profile())) {
    if (info.path_column.empty()) continue;
    for (const Json& row : store.sql("SELECT " + info.path_column + " AS p FROM " + info.table)) {
      const std::string path = row["p"].is_null() ? "(null)" : row["p"].get<std::string>();
      EXPECT_TRUE(paths.insert(path).second) << "two rows share " << path;
    }
  }
  if (store.profile() == "elf") {
    // Rows of these two tables name no file; expect_heuristic_sections and expect_decision_files
    // check them against the directories.
    for (const std::string directory : {"memory/heuristics", "memory/decisions"}) {
      for (const std::string& name : names_in(store.root() / directory)) {
        paths.insert(directory + "/" + name);
      }
    }
  }
  return {paths.begin(), paths.end()};
}

void expect_one_each(const StoreUnderTest& store, const std::string& table,
                     const std::map<int64_t, int>& found) {
  Problems problems(table);
  size_t rows = 0;
  for (const Json& row : store.sql("SELECT id FROM " + table)) {
    ++rows;
    const int64_t id = row["id"];
    const auto times = found.find(id);
    if (times == found.end() || times->second != 1) {
      problems.add("id " + std::to_string(id) + " is there " +
                   std::to_string(times == found.end() ? 0 : times->second) + " times");
    }
  }
  if (found.size() != rows) problems.add("there are more than rows");
}

void expect_heuristic_sections(const StoreUnderTest& store) {
  std::map<int64_t, int> sections;
  const fs::path directory = store.root() / "memory/heuristics";
  for (const std::string& name : names_in(directory)) {
    for (const std::string& line : split(read_whole(directory / name), '\n')) {
      if (line.starts_with("## H-")) ++sections[std::stoll(line.substr(5))];
    }
  }
  expect_one_each(store, "heuristics", sections);
}

void expect_decision_files(const StoreUnderTest& store) {
  std::map<int64_t, int> files;
  for (const std::string& name : names_in(store.root() / "memory/decisions")) {
    ++files[std::stoll(name.substr(name.rfind('_') + 1))];
  }
  expect_one_each(store, "decisions", files);
}

void expect_tree(const StoreUnderTest& store, const std::string& revision,
                 const std::vector<std::string>& paths,
                 const std::map<std::string, std::string>& on_disk) {
  Problems problems(revision);
  const auto tree = store.tree(revision);
  const auto additions = store.additions(revision);
  for (const std::string& path : paths) {
    const auto blob = tree.find(path);
    if (blob == tree.end()) {
      problems.add(path + " is not there");
      continue;
    }
    const auto bytes = on_disk.find(path);
    if (bytes == on_disk.end() || bytes->second != blob->second) {
      problems.add(path + " has other bytes than the work tree");
    }
    const auto added = additions.find(path);
    const int times = added == additions.end() ? 0 : added->second;
    if (times != 1) problems.add(path + " was added " + std::to_string(times) + " times");
  }
  if (tree.size() != paths.size()) {
    problems.add("it holds " + std::to_string(tree.size()) + " files, the rows promise " +
                 std::to_string(paths.size()));
  }
}

void expect_ids(const StoreUnderTest& store) {
  for (const TableInfo& info : tables_of(store.profile())) {
    EXPECT_EQ(store.count("SELECT count(*) FROM " + info.table + " WHERE id IS NULL OR id <= 0"), 0)
        << info.table;
    EXPECT_EQ(store.count("SELECT count(*) - count(DISTINCT id) FROM " + info.table), 0)
        << info.table;
  }
}

void expect_programs_content(const StoreUnderTest& store) {
  const ProcessResult fsck = store.try_git({"fsck", "--strict", "--no-dangling", "--no-progress"});
  EXPECT_TRUE(fsck.ok() && fsck.out.empty()) << "git fsck: " << fsck.describe();
  const Json integrity = store.sql("PRAGMA integrity_check");
  ASSERT_EQ(integrity.size(), 1U);
  EXPECT_EQ(integrity[0]["integrity_check"], "ok");
}

}  // namespace

std::string syncline_binary() {
  return required_environment("SYNCLINE_BIN");
}
std::string support_binary(const std::string& name) {
  return required_environment("SYNCLINE_SUPPORT") + "/" + name;
}

uint64_t test_scale() {
  const char* scale = std::getenv("SYNCLINE_TEST_SCALE");
  return scale == nullptr ? 1 : std::max<uint64_t>(1, std::strtoull(scale, nullptr, 10));
}

std::vector<TableInfo> tables_of(const std::string& profile) {
  if (profile == "elf") {
    return {{"learnings", "filepath"}, {"heuristics", ""}, {"decisions", ""}};
  }
  return {{profile, "path"}};
}

std::vector<std::string> plain_git_environment() {
  return {"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=A Person",
          "GIT_AUTHOR_EMAIL=person@example.org", "GIT_COMMITTER_NAME=A Person",
          "GIT_COMMITTER_EMAIL=person@example.org", "GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=true",
          // Looking writes nothing: git would refresh the index, and does not sync it.
          "GIT_OPTIONAL_LOCKS=0", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory",
          "GIT_CONFIG_VALUE_0=*", "LC_ALL=C.UTF-8"};
}

StoreUnderTest::StoreUnderTest(const std::string& profile, fs::path root,
                               std::vector<std::string> wrapper)
    : root_(std::move(root)), profile_(profile), wrapper_(std::move(wrapper)) {
  std::vector<std::string> arguments = wrapper_;
  arguments.insert(arguments.end(),
                   {syncline_binary(), "init", root_.string(), "--profile", profile_});
  const ProcessResult result = run_process(arguments);
  if (!result.ok()) throw std::runtime_error("syncline init: " + result.describe());
}

StoreUnderTest StoreUnderTest::existing(const std::string& profile, fs::path root) {
  StoreUnderTest store;
  store.root_ = std::move(root);
  store.profile_ = profile;
  return store;
}

fs::path StoreUnderTest::database() const {
  return root_ / (profile_ == "elf" ? "memory/index.db" : "syncline.db");
}

void StoreUnderTest::set(const std::string& name, const std::string& value) const {
  std::string text = read_whole(root_ / "syncline.toml");
  const size_t at = text.find(name);
  ASSERT_NE(at, std::string::npos) << name;
  const size_t begin = text.rfind('\n', at) + 1;
  text.replace(begin, text.find('\n', at) - begin, name + " = " + value);
  write_whole(root_ / "syncline.toml", text);
}

std::vector<std::string> StoreUnderTest::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> whole = wrapper_;
  whole.insert(whole.end(), {syncline_binary(), "--store", root_.string()});
  whole.insert(whole.end(), arguments.begin(), arguments.end());
  return whole;
}

ProcessResult StoreUnderTest::syncline(const std::vector<std::string>& arguments,
                                       const ProcessOptions& options) const {
  return run_process(command(arguments), options);
}

Json StoreUnderTest::json(const std::vector<std::string>& arguments, int exit_code,
                          const ProcessOptions& options) const {
  std::vector<std::string> with_json = arguments;
  with_json.emplace_back("--json");
  const ProcessResult result = syncline(with_json, options);
  EXPECT_EQ(result.exit_code, exit_code) << arguments.at(0) << ": " << result.describe();
  Json answer = Json::parse(result.out, nullptr, false);
  EXPECT_TRUE(answer.is_object()) << arguments.at(0) << ": " << result.describe();
  if (!answer.is_object()) return Json::object();
  EXPECT_EQ(answer.value("schema", 0), 1);
  return answer;
}

ProcessResult StoreUnderTest::try_git(const std::vector<std::string>& arguments) const {
  std::vector<std::string> whole{"git"};
  whole.insert(whole.end(), arguments.begin(), arguments.end());
  ProcessOptions options{.directory = root_.string()};
  options.environment = plain_git_environment();
  return run_process(whole, options);
}

std::string StoreUnderTest::git(const std::vector<std::string>& arguments) const {
  const ProcessResult result = try_git(arguments);
  EXPECT_TRUE(result.ok()) << "git " << arguments.at(0) << ": " << result.describe();
  std::string text = result.out;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Json StoreUnderTest::sql(const std::string& query) const {
  ProcessOptions options{.input = ".timeout 10000\n" + query + ";\n"};
  const ProcessResult result =
      run_process({"sqlite3", "-batch", "-json", database().string()}, options);
  EXPECT_TRUE(result.ok() && result.err.empty()) << query << ": " << result.describe();
  if (result.out.empty()) return Json::array();
  Json rows = Json::parse(result.out, nullptr, false);
  EXPECT_TRUE(rows.is_array()) << query << ": " << result.describe();
  return rows.is_array() ? rows : Json::array();
}

int64_t StoreUnderTest::count(const std::string& query) const {
  const Json rows = sql(query);
  if (rows.size() != 1 || rows[0].size() != 1) {
    ADD_FAILURE() << query << ": not one number";
    return -1;
  }
  return rows[0].begin().value().get<int64_t>();
}

std::string StoreUnderTest::own_ref() const {
  const std::vector<std::string> refs =
      split(git({"for-each-ref", "--format=%(refname)", "refs/syncline"}), '\n');
  return refs.size() == 1 ? refs[0] : std::string("refs/syncline/not-one-ref");
}

std::map<std::string, std::string> StoreUnderTest::tree(const std::string& revision) const {
  std::map<std::string, std::string> blobs;
  for (const std::string& entry : split(git({"ls-tree", "-r", "-z", revision}), '\0')) {
    const size_t tab = entry.find('\t');
    if (tab == std::string::npos || tab < 40) continue;
    const std::string path = entry.substr(tab + 1);
    // What a person keeps beside the store's directories is theirs.
    if (path.starts_with(directory_of(profile_))) blobs[path] = entry.substr(tab - 40, 40);
  }
  return blobs;
}

std::map<std::string, int> StoreUnderTest::additions(const std::string& revision) const {
  std::map<std::string, int> counts;
  const std::string log =
      git({"log", "--format=", "--name-only", "--no-renames", "-z", "--diff-filter=A", revision});
  for (const std::string& path : split(log, '\0')) {
    if (!path.empty()) ++counts[path];
  }
  return counts;
}

uint64_t StoreUnderTest::row_count() const {
  uint64_t rows = 0;
  for (const TableInfo& info : tables_of(profile_)) {
    rows += static_cast<uint64_t>(count("SELECT count(*) FROM " + info.table));
  }
  return rows;
}

void StoreUnderTest::record_notes(int count) const {
  for (int call = 0; call < count; ++call) {
    json({"record", "note", "--title", "note " + std::to_string(call)});
  }
}

void StoreUnderTest::remove_database() const {
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(database().string() + suffix);
}

void expect_applied_and_folded(const StoreUnderTest& store, uint64_t records) {
  EXPECT_EQ(store.row_count(), records);
  expect_ids(store);
  if (store.profile() == "elf") {
    expect_heuristic_sections(store);
    expect_decision_files(store);
  }
  const std::vector<std::string> paths = promised_paths(store);
  const auto on_disk = work_tree_blobs(store, paths);
  if (records > 0) expect_tree(store, store.own_ref(), paths, on_disk);
  expect_programs_content(store);
}

void expect_agreement(const StoreUnderTest& store, uint64_t records) {
  expect_applied_and_folded(store, records);
  const std::vector<std::string> paths = promised_paths(store);
  expect_tree(store, "HEAD", paths, work_tree_blobs(store, paths));
  EXPECT_EQ(store.git({"status", "--porcelain", "--untracked-files=all"}), "");
  const Json verified = store.json({"verify"});
  EXPECT_TRUE(verified.value("ok", false)) << verified.dump(1);
}

std::string read_whole(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << path;
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void write_whole(const fs::path& path, const std::string& content) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream << content;
  stream.flush();
  EXPECT_TRUE(stream.good()) << path;
}

std::vector<fs::path> segments(const StoreUnderTest& store) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(store.journal())) {
    if (entry.path().extension() == ".seg") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace syncline
