// Several processes that record at once: one of them leads, the others are answered.
#include "engine/write/company.h"

#include <xxhash.h>

#include <future>
#include <set>
#include <thread>

#include "engine/write/write_queue.h"
#include "journal/base/layout.h"
#include "tests/engine/apply/apply_fixture.h"
#include "tests/engine/write/clocked_platform.h"
#include "tests/support/fault_directory.h"
#include "tests/support/hooked_directory.h"

namespace syncline {
namespace {

class CompanyTest : public ApplyTest {
 protected:
  struct Process {
    std::unique_ptr<Directory> directory;
    std::unique_ptr<Journal> journal;
    std::unique_ptr<WriteQueue> queue;
  };
  Process start(std::unique_ptr<Directory> of = nullptr) {
    Process process;
    process.directory = of ? std::move(of) : must(open_posix_directory(store_path()));
    process.journal = must(
        Journal::open(*process.directory, store_id, clock, make_plain_ring(), journal_options));
    process.queue = std::make_unique<WriteQueue>(platform, *process.directory, *process.journal,
                                                 database_path(), WriteQueueOptions{});
    return process;
  }
  std::unique_ptr<RequestPage> open_page() {
    return must(RequestPage::open(*store_directory, journal->presence(), clock));
  }
  PendingWritePtr write_of(const Intent& intent) {
    PendingWritePtr write = pending_write_of(intent);
    write->config = config;
    return write;
  }
  PendingWritePtr record(Process& process, const Intent& intent, Deadline deadline = kForever) {
    const PendingWritePtr write = write_of(intent);
    EXPECT_OK(process.queue->submit(write, deadline));
    const Status waited = process.queue->wait(*write, deadline);
    if (!waited && !write->error) write->error = waited.error();
    return write;
  }
  // Waits until somebody has posted, and takes it.
  std::vector<RequestPage::Request> take_one(RequestPage& page) {
    while (true) {
      page.gather(1, 1'000'000'000, 1'000'000'000);
      auto taken = page.take(tag);
      if (!taken.empty()) return taken;
    }
  }
  // As a leader does it that dies, or is stopped, before it flushes and answers.
  void write_for(RequestPage& page, const RequestPage::Request& request, const std::string& title) {
    AppendTurn turn = must(journal->begin_append());
    ASSERT_TRUE(page.begin(request));
    const PendingWritePtr same = write_of(note(title));
    const NewFrame frame{.operation = same->operation,
                         .id = 4,
                         .time_ms = std::max(clock.now_ms(), turn.last_time_ms()),
                         .payload = same->payload,
                         .payload_hash = same->payload_hash};
    must(turn.append({&frame, 1}, [&](std::span<const Mark> ends) {
      page.place(request, {.appended = {.mark = ends[0],
                                        .epoch = turn.epoch(),
                                        .first_seq = ends[0].seq,
                                        .last_payload_hash = same->payload_hash},
                           .id = 4,
                           .time_ms = frame.time_ms,
                           .append_word = turn.word()});
    }));
    page.note_written(request);
  }
  // The titles of all records, in the order of the log.
  std::vector<std::string> titles() {
    std::vector<std::string> all;
    const auto reader = must(Reader::open(*store_directory, store_id, {}));
    while (const auto frame = must(reader->next(journal->end()))) {
      if (!is_record(frame->operation)) continue;
      const Intent intent = must(decode_intent(frame->operation, frame->payload));
      for (const IntentColumn& column : intent.columns) {
        if (column.name != "title") continue;
        all.push_back(render(std::get<Template>(column.value), {}));
      }
    }
    return all;
  }

