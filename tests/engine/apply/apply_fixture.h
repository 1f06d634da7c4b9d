// A journal, a work tree and an applier in a fresh directory, and records of two kinds: notes (a
// row and a file each) and rules (a row and a section each).
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/apply/applier.h"
#include "engine/projection/schema.h"
#include "journal/log/reader.h"
#include "tests/support/hooked_directory.h"
#include "tests/support/read_text.h"
#include "tests/support/temporary_directory.h"

namespace syncline {

#define ASSERT_OK(expression)                                      \
  do {                                                             \
    const auto& asserted = (expression);                           \
    ASSERT_TRUE(asserted.has_value()) << asserted.error().message; \
  } while (false)
#define EXPECT_OK(expression)                                            \
  do {                                                                   \
    const auto& expected_ok = (expression);                              \
    EXPECT_TRUE(expected_ok.has_value()) << expected_ok.error().message; \
  } while (false)

// The value, or the test's end: for what must not fail on the way to what is tested.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class ShiftedClock final : public Clock {
 public:
  int64_t now_ms() override {
    if (on_now) on_now();
    return system_clock().now_ms() + shift_ms;
  }
  int64_t monotonic_ns() override { return system_clock().monotonic_ns(); }
  void pause_ns(int64_t duration_ns) override { system_clock().pause_ns(duration_ns); }
  int64_t shift_ms = 0;
  std::function<void()> on_now;
};

inline void write_text(const std::filesystem::path& path, std::string_view text) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
}

// A program of somebody else's that uses the same database.
class ForeignConnection {
 public:
  explicit ForeignConnection(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error("open");
  }
  ~ForeignConnection() { sqlite3_close(handle_); }
  ForeignConnection(const ForeignConnection&) = delete;
  ForeignConnection& operator=(const ForeignConnection&) = delete;
  int execute(const std::string& sql) {
    return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  }
  // All columns of all rows, joined by '|' and newlines.
  std::string query(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      return std::string("error: ") + sqlite3_errmsg(handle_);
    }
    std::string all;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        if (i > 0) all += '|';
        all += text != nullptr ? text : "NULL";
      }
      all += '\n';
    }
    sqlite3_finalize(statement);
    return all;
  }

 private:
  sqlite3* handle_ = nullptr;
};

inline const char* const kNotesDdl =
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT, path TEXT, created_at TEXT)";
inline const char* const kRulesDdl = "CREATE TABLE rules(id INTEGER PRIMARY KEY, rule TEXT)";

constexpr int kKilled = 9;  // what a child that stops itself ends with

class ApplyTest : public ::testing::Test {
 protected:
  ApplyTest() {
    std::filesystem::create_directories(store_path());
    for (size_t i = 0; i < store_id.bytes.size(); ++i) store_id.bytes[i] = std::byte(i + 1);
    store_directory = must(open_posix_directory(store_path()));
    must(Journal::create(*store_directory, store_id, clock, {}));
    open_journal();
  }
  ~ApplyTest() override { close(); }

  std::filesystem::path work() const { return directory / "work"; }
  std::string store_path() const { return (work() / ".git/syncline").string(); }
  std::string database_path() const { return (work() / "syncline.db").string(); }

