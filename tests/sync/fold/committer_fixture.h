// A journal beside a repository, and directories over them as processes of the store would have
// them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "journal/base/clock.h"
#include "journal/log/journal.h"
#include "journal/os/ring.h"
#include "journal/record/intent.h"
#include "sync/context/sync_context.h"
#include "sync/fold/committer.h"
#include "tests/support/fault_directory.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {

class KnownOutcomes final : public OutcomeSource {
 public:
  Result<std::map<uint64_t, Outcome>> outcomes(uint64_t first_seq, uint64_t last_seq) override {
    return std::map<uint64_t, Outcome>(known.lower_bound(first_seq), known.upper_bound(last_seq));
  }
  Result<Retractions> retractions(uint64_t first_seq, uint64_t last_seq) override {
    Retractions found;
    for (const auto& [seq, outcome] : known) {
      const uint64_t by = outcome.retracted_by;
      if (by != 0 && by >= first_seq && by <= last_seq) found.seqs.push_back(by);
    }
    std::ranges::sort(found.seqs);
    return found;
  }
  // Behind the batch that holds the record.
  void retract(uint64_t seq, uint64_t by) {
    known[seq] = {.seq = seq, .kind = Outcome::Kind::kRetracted, .retracted_by = by, .file_id = 0};
  }
  void set_aside(uint64_t seq) {
    known[seq] = {.seq = seq, .kind = Outcome::Kind::kSetAside, .new_id = 0, .reason = "test"};
  }
  void rebind(uint64_t seq, uint64_t new_id) {
    known[seq] = {.seq = seq, .kind = Outcome::Kind::kRebind, .new_id = new_id, .reason = {}};
  }
  std::map<uint64_t, Outcome> known;
};

inline StoreId test_store_id() {
  StoreId store;
  for (size_t i = 0; i < store.bytes.size(); ++i) store.bytes[i] = std::byte(i * 16 + i);
  return store;
}

// A note: notes/<shard>/n-<id>.md
inline Intent note_intent(const std::string& text) {
  Intent intent;
  intent.operation = Operation::kCreate;
  intent.kind = "note";
  intent.table = "notes";
  intent.id_column = "id";
  intent.path.add("notes/");
  intent.path.add(Slot::kShard);
  intent.path.add("/n-");
  intent.path.add(Slot::kId);
  intent.path.add(".md");
  intent.text.add("# ");
  intent.text.add(Slot::kId);
  intent.text.add(" at ");
  intent.text.add(Slot::kTime);
  intent.text.add("\n" + text + "\n");
  intent.subject.add("note: " + text);
  return intent;
}

// A section of rules/<domain>.md
inline Intent rule_intent(const std::string& domain, const std::string& text) {
  Intent intent;
  intent.operation = Operation::kAppend;
  intent.kind = "rule";
  intent.table = "rules";
  intent.id_column = "id";
  intent.path = Template::literal("rules/" + domain + ".md");
  intent.header = Template::literal("# Rules: " + domain + "\n");
  intent.text.add("\n## H-");
  intent.text.add(Slot::kId);
  intent.text.add(": " + text + "\n");
  intent.subject.add("rule: " + text);
  return intent;
}

// Takes record `seq` away, whose file or section is as given.
inline Intent retraction_intent(uint64_t seq, Operation operation, const std::string& path,
                                const std::string& header, const std::string& text) {
  Intent intent;
  intent.operation = Operation::kRetract;
  intent.kind = "note";
  intent.table = "notes";
  intent.id_column = "id";
  intent.path = Template::literal(path);
  intent.header = Template::literal(header);
  intent.text = Template::literal(text);
  intent.subject = Template::literal("retract: " + std::to_string(seq));
  intent.retracted = RetractedRecord{.seq = seq, .operation = operation, .file_id = seq};
  return intent;
}

class FoldStore {
 public:
  explicit FoldStore(const StoreId& store = test_store_id()) : store_(store) {
    EXPECT_TRUE(ok(repository.common_dir().make_directories("syncline", true)));
    reopen_directory();
    EXPECT_TRUE(ok(Journal::create(*store_directory_, store_, system_clock(), options_)));
    open_journal();
  }

  void open_journal() {
    auto opened =
        Journal::open(*store_directory_, store_, system_clock(), make_plain_ring(), options_);
    ASSERT_TRUE(ok(opened));
    journal_ = std::move(*opened);
  }
  void close_journal() { journal_.reset(); }
  // After the directory itself was replaced.
  void reopen_directory() {
    auto opened = open_posix_directory(store_path().string());
    ASSERT_TRUE(ok(opened));
    real_directory_ = std::move(*opened);
    store_directory_ = std::make_unique<FaultDirectory>(*real_directory_, faults);
  }

