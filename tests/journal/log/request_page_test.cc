// Requests between processes: what is taken, answered and given back, and what becomes of those
// whose leader or whose owner has died.
#include "journal/log/request_page.h"

#include <gtest/gtest.h>

#include "journal/log/control_page.h"
#include "tests/journal/log/journal_testing.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

constexpr uint64_t kTag = 7;
constexpr uint64_t kPresence = 11;
using State = RequestPage::State;
using What = RequestPage::What;

class MovedClock final : public Clock {
 public:
  int64_t now_ms() override { return monotonic_ns() / 1'000'000; }
  int64_t monotonic_ns() override { return system_clock().monotonic_ns() + ahead_ns; }
  void pause_ns(int64_t /*duration_ns*/) override {}
  int64_t ahead_ns = 0;
};

class RequestPageTest : public testing::Test {
 protected:
  // As a process of its own has it.
  std::unique_ptr<RequestPage> open(uint64_t presence = kPresence) {
    auto page = RequestPage::open(*root, presence, clock);
    EXPECT_OK(page);
    return std::move(*page);
  }
  RequestPage::Ticket post(RequestPage& page, std::string_view text, uint64_t known_seq = 0) {
    const auto ticket = page.post(kTag, known_seq, as_bytes(text));
    EXPECT_TRUE(ticket);
    return ticket.value_or(RequestPage::Ticket{});
  }
  static std::vector<std::string> texts(const std::vector<RequestPage::Request>& requests) {
    std::vector<std::string> all;
    for (const auto& request : requests) all.emplace_back(as_text(request.bytes));
    return all;
  }
  void SetUp() override {
    const auto leads = leader->try_lead();
    ASSERT_OK(leads);
    ASSERT_TRUE(*leads);
  }
  void die() { leader.reset(); }
  // Is this the one who is called? Whoever is not would sleep until the deadline, which has passed.
  static bool is_called(const std::unique_ptr<SharedPage>& raw, const RequestPage::Ticket& ticket) {
    constexpr uint8_t kCalled = 3;
    return raw->bytes()[4096 + ticket.slot * RequestPage::kSlotBytes] == std::byte{kCalled};
  }
  std::unique_ptr<SharedPage> raw() {
    return std::move(
        *root->map_page("requests", 4096 + RequestPage::kSlots * RequestPage::kSlotBytes));
  }

  TemporaryDirectory directory;
  std::unique_ptr<Directory> root = std::move(*open_posix_directory(directory.string()));
  MovedClock clock;
  std::unique_ptr<RequestPage> leader = open();
  std::unique_ptr<RequestPage> other = open();
};

TEST_F(RequestPageTest, ARequestIsTakenOnceAndItsAnswerCollected) {
  const auto ticket = post(*other, "a record");
  EXPECT_EQ(other->state(ticket), State::kPosted);
  const auto taken = leader->take(kTag);
  EXPECT_EQ(texts(taken), std::vector<std::string>{"a record"});
  EXPECT_EQ(other->state(ticket), State::kTaken);
  EXPECT_TRUE(leader->begin(taken.front()));
  EXPECT_EQ(other->state(ticket), State::kWriting);
  EXPECT_FALSE(other->withdraw(ticket));
  EXPECT_FALSE(other->take_over(ticket)) << "it is not written yet";
  EXPECT_TRUE(leader->take(kTag).empty());
  RequestPage::Answer answer{.what = What::kPlaced, .place = {}};
  answer.place.appended.mark = {.position = {3, 4096}, .seq = 17};
  answer.place.id = 5;
  answer.place.time_ms = -1;
  leader->answer(taken.front(), answer);
  ASSERT_EQ(other->state(ticket), State::kAnswered);
  const RequestPage::Answer collected = other->collect(ticket);
  EXPECT_EQ(collected.what, What::kPlaced);
  EXPECT_EQ(collected.place.appended.mark, answer.place.appended.mark);
  EXPECT_EQ(collected.place.id, 5u);
  EXPECT_EQ(collected.place.time_ms, -1);
  EXPECT_EQ(other->state(ticket), State::kLost);
}

TEST_F(RequestPageTest, OneLeadsAtATime) {
  const auto leads = other->try_lead();
  ASSERT_OK(leads);
  EXPECT_FALSE(*leads);
  die();
  EXPECT_TRUE(other->try_lead().value_or(false));
}