  void open_journal() {
    store_directory = must(open_posix_directory(store_path()));
    journal =
        must(Journal::open(*store_directory, store_id, clock, make_plain_ring(), journal_options));
  }
  ApplierOptions default_options() {
    ApplierOptions defaults;
    defaults.work_tree = work().string();
    defaults.database_path = database_path();
    defaults.ddl = {{"notes", kNotesDdl}, {"rules", kRulesDdl}};
    defaults.files_must_wait = [this] { return must_wait; };
    defaults.branch_is_away = [this]() -> Result<bool> { return branch_is_away; };
    defaults.is_removed = [this](uint64_t seq, const std::string&) {
      return removed.contains(seq);
    };
    return defaults;
  }
  Result<std::unique_ptr<Applier>> try_open_applier() {
    auto tree =
        std::make_unique<HookedDirectory>(must(open_posix_directory(work().string())), hook);
    return Applier::open(*store_directory, *journal, clock, std::move(tree), options);
  }
  void open_applier() {
    applier.reset();
    applier = must(try_open_applier());
  }
  void close() {
    applier.reset();
    journal.reset();
    store_directory.reset();
  }
  // As a new process finds things.
  void reopen() {
    close();
    open_journal();
    open_applier();
  }
  // And what SQLite keeps beside it.
  void remove_database() const {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(database_path() + suffix);
    }
  }
  void reopen_without_database() {
    close();
    remove_database();
    open_journal();
    open_applier();
  }
  // One record is applied, and what the database says of itself is changed: it is refused.
  void expect_refused_after(const std::string& change) {
    open_applier();
    append(note("a"), 1);
    apply_all();
    applier.reset();
    ASSERT_EQ(ForeignConnection(database_path()).execute(change), SQLITE_OK);
    const auto refused = try_open_applier();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kDisagree);
  }

  static Intent note(const std::string& title, const std::string& key = {}) {
    Intent intent;
    intent.operation = Operation::kCreate;
    intent.kind = "note";
    intent.key = key;
    if (!key.empty()) intent.content_hash = Sha256Hash{std::byte(title.size())};
    intent.table = "notes";
    intent.id_column = "id";
    intent.path.add("notes/");
    intent.path.add(Slot::kShard);
    intent.path.add("/n-");
    intent.path.add(Slot::kId);
    intent.path.add(".md");
    Template path;
    path.add(Slot::kPath);
    Template time;
    time.add(Slot::kTime);
    intent.columns = {{"title", Template::literal(title)}, {"path", path}, {"created_at", time}};
    intent.text.add("# " + title + "\n\nnumber ");
    intent.text.add(Slot::kId);
    intent.text.add("\n");
    intent.subject = Template::literal("note: " + title);
    return intent;
  }
  static Intent rule(const std::string& text, const std::string& domain = "testing") {
    Intent intent;
    intent.operation = Operation::kAppend;
    intent.kind = "rule";
    intent.table = "rules";
    intent.id_column = "id";
    intent.columns = {{"rule", Template::literal(text)}};
    intent.path = Template::literal("memory/" + domain + ".md");
    intent.header = Template::literal("# " + domain + "\n");
    intent.text.add("\n## R-");
    intent.text.add(Slot::kId);
    intent.text.add(": " + text + "\n");
    intent.subject = Template::literal("rule: " + text);
    return intent;
  }
  static std::string note_path(uint64_t id) {
    return fmt::format("notes/{:04}/n-{}.md", id / 1000, id);
  }
  static std::string note_text(const std::string& title, uint64_t id) {
    return fmt::format("# {}\n\nnumber {}\n", title, id);
  }
  static std::string rule_text(const std::string& text, uint64_t id) {
    return fmt::format("\n## R-{}: {}\n", id, text);
  }

  // Journals the record with the id and makes it durable; its seq.
  uint64_t append(const Intent& intent, uint64_t id, std::optional<int64_t> time_ms = {}) {
    const Appended appended = append_undurable(intent, id, time_ms);
    must(journal->flush(appended));
    return appended.first_seq;
  }
  Appended append_undurable(const Intent& intent, uint64_t id,
                            std::optional<int64_t> time_ms = {}) {
    const ByteVector payload = encode_intent(intent);
    auto turn = must(journal->begin_append());
    const NewFrame frame{.operation = intent.operation,
                         .id = id,
                         .time_ms = std::max(time_ms.value_or(clock.now_ms()), turn.last_time_ms()),
                         .payload = payload,
                         .payload_hash = hash_payload(payload)};
    return must(turn.append({&frame, 1}));
  }
  void append_control(Operation operation, const ByteVector& payload) {
    Appended appended;
    {
      auto turn = must(journal->begin_append());
      const NewFrame frame{.operation = operation,
                           .time_ms = std::max(clock.now_ms(), turn.last_time_ms()),
                           .payload = payload,
                           .payload_hash = hash_payload(payload)};
      appended = must(turn.append({&frame, 1}));
    }
    must(journal->flush(appended));
  }
  // Steps until nothing is left; the sum.
  ApplyReport apply_all() {
    ApplyReport sum;
    while (true) {
      const ApplyReport report = must(applier->step());
      sum.records += report.records;
      sum.set_aside += report.set_aside;
      sum.rebound += report.rebound;
      sum.applied = report.applied;
      if (!report.more) return sum;
    }
  }
  // Control frames of the operation in the journal.
  size_t count_frames(Operation operation) {
    auto reader = must(Reader::open(*store_directory, store_id, Mark{}));
    size_t count = 0;
    while (true) {
      const auto frame = must(reader->next(journal->durable()));
      if (!frame) return count;
      count += frame->operation == operation ? 1 : 0;
    }
  }
  std::string query(const std::string& sql) {
    return ForeignConnection(database_path()).query(sql);
  }
  std::string file(const std::string& path) { return read_text(work() / path); }

  // Runs `act` in a process of its own that ends without any cleaning up, as killed: at the latest
  // when `act` returns. Nothing of the fixture may be open. Returns its exit code.
  int in_killed_process(const std::function<void()>& act) {
    close();
    const pid_t child = fork();
    if (child == 0) {
      try {
        open_journal();
        open_applier();
        act();
      } catch (const std::exception& failure) {
        fmt::print(stderr, "in the child: {}\n", failure.what());
        _exit(1);
      }
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    open_journal();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryDirectory directory;
  ShiftedClock clock;
  StoreId store_id;
  std::shared_ptr<DirectoryHook> hook = std::make_shared<DirectoryHook>();
  bool must_wait = false;
  bool branch_is_away = false;
  std::set<uint64_t> removed;  // records whose files a person removed
  std::unique_ptr<Directory> store_directory;
  std::unique_ptr<Journal> journal;
  JournalOptions journal_options;
  ApplierOptions options = default_options();
  std::unique_ptr<Applier> applier;
};

// The step as a whole.
class ApplierTest : public ApplyTest {};

}  // namespace syncline