  ClockedPlatform platform{clock};
  std::shared_ptr<const Config> config = std::make_shared<Config>();
  const uint64_t tag = XXH3_64bits(config->text.data(), config->text.size());
};

TEST_F(CompanyTest, EachRecordOfManyProcessesIsThereOnce) {
  constexpr int kProcesses = 6, kRecords = 40;
  std::vector<Process> processes;
  for (int i = 0; i < kProcesses; ++i) processes.push_back(start());
  std::vector<std::vector<PendingWritePtr>> done(kProcesses);
  std::vector<std::thread> threads;
  for (int i = 0; i < kProcesses; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < kRecords; ++k) {
        done[i].push_back(record(processes[i], note(fmt::format("{}-{}", i, k))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<uint64_t> seqs, ids;
  const std::vector<std::string> logged = titles();
  ASSERT_EQ(logged.size(), size_t{kProcesses * kRecords});
  for (int i = 0; i < kProcesses; ++i) {
    for (int k = 0; k < kRecords; ++k) {
      const PendingWrite& write = *done[i][k];
      ASSERT_FALSE(write.error) << write.error->message;
      EXPECT_FALSE(write.duplicate);
      seqs.insert(write.seq);
      ids.insert(write.id);
      ASSERT_LE(write.seq, logged.size());
      EXPECT_EQ(logged[write.seq - 1], fmt::format("{}-{}", i, k));
    }
  }
  EXPECT_EQ(seqs.size(), logged.size());
  EXPECT_EQ(ids.size(), logged.size());
}

TEST_F(CompanyTest, ALeaderAnswersKeysThatItKnowsAndTheOwnerItsConflicts) {
  Process first = start(), second = start();
  const PendingWritePtr kept = record(first, note("once", "the key"));
  ASSERT_FALSE(kept->error);
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  const auto ask = [&](const std::string& title) {
    PendingWritePtr asked;
    std::thread asker([&] { asked = record(second, note(title, "the key")); });
    const auto taken = take_one(*page);
    // What a leader does: it gives back what it has not done.
    page->give_back(taken.front());
    page->end_lead();
    asker.join();
    EXPECT_TRUE(must(page->try_lead()));
    return asked;
  };
  const PendingWritePtr again = ask("once");
  ASSERT_FALSE(again->error) << again->error->message;
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->seq, kept->seq);
  const PendingWritePtr other = ask("an other content");
  ASSERT_TRUE(other->error);
  EXPECT_EQ(other->error->code, Code::kKeyConflict);
}

TEST_F(CompanyTest, WhatADeadLeaderHadTakenIsWrittenByItsOwner) {
  Process process = start();
  auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr asked;
  std::thread asker([&] { asked = record(process, note("left behind")); });
  take_one(*page);
  page.reset();
  asker.join();
  ASSERT_FALSE(asked->error) << asked->error->message;
  EXPECT_EQ(titles(), std::vector<std::string>{"left behind"});
}

TEST_F(CompanyTest, WhatADeadLeaderHadWrittenIsNotWrittenAgain) {
  Process process = start();
  auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr asked;
  std::thread asker([&] { asked = record(process, note("written")); });
  const RequestPage::Request request = take_one(*page).front();
  write_for(*page, request, "written");
  page.reset();
  asker.join();
  ASSERT_FALSE(asked->error) << asked->error->message;
  EXPECT_EQ(asked->id, 4u);
  EXPECT_EQ(titles(), std::vector<std::string>{"written"});
  EXPECT_GE(journal->durable().seq, 1u) << "its owner flushed it";
}

TEST_F(CompanyTest, WhoseTimeIsOverTakesTheRequestBack) {
  Process process = start();
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  const PendingWritePtr late = record(process, note("late"), clock.after_ms(30));
  ASSERT_TRUE(late->error);
  EXPECT_EQ(late->error->code, Code::kTimeout);
  EXPECT_TRUE(page->take(tag).empty());
  EXPECT_TRUE(titles().empty());
}

// A leader that is stopped keeps nobody waiting for longer than it holds a lock of the journal.
TEST_F(CompanyTest, WhatAStoppedLeaderKeepsIsWrittenByItsOwner) {
  Process process = start();
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr taken, posted;
  std::thread asker([&] { taken = record(process, note("taken")); });
  const RequestPage::Request request = take_one(*page).front();
  asker.join();
  posted = record(process, note("posted"));
  for (const PendingWritePtr& write : {taken, posted}) {
    ASSERT_FALSE(write->error) << write->error->message;
  }
  EXPECT_FALSE(page->begin(request)) << "its owner has taken it back";
  EXPECT_EQ(titles(), (std::vector<std::string>{"taken", "posted"}));
}

// Its time is over after a leader has taken it, and before the leader has the append lock. Where
// the one who was to be late comes to lead itself, the race is run again.
TEST_F(CompanyTest, AWithdrawnRequestIsNotWritten) {
  const auto page = open_page();
  for (int attempt = 0; attempt < 50; ++attempt) {
    const std::string title = fmt::format("too late {}", attempt);
    const auto on_operation = std::make_shared<DirectoryHook>();
    Process leader = start(
        std::make_unique<HookedDirectory>(must(open_posix_directory(store_path())), on_operation));
    Process asking = start();
    ASSERT_TRUE(must(page->try_lead()));
    PendingWritePtr led, asked;
    std::promise<void> gave_up;
    const std::shared_future<void> given_up = gave_up.get_future().share();
    *on_operation = [given_up](std::string_view, const std::string& name) -> Status {
      // Read once, by who leads, behind the requests and before the append lock.
      if (name == kConfigCopyFile) given_up.wait();
      return {};
    };
    std::thread leads([&] { led = record(leader, note("the leader's")); });
    page->gather(1, 1'000'000'000, 5'000'000'000);
    std::thread asker([&] {
      asked = record(asking, note(title), clock.after_ms(150));
      gave_up.set_value();
    });
    page->gather(2, 1'000'000'000, 5'000'000'000);
    page->end_lead();
    leads.join();
    asker.join();
    ASSERT_FALSE(led->error) << led->error->message;
    EXPECT_EQ(std::ranges::count(titles(), title), asked->error ? 0 : 1);
    if (asked->error) return;
  }
  FAIL() << "no request was withdrawn in fifty attempts";
}

TEST_F(CompanyTest, WhatAStoppedLeaderHasWrittenIsFlushedByItsOwner) {
  Process process = start();
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr asked;
  std::thread asker([&] { asked = record(process, note("written")); });
  const RequestPage::Request request = take_one(*page).front();
  write_for(*page, request, "written");
  asker.join();
  ASSERT_FALSE(asked->error) << asked->error->message;
  EXPECT_EQ(asked->id, 4u);
  EXPECT_EQ(titles(), std::vector<std::string>{"written"});
  EXPECT_GE(journal->durable().seq, 1u);
  // The leader goes on: its answer has nobody to reach.
  page->answer(request, {.what = RequestPage::What::kPlaced, .place = {}});
  EXPECT_FALSE(record(process, note("the next"), clock.after_ms(5000))->error);
}

TEST_F(CompanyTest, WhoseTimeIsOverWhileAnotherWritesDoesNotKnow) {
  Process process = start();
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr asked;
  std::thread asker([&] { asked = record(process, note("slow"), clock.after_ms(50)); });
  ASSERT_TRUE(page->begin(take_one(*page).front()));
  asker.join();
  ASSERT_TRUE(asked->error);
  EXPECT_EQ(asked->error->code, Code::kOutcomeUnknown);
}

// With a key it looks for its record in the log. Where it cannot do so in time it does not say that
// nothing was written.
TEST_F(CompanyTest, WhoseTimeIsOverAndWhoCannotLookDoesNotKnow) {
  Process process = start();
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr asked;
  std::thread asker([&] { asked = record(process, note("slow", "a key"), clock.after_ms(50)); });
  ASSERT_TRUE(page->begin(take_one(*page).front()));
  {
    const AppendTurn turn = must(journal->begin_append());
    asker.join();
  }
  ASSERT_TRUE(asked->error);
  EXPECT_EQ(asked->error->code, Code::kOutcomeUnknown);
}

// The leader's flush fails. What it had appended is carried over, and each owner finds its own.
TEST_F(CompanyTest, WhereTheLeadersFlushFailsEachAsksTheLogForItsOwn) {
  const auto faults = std::make_shared<Faults>();
  const std::unique_ptr<Directory> real = must(open_posix_directory(store_path()));
  Process leader = start(std::make_unique<FaultDirectory>(*real, faults));
  Process asking = start();
  ASSERT_FALSE(record(leader, note("the first"))->error);
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr led, asked;
  std::thread asker([&] { asked = record(asking, note("asked for")); });
  std::thread leads([&] { led = record(leader, note("the leader's")); });
  page->gather(2, 1'000'000'000, 5'000'000'000);
  faults->fail(FaultCall::kSyncData, 1, EIO);
  page->end_lead();
  asker.join();
  leads.join();
  faults->clear();
  // Whoever led, no record is told to be there that is not, and none is there twice.
  const std::vector<std::string> logged = titles();
  for (const auto& [write, title] : {std::pair{led, "the leader's"}, {asked, "asked for"}}) {
    const auto there = std::ranges::count(logged, title);
    EXPECT_LE(there, 1);
    if (write->error) {
      EXPECT_EQ(write->error->code, Code::kOutcomeUnknown);
    } else {
      EXPECT_EQ(there, 1) << title;
    }
  }
}

TEST_F(CompanyTest, WhatAnotherConfigurationMadeIsLeftToItsOwner) {
  Process first = start();
  const auto page = open_page();
  ASSERT_TRUE(must(page->try_lead()));
  PendingWritePtr asked;
  std::thread asker([&] { asked = record(first, note("of the old configuration")); });
  page->gather(1, 1'000'000'000, 5'000'000'000);
  EXPECT_TRUE(page->take(1).empty());
  page->end_lead();
  asker.join();
  ASSERT_FALSE(asked->error) << asked->error->message;
  EXPECT_EQ(titles(), std::vector<std::string>{"of the old configuration"});
}

}  // namespace
}  // namespace syncline