TEST_F(RequestPageTest, WhatWasWithdrawnIsNotTaken) {
  const auto ticket = post(*other, "a record");
  EXPECT_TRUE(other->withdraw(ticket));
  EXPECT_TRUE(leader->take(kTag).empty());
}

TEST_F(RequestPageTest, WhatIsWithdrawnAfterItWasTakenIsNotBegun) {
  const auto ticket = post(*other, "a record");
  const auto taken = leader->take(kTag);
  EXPECT_TRUE(other->withdraw(ticket));
  const auto next = post(*other, "another");
  ASSERT_EQ(next.slot, ticket.slot);
  EXPECT_FALSE(leader->begin(taken.front()));
  EXPECT_EQ(other->state(next), State::kPosted);
}

TEST_F(RequestPageTest, WhatCarriesAnotherTagIsLeft) {
  const auto ticket = post(*other, "a record");
  EXPECT_TRUE(leader->take(kTag + 1).empty());
  EXPECT_EQ(other->state(ticket), State::kPosted);
  EXPECT_EQ(leader->take(kTag).size(), 1u);
}

TEST_F(RequestPageTest, ManyAskAtOnceAndWhoFindsNoSlotAsksNobody) {
  for (size_t i = 0; i < RequestPage::kSlots; ++i) post(*other, std::to_string(i));
  EXPECT_FALSE(other->post(kTag, 0, as_bytes("one too many")));
  EXPECT_EQ(leader->take(kTag).size(), RequestPage::kSlots);
}

TEST_F(RequestPageTest, WhoKnowsTheLogFurthestIsCalledToLead) {
  const auto behind = post(*other, "behind", 3);
  const auto ahead = post(*other, "ahead", 9);
  const auto between = post(*other, "between", 5);
  const auto seen = raw();
  leader->end_lead();
  EXPECT_TRUE(is_called(seen, ahead));
  EXPECT_FALSE(is_called(seen, behind) || is_called(seen, between));
  other->wait(ahead, kForever);  // returns: it was called
  EXPECT_TRUE(other->try_lead_for(ahead).value_or(false));
  EXPECT_FALSE(is_called(seen, ahead)) << "a call is heard once";
}

TEST_F(RequestPageTest, NobodyPostsIntoAPageOfThoseWhoAreGone) {
  post(*other, "of the past");
  die();
  other.reset();
  const auto later = open(kPresence + 1);
  EXPECT_FALSE(later->post(kTag, 0, as_bytes("too early"))) << "nobody has led yet";
  ASSERT_TRUE(later->try_lead().value_or(false));
  EXPECT_TRUE(later->take(kTag).empty());
  EXPECT_TRUE(later->post(kTag, 0, as_bytes("now")));
}

// It was stopped while it filled its slot, for so long that the slot was given to another.
TEST_F(RequestPageTest, ARequestOfAnEarlierTurnIsNotTakenForThatOfTheNext) {
  const auto seen = raw();
  const auto old = post(*other, "of the one who was stopped");
  const size_t at = 4096 + old.slot * RequestPage::kSlotBytes;
  const ByteVector filled(
      seen->bytes().begin() + static_cast<ptrdiff_t>(at) + 8,
      seen->bytes().begin() + static_cast<ptrdiff_t>(at + RequestPage::kSlotBytes));
  ASSERT_TRUE(other->withdraw(old));
  const auto next = post(*other, "of the next");
  ASSERT_EQ(next.slot, old.slot);
  std::ranges::copy(filled, seen->bytes().begin() + static_cast<ptrdiff_t>(at) + 8);
  EXPECT_TRUE(leader->take(kTag).empty());
  EXPECT_EQ(other->state(next), State::kLost);
}

TEST_F(RequestPageTest, ASlotWhoseOwnerIsGoneIsTakenBackInTime) {
  const auto ticket = post(*other, "a record");
  const auto taken = leader->take(kTag);
  leader->answer(taken.front(), {.what = What::kPlaced, .place = {}});
  leader->take(kTag);
  EXPECT_EQ(other->state(ticket), State::kAnswered) << "not yet";
  clock.ahead_ns += (RequestPage::kSlotLifeMs + 1) * 1'000'000;
  leader->take(kTag);
  EXPECT_EQ(other->state(ticket), State::kLost);
  EXPECT_EQ(other->collect(ticket).what, What::kUnknown);
}

