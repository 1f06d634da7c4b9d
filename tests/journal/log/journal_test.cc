// What journal.h promises while nothing fails: sequences, segments, formats, trimming. Failures are
// journal_failure_test.cc, crashes journal_crash_test.cc, processes journal_process_test.cc.
#include "journal/log/journal.h"

#include <cerrno>
#include <filesystem>

#include "tests/journal/log/journal_fixture.h"
#include "tests/support/hooked_directory.h"
#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

using namespace simulation;  // NOLINT(google-build-using-namespace)

using Texts = std::vector<std::string>;

TEST_F(JournalTest, CreatedOnceAndFoundOnlyWhereItIs) {
  const auto again = Journal::create(*root, test_store(), clock, options);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kExists);
  TestMachine empty;
  const auto nothing = open_journal(*empty.open(), clock, options);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::kNotFound);
}

TEST_F(JournalTest, GroupsGetTheNextSequencesAndSurviveReopening) {
  open();
  const auto first = append(*journal, {record_frame("a"), control_frame("c"), record_frame("b")});
  ASSERT_OK(first);
  EXPECT_EQ(first->first_seq, 1u);
  EXPECT_EQ(first->mark.seq, 2u);
  EXPECT_EQ(first->mark.position.offset % kBlockBytes, 0u);
  EXPECT_LT(journal->durable().seq, 2u);
  ASSERT_OK(journal->flush(*first));
  EXPECT_EQ(journal->durable(), first->mark);
  EXPECT_EQ(journal->counter(Counter::kAppends), 1u);
  EXPECT_EQ(journal->counter(Counter::kRecords), 2u);
  open();
  EXPECT_TRUE(journal->recovery().alone);
  EXPECT_EQ(journal->recovery().frames_scanned, 0u);  // the durable mark was a good hint
  EXPECT_EQ(contents(*root, *journal), (Texts{"a", "c", "b"}));
  EXPECT_EQ(journal->counter(Counter::kRecords), 2u);
}

TEST_F(JournalTest, WhoReadsBesideAWriterNeedsNoLockAndReadsWhatIsDurable) {
  open();
  ASSERT_OK(record_text(*journal, "durable"));
  ASSERT_OK(append(*journal, {record_frame("not flushed")}));
  const auto turn = journal->begin_append();  // holds append.lock
  ASSERT_OK(turn);
  JournalOptions beside = options;
  beside.beside = true;
  const auto reader = open_journal(*root, clock, beside);
  ASSERT_OK(reader);
  EXPECT_EQ((*reader)->durable().seq, 1u);
  EXPECT_FALSE((*reader)->begin_append());
  EXPECT_EQ(journal->live(), 1u);  // the writer's page is as it was
  EXPECT_EQ(journal->end().seq, 2u);
}

TEST_F(JournalTest, FullSegmentsAreRotatedAndTrimmedFromTheFront) {
  open();
  Texts all;
  Mark checkpoint;
  for (int i = 0; i < 60; ++i) {
    all.push_back(std::to_string(i) + std::string(3000, 'r'));
    const auto recorded = record_text(*journal, all.back());
    ASSERT_OK(recorded);
    if (i == 40) checkpoint = recorded->mark;
  }
  EXPECT_EQ(journal->epoch(), 1u);
  EXPECT_EQ(contents(*root, *journal), all);
  const auto before = journal->size_bytes();
  const auto trimmed = journal->trim(checkpoint);
  ASSERT_OK(trimmed);
  EXPECT_GT(*trimmed, 1u);
  EXPECT_LT(*journal->size_bytes(), *before);
  const auto begin = journal->begin();
  ASSERT_OK(begin);
  EXPECT_GT(begin->seq, 0u);
  EXPECT_LE(begin->seq, 41u);
  open();
  EXPECT_EQ(contents(*root, *journal),
            Texts(all.begin() + static_cast<std::ptrdiff_t>(begin->seq), all.end()));
  // What was trimmed is said to be, what is missing otherwise is damage.
  const auto gone = Reader::open(*root, test_store(), Mark{{1, 4096}, 0});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::kNotFound);
  EXPECT_EQ(*journal->trim(Mark{}), 0u);
}