  // Appends one record, durable; its id is the seq it gets. Times are a second apart.
  Mark append(const Intent& intent) { return append(std::vector<Intent>{intent}); }
  Mark append(const std::vector<Intent>& intents) {
    auto turn = journal_->begin_append();
    EXPECT_TRUE(ok(turn));
    std::vector<ByteVector> payloads;
    std::vector<NewFrame> frames;
    for (const Intent& intent : intents) payloads.push_back(encode_intent(intent));
    uint64_t seq = turn->end().seq;
    for (size_t i = 0; i < intents.size(); ++i) {
      ++seq;
      frames.push_back({.operation = intents[i].operation,
                        .id = seq,
                        .time_ms = 1'700'000'000'000 + static_cast<int64_t>(seq) * 1000,
                        .payload = payloads[i],
                        .payload_hash = hash_payload(payloads[i])});
    }
    auto appended = turn->append(frames);
    EXPECT_TRUE(ok(appended));
    {
      const AppendTurn done = std::move(*turn);
    }
    EXPECT_TRUE(ok(journal_->flush(*appended)));
    return appended->mark;
  }

  std::filesystem::path store_path() const { return repository.path() / ".git/syncline"; }
  std::string own_ref() const { return "refs/syncline/" + store_.hex(); }
  std::string tip() const { return repository.git("rev-parse " + own_ref()); }
  std::string show(const std::string& path) const {
    return repository.git("cat-file blob " + own_ref() + ":" + path);
  }
  Journal& journal() { return *journal_; }
  Directory& store_directory() { return *store_directory_; }

  // Nothing of ours is left lying about, and git finds no fault.
  void expect_clean() const {
    repository.expect_sound();
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(repository.path() / ".git")) {
      const std::string name = entry.path().filename().string();
      if (entry.path().string().find("/syncline/") != std::string::npos &&
          entry.path().string().find("/refs/") == std::string::npos) {
        continue;
      }
      EXPECT_FALSE(name.ends_with(".keep") || name.ends_with(".lock")) << entry.path();
    }
  }

  GitRepository repository;
  KnownOutcomes outcomes;
  std::shared_ptr<Faults> faults = std::make_shared<Faults>();  // of journal and sync.state

 private:
  StoreId store_;
  JournalOptions options_{.segment_bytes_max = 8u << 20};
  std::unique_ptr<Directory> real_directory_;
  std::unique_ptr<Directory> store_directory_;
  std::unique_ptr<Journal> journal_;
};

// What one process has in its hands.
class FoldProcess {
 public:
  explicit FoldProcess(FoldStore& store, SyncOptions options = {})
      : FoldProcess(store, store.repository, store.repository.common_dir(), std::move(options)) {}
  // The journal of `store`, folded into another place.
  FoldProcess(FoldStore& store, GitRepository& repository, Directory& common_dir,
              SyncOptions options = {})
      : options_(std::move(options)),
        reader_(repository.reader()),
        objects_(*reader_),
        refs_(common_dir),
        context_{.platform = system_git_platform(),
                 .work_tree = repository.path().string(),
                 .own_ref = store.own_ref(),
                 .options = options_,
                 .common_dir = common_dir,
                 .store_directory = store.store_directory(),
                 .journal = store.journal(),
                 .clock = system_clock(),
                 .objects = objects_,
                 .refs = refs_,
                 .pack = pack_,
                 .state = state},
        committer(context_) {}
  SyncContext& context() { return context_; }

 private:
  SyncOptions options_;
  std::unique_ptr<ObjectReader> reader_;
  ObjectStore objects_;
  RefStore refs_;
  PackWriter pack_;

 public:
  SyncState state;

 private:
  SyncContext context_;

 public:
  Committer committer;
};

inline constexpr uint64_t kAll = UINT64_MAX;

inline std::vector<Intent> notes(int count, const std::string& text = "text") {
  std::vector<Intent> intents;
  for (int i = 0; i < count; ++i) intents.push_back(note_intent(fmt::format("{} {}", text, i)));
  return intents;
}

inline FoldReport fold_all(FoldStore& store, FoldProcess& process) {
  const auto report = process.committer.fold(store.journal().durable(), store.outcomes, kAll);
  EXPECT_TRUE(ok(report));
  return report ? *report : FoldReport{};
}

}  // namespace syncline