TEST_F(RequestPageTest, ALateAnswerDoesNotReachTheNextOwnerOfTheSlot) {
  const auto ticket = post(*other, "a record");
  const auto taken = leader->take(kTag);
  leader->answer(taken.front(), {.what = What::kPlaced, .place = {}});
  other->collect(ticket);
  const auto next = post(*other, "another record");
  ASSERT_EQ(next.slot, ticket.slot);
  leader->answer(taken.front(), {.what = What::kPlaced, .place = {}});
  EXPECT_EQ(other->state(next), State::kPosted);
}

// A leader died after it had taken a request. The log says what became of it.
class DeadLeaderTest : public RequestPageTest {
 protected:
  void SetUp() override {
    RequestPageTest::SetUp();
    ASSERT_OK(Journal::create(*root, test_store(), clock, options));
    auto opened = Journal::open(*root, test_store(), clock, make_plain_ring(), options);
    ASSERT_OK(opened);
    journal = std::move(*opened);
    ticket = post(*other, "a record");
    request = leader->take(kTag).front();
    ASSERT_TRUE(leader->begin(request));
  }
  // Where the next append will stand.
  RequestPage::Place next_place() {
    const auto turn = journal->begin_append();
    EXPECT_OK(turn);
    Mark end = turn->end();
    end.position.offset += 4096;
    end.seq += 1;
    return {.appended = {.mark = end, .epoch = turn->epoch(), .first_seq = end.seq},
            .id = 1,
            .time_ms = 1,
            .append_word = turn->word()};
  }
  void settle() {
    die();
    ASSERT_TRUE(other->try_lead().value_or(false));
    ASSERT_TRUE(other->has_unsettled());
    const auto turn = journal->begin_append();
    ASSERT_OK(turn);
    other->settle(*turn);
    EXPECT_FALSE(other->has_unsettled());
  }
  void expect_answer(What what) {
    ASSERT_EQ(other->state(ticket), State::kAnswered);
    EXPECT_EQ(other->collect(ticket).what, what);
  }

  JournalOptions options = small_options();
  std::unique_ptr<Journal> journal;
  RequestPage::Ticket ticket;
  RequestPage::Request request;
};

TEST_F(DeadLeaderTest, BeforeItPlacedTheRecordTheRequestIsGivenBack) {
  settle();
  EXPECT_EQ(other->state(ticket), State::kPosted);
}

TEST_F(DeadLeaderTest, BeforeItWroteTheRecordTheRequestIsGivenBack) {
  leader->place(request, next_place());
  settle();
  EXPECT_EQ(other->state(ticket), State::kPosted);
}

TEST_F(DeadLeaderTest, WhereTheRecordWasWrittenItsOwnerFlushesIt) {
  RequestPage::Place place = next_place();
  leader->place(request, place);
  const auto appended = append_text(*journal, "a record");
  ASSERT_OK(appended);
  leader->note_written(request);
  settle();
  expect_answer(What::kUnsure);
}

TEST_F(DeadLeaderTest, WhereAnotherHasAppendedSinceNobodyKnows) {
  leader->place(request, next_place());
  ASSERT_OK(append_text(*journal, "of another"));
  settle();
  expect_answer(What::kUnknown);
}

// The record is whole in the log, and its writer did not live to say so.
TEST_F(DeadLeaderTest, WhereADeadAppendWasAdoptedTheOwnerFlushesIt) {
  ControlPage page(std::move(*root->map_page("control", kControlPageBytes)));
  const auto before = page.end();
  ASSERT_OK(append_text(*journal, "a record"));
  const RequestPage::Place after = {.appended = {.mark = page.end()->mark(), .epoch = 1},
                                    .id = 1,
                                    .time_ms = 1,
                                    .append_word = page.append_word()};
  page.set_end(*before);
  page.set_pending_append(PendingAppend::kUnderWay);
  leader->place(request, after);
  settle();
  expect_answer(What::kUnsure);
}

// A part of it was written, and cut: the log goes on in another epoch.
TEST_F(DeadLeaderTest, WhereTheLogWasCutTheOwnerAsksTheLog) {
  leader->place(request, next_place());
  ControlPage(std::move(*root->map_page("control", kControlPageBytes)))
      .set_pending_append(PendingAppend::kVoid);
  settle();
  expect_answer(What::kUnsure);
}

}  // namespace
}  // namespace syncline