TEST_F(JournalTest, WhereItBeginsIsToldWhileAnotherTrims) {
  open();
  Mark checkpoint;
  for (int i = 0; i < 40; ++i) {
    const auto recorded = record_text(*journal, std::string(3000, 'r'));
    ASSERT_OK(recorded);
    if (i == 20) checkpoint = recorded->mark;
  }
  bool trimmed = false;
  const auto hook = std::make_shared<DirectoryHook>();
  HookedDirectory hooked(machine.open(machine.disk().start_process()), hook);
  const auto other = open_journal(hooked, clock, options);
  ASSERT_OK(other);
  // Between the look at what is there and the opening of what was first.
  *hook = [&](std::string_view operation, const std::string& name) -> Status {
    if (operation != "open-read" || !name.ends_with(segment_name(1)) || trimmed) return {};
    trimmed = true;
    TRY(journal->trim(checkpoint));
    return {};
  };
  const auto begin = (*other)->begin();
  ASSERT_OK(begin);
  EXPECT_TRUE(trimmed);
  EXPECT_GT(begin->seq, 0u);
  EXPECT_EQ(*begin, *journal->begin());
}

TEST_F(JournalTest, MissingReorderedAndForeignSegmentsAreRefused) {
  open();
  for (int i = 0; i < 60; ++i) ASSERT_OK(record_text(*journal, std::string(3000, 'r')));
  const Mark end = journal->end();
  journal.reset();
  ASSERT_GE(end.position.segment, 4u);
  const auto name = [](uint64_t id) { return "journal/" + segment_name(id); };
  const auto refusal = [&] {
    const auto opened = open_journal(*root, clock, options);
    const auto read = read_entries(*root, end);
    EXPECT_FALSE(read);
    return opened ? std::string("opened") : error_of(opened);
  };
  for (const uint64_t lost : {uint64_t{1}, uint64_t{2}}) {
    const ByteVector kept = machine.image().bytes(name(lost));
    machine.image().remove(name(lost));
    EXPECT_EQ(refusal().find("corrupt: segment " + std::to_string(lost)), 0u) << refusal();
    machine.image().set_bytes(name(lost), kept);
  }
  const ByteVector two = machine.image().bytes(name(2));
  const ByteVector three = machine.image().bytes(name(3));
  machine.image().set_bytes(name(2), three);
  machine.image().set_bytes(name(3), two);
  EXPECT_EQ(refusal().find("corrupt: segment 2 offset 0"), 0u) << refusal();
  machine.image().set_bytes(name(3), three);
  ByteVector foreign = two;
  SegmentHeader header = *decode_segment_header(ByteSpan(two).first(4096), test_store(), 2);
  header.store = test_store(9);
  encode_segment_header(header, foreign.data());
  machine.image().set_bytes(name(2), foreign);
  EXPECT_EQ(refusal().find("disagree: segment 2"), 0u) << refusal();
  // Of this store and place, yet it says that segment 1 ended before its first frame.
  ByteVector other = two;
  header.store = test_store();
  header.previous_end = 0;
  encode_segment_header(header, other.data());
  machine.image().set_bytes(name(2), other);
  EXPECT_EQ(refusal().find("corrupt: segment 2 offset 0"), 0u) << refusal();
  machine.image().set_bytes(name(2), two);
  EXPECT_OK(open_journal(*root, clock, options));
}

// What cannot happen by the order of barriers: the newer segment is there, and of the older one
// only what was synced long before. It is damage, wherever the older one ends.
TEST_F(JournalTest, NewerSegmentSyncedBeforeTheOlderIsRefused) {
  open();
  for (int i = 0; i < 40; ++i) ASSERT_OK(record_text(*journal, std::string(3000, 'r')));
  const Mark end = journal->end();
  journal.reset();
  ASSERT_GE(end.position.segment, 2u);
  const std::string name = "journal/" + segment_name(end.position.segment - 1);
  const ByteVector good = machine.image().bytes(name);
  for (uint64_t kept = 4096; kept < 40960; kept += 4096) {
    ByteVector older(good.size());
    std::copy_n(good.begin(), kept, older.begin());
    machine.image().set_bytes(name, older);
    const auto read = read_entries(*root, end);
    ASSERT_FALSE(read) << kept;
    EXPECT_EQ(read.error().code, Code::kCorrupt);
    EXPECT_NE(read.error().message.find("offset " + std::to_string(kept)), std::string::npos)
        << read.error().message;
  }
}

TEST_F(JournalTest, GroupsMisplacedBetweenSegmentsDoNotPass) {
  open();
  for (int i = 0; i < 40; ++i) ASSERT_OK(record_text(*journal, std::string(3000, 'r')));
  const Mark end = journal->end();
  journal.reset();
  const auto name = [](uint64_t id) { return "journal/" + segment_name(id); };
  const ByteVector one = machine.image().bytes(name(1));
  const ByteVector two = machine.image().bytes(name(2));
  for (uint64_t at = 4096; at < 32768; at += 4096) {
    ByteVector bytes = one;
    std::copy_n(two.begin() + static_cast<std::ptrdiff_t>(at), 4096,
                bytes.begin() + static_cast<std::ptrdiff_t>(at));
    machine.image().set_bytes(name(1), bytes);
    const auto read = read_entries(*root, end);
    ASSERT_FALSE(read) << at;
    EXPECT_EQ(read.error().code, Code::kCorrupt);
  }
}

TEST_F(JournalTest, WhoJoinsComparesTheLogWithWhatOthersKnowToHaveBeenDurable) {
  open();
  ASSERT_OK(record_text(*journal, "one"));
  const DurableClaim held{{{}, 1}, "applied watermark"};
  EXPECT_OK(open_journal(*root, clock, options, {&held, 1}));
  const DurableClaim lost{{{}, 2}, "applied watermark"};
  const auto joined = open_journal(*root, clock, options, {&lost, 1});
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().code, Code::kCorrupt);
}

TEST_F(JournalTest, NewerFormatsAreRefusedAndCompatibleOnesRead) {
  open();
  ASSERT_OK(record_text(*journal, "kept"));
  journal.reset();
  const std::string name = "journal/" + segment_name(1);
  const ByteVector good = machine.image().bytes(name);
  const auto with = [&](auto change) {
    SegmentHeader header = *decode_segment_header(ByteSpan(good).first(4096), test_store(), 1);
    change(header);
    ByteVector bytes = good;
    encode_segment_header(header, bytes.data());
    machine.image().set_bytes(name, bytes);
    const auto opened = open_journal(*root, clock, options);
    return opened ? std::string("opened") : std::string(code_name(opened.error().code));
  };
  EXPECT_EQ(with([](SegmentHeader& header) { header.format_version = 2; }), "unsupported");
  EXPECT_EQ(with([](SegmentHeader& header) { header.incompatible_flags = 4; }), "unsupported");
  EXPECT_EQ(with([](SegmentHeader& header) { header.compatible_flags = 4; }), "opened");
}

TEST_F(JournalTest, ClosedSegmentsAreReadLoudly) {
  open();
  for (int i = 0; i < 40; ++i) ASSERT_OK(record_text(*journal, std::string(3000, 'r')));
  const Mark end = journal->end();
  const std::string name = "journal/" + segment_name(1);
  const ByteVector good = machine.image().bytes(name);
  for (uint64_t bit = 4096 * 8 + 3; bit < 20000 * 8; bit += 1009) {
    ByteVector bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    machine.image().set_bytes(name, bad);
    const auto read = read_entries(*root, end);
    ASSERT_FALSE(read) << "bit " << bit;
    EXPECT_EQ(read.error().code, Code::kCorrupt);
    EXPECT_EQ(read.error().message.find("segment 1 offset "), 0u) << read.error().message;
  }
}

TEST_F(JournalTest, GroupLargerThanASegmentGoesIn) {
  open();
  ASSERT_OK(record_text(*journal, "small"));
  const std::string large(300'000, 'L');
  ASSERT_OK(record_text(*journal, large));
  ASSERT_OK(record_text(*journal, "next"));
  EXPECT_EQ(journal->end().position.segment, 2u);
  EXPECT_EQ(contents(*root, *journal), (Texts{"small", large, "next"}));
}

// On real files, buffered and direct, and on a file system without O_DIRECT.
class RealFiles : public testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(RealFiles, RecordsRotatesReopensAndReads) {
  const auto [where, direct] = GetParam();
  const std::filesystem::path parent =
      std::string_view(where).empty() ? std::filesystem::temp_directory_path() : where;
  const TemporaryDirectory directory("syncline-test", parent);
  auto root = open_posix_directory(directory.string());
  ASSERT_OK(root);
  JournalOptions options = small_options();
  options.direct_io = direct;
  ASSERT_OK(Journal::create(**root, test_store(), system_clock(), options));
  Texts all;
  for (int round = 0; round < 3; ++round) {
    auto journal = Journal::open(**root, test_store(), system_clock(), make_best_ring(), options);
    ASSERT_OK(journal);
    for (int i = 0; i < 20; ++i) {
      all.push_back(std::to_string(round * 100 + i) + std::string(2500, 'f'));
      ASSERT_OK(record_text(**journal, all.back()));
    }
    EXPECT_EQ(contents(**root, **journal), all);
    EXPECT_FALSE((*journal)->recovery().torn);
  }
}

INSTANTIATE_TEST_SUITE_P(Journal, RealFiles,
                         testing::Values(std::pair{"", false}, std::pair{"", true},
                                         std::pair{"/dev/shm", false},
                                         std::pair{"/dev/shm", true}));

}  // namespace
}  // namespace syncline
