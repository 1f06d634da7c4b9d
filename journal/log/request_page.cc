#include "journal/log/request_page.h"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "journal/base/assert.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr uint64_t kRequestsMagic = 0x31514552534c4353ULL;
constexpr uint64_t kRequestsVersion = 1;

constexpr size_t kHeadBytes = 4096;
constexpr size_t kPageBytes = kHeadBytes + RequestPage::kSlots * RequestPage::kSlotBytes;

// Of the head.
constexpr size_t kRequestsMagicAt = 0;
constexpr size_t kRequestsVersionAt = 8;
constexpr size_t kMadeByAt = 16;  // the presence in which it was made
constexpr size_t kLastGroupAt = 24;
constexpr size_t kGatheringAt = 64;  // a leader sleeps on the word of posts
constexpr size_t kPostsAt = 128;     // counts them

// Of a slot.
constexpr size_t kStateAt = 0;  // turn × 256 + state; waiters sleep on its lower half
constexpr size_t kSinceAt = 8;  // the time of the last change that somebody else must follow
constexpr size_t kRequestCheckAt = 16;
constexpr size_t kBytesAt = 24;
constexpr size_t kTagAt = 32;
constexpr size_t kProgressAt = 40;
constexpr size_t kWhatAt = 48;
constexpr size_t kKnownSeqAt = 56;
constexpr size_t kPlaceAt = 64;  // nine words
constexpr size_t kRequestAt = 256;
static_assert(kRequestAt + RequestPage::kRequestBytesMax == RequestPage::kSlotBytes);

enum SlotState : uint8_t { kFree, kFilling, kPosted, kCalled, kTaken, kWriting, kAnswered };
enum Progress : uint64_t { kNothing, kPlaced, kWritten };

constexpr uint64_t word_of(uint64_t turn, SlotState state) {
  return turn << 8 | state;
}
constexpr SlotState state_of(uint64_t word) {
  return static_cast<SlotState>(word & 0xff);
}
constexpr uint64_t turn_of(uint64_t word) {
  return word >> 8;
}

// A leader has it, and may change it.
constexpr bool is_led(uint64_t word) {
  return state_of(word) == kTaken || state_of(word) == kWriting;
}

size_t at(size_t slot, size_t field) {
  return kHeadBytes + slot * RequestPage::kSlotBytes + field;
}

uint64_t check_of(ByteSpan request, uint64_t turn, uint64_t tag) {
  return XXH3_64bits_withSeed(request.data(), request.size(), turn ^ tag);
}

std::atomic_ref<uint64_t> word_at(std::byte* bytes, size_t offset) {
  return std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes + offset));
}

}  // namespace

Result<std::unique_ptr<RequestPage>> RequestPage::open(Directory& store_directory,
                                                       uint64_t presence, Clock& clock) {
  SYNCLINE_ASSERT(presence != 0);
  TRY_ASSIGN(auto page, store_directory.map_page(kRequestsName, kPageBytes));
  TRY_ASSIGN(auto lead_lock, store_directory.open_lock(kLeadLockName));
  return std::unique_ptr<RequestPage>(
      new RequestPage(std::move(page), std::move(lead_lock), presence, clock));
}

RequestPage::RequestPage(std::unique_ptr<SharedPage> page, std::unique_ptr<FileLock> lead_lock,
                         uint64_t presence, Clock& clock)
    : page_(std::move(page)),
      bytes_(page_->bytes().data()),
      lead_lock_(std::move(lead_lock)),
      presence_(presence),
      clock_(clock) {
  SYNCLINE_ASSERT(page_->bytes().size() >= kPageBytes);
}

uint64_t RequestPage::load(size_t offset) const {
  return word_at(bytes_, offset).load(std::memory_order_seq_cst);
}

void RequestPage::store(size_t offset, uint64_t value) {
  word_at(bytes_, offset).store(value, std::memory_order_seq_cst);
}

bool RequestPage::exchange(size_t offset, uint64_t expected, uint64_t value) {
  return word_at(bytes_, offset)
      .compare_exchange_strong(expected, value, std::memory_order_seq_cst);
}

void RequestPage::wake(size_t slot) {
  page_->wake(at(slot, kStateAt));
}

bool RequestPage::is_current() const {
  return load(kRequestsMagicAt) == kRequestsMagic && load(kRequestsVersionAt) == kRequestsVersion &&
         load(kMadeByAt) == presence_;
}

// Nobody has posted into it, for nobody posts into a page that is not current. The turns go on, so
// that no slot is given out twice under one number.
void RequestPage::format() {
  store(kRequestsMagicAt, 0);
  for (size_t offset = kRequestsVersionAt; offset < kHeadBytes; offset += 8) store(offset, 0);
  for (size_t slot = 0; slot < kSlots; ++slot) {
    store(at(slot, kStateAt), word_of(turn_of(load(at(slot, kStateAt))), kFree));
  }
  store(kRequestsVersionAt, kRequestsVersion);
  store(kMadeByAt, presence_);
  store(kRequestsMagicAt, kRequestsMagic);
}

// ---- who leads ----

Result<bool> RequestPage::try_lead() {
  TRY_ASSIGN(const bool held, lead_lock_->try_lock(FileLock::Mode::kExclusive));
  if (held && !is_current()) format();
  return held;
}

// Who posts after this look finds the lock free. If the one who is called is dead, the others find
// the lock free in time.
void RequestPage::end_lead() {
  lead_lock_->unlock();
  std::optional<size_t> best;
  uint64_t best_known_seq = 0;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    const SlotState state = state_of(load(at(slot, kStateAt)));
    if (state == kCalled) return;
    if (state != kPosted) continue;
    const uint64_t known_seq = load(at(slot, kKnownSeqAt));
    if (best && known_seq <= best_known_seq) continue;
    best = slot;
    best_known_seq = known_seq;
  }
  if (!best) return;
  const uint64_t word = load(at(*best, kStateAt));
  if (state_of(word) == kPosted) {
    exchange(at(*best, kStateAt), word, word_of(turn_of(word), kCalled));
  }
  wake(*best);
}

void RequestPage::gather(uint64_t wanted, int64_t quiet_ns, int64_t longest_ns) {
  const auto waiting = [this] {
    uint64_t count = 0;
    for (size_t slot = 0; slot < kSlots; ++slot) {
      const SlotState state = state_of(load(at(slot, kStateAt)));
      count += state == kPosted || state == kCalled ? 1 : 0;
    }
    return count;
  };
  const int64_t latest = clock_.monotonic_ns() + longest_ns;
  store(kGatheringAt, 1);
  for (bool more = true; more;) {
    const auto seen = static_cast<uint32_t>(load(kPostsAt));
    const int64_t now = clock_.monotonic_ns();
    if (waiting() >= wanted || now >= latest) break;
    page_->wait(kPostsAt, seen, {std::min(now + quiet_ns, latest)});
    more = static_cast<uint32_t>(load(kPostsAt)) != seen;
  }
  store(kGatheringAt, 0);
}

bool RequestPage::is_stale(size_t slot) const {
  const auto since = static_cast<int64_t>(load(at(slot, kSinceAt)));
  return clock_.monotonic_ns() - since > kSlotLifeMs * 1'000'000;
}

// Copied before it is checked: a process that was stopped may still write here.
std::optional<ByteVector> RequestPage::copy_of(size_t slot, uint64_t turn) const {
  const uint64_t size = load(at(slot, kBytesAt));
  if (size > kRequestBytesMax) return std::nullopt;
  const std::byte* const from = bytes_ + at(slot, kRequestAt);
  ByteVector copy(from, from + size);
  if (load(at(slot, kRequestCheckAt)) != check_of(copy, turn, load(at(slot, kTagAt))))
    return std::nullopt;
  return copy;
}

std::vector<RequestPage::Request> RequestPage::take(uint64_t tag) {
  std::vector<Request> taken;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    const uint64_t word = load(at(slot, kStateAt));
    const uint64_t turn = turn_of(word);
    const SlotState state = state_of(word);
    if (state == kFree || state == kTaken || state == kWriting) continue;
    if (state == kFilling || state == kAnswered) {
      // Its owner died, or it is about to find that it was too slow.
      if (is_stale(slot)) exchange(at(slot, kStateAt), word, word_of(turn, kFree));
      continue;
    }
    if (load(at(slot, kTagAt)) != tag) {
      if (is_stale(slot)) exchange(at(slot, kStateAt), word, word_of(turn, kFree));
      continue;
    }
    auto bytes = copy_of(slot, turn);
    if (!bytes) {
      if (exchange(at(slot, kStateAt), word, word_of(turn, kFree))) wake(slot);
      continue;
    }
    store(at(slot, kProgressAt), kNothing);
    if (!exchange(at(slot, kStateAt), word, word_of(turn, kTaken))) continue;
    store(at(slot, kSinceAt), static_cast<uint64_t>(clock_.monotonic_ns()));
    taken.push_back({slot, turn, std::move(*bytes)});
  }
  return taken;
}

void RequestPage::put_place(size_t slot, const Place& place) {
  const Appended& appended = place.appended;
  const uint64_t words[] = {appended.mark.position.segment,
                            appended.mark.position.offset,
                            appended.mark.seq,
                            appended.epoch,
                            appended.first_seq,
                            appended.last_payload_hash,
                            place.id,
                            static_cast<uint64_t>(place.time_ms),
                            place.append_word};
  for (size_t i = 0; i < std::size(words); ++i) store(at(slot, kPlaceAt + 8 * i), words[i]);
}

RequestPage::Place RequestPage::place_of(size_t slot) const {
  const auto word = [&](size_t i) { return load(at(slot, kPlaceAt + 8 * i)); };
  Place place;
  place.appended.mark = {.position = {word(0), word(1)}, .seq = word(2)};
  place.appended.epoch = word(3);
  place.appended.first_seq = word(4);
  place.appended.last_payload_hash = word(5);
  place.id = word(6);
  place.time_ms = static_cast<int64_t>(word(7));
  place.append_word = static_cast<uint32_t>(word(8));
  return place;
}

bool RequestPage::begin(const Request& request) {
  return exchange(at(request.slot, kStateAt), word_of(request.turn, kTaken),
                  word_of(request.turn, kWriting));
}

void RequestPage::place(const Request& request, const Place& place) {
  put_place(request.slot, place);
  store(at(request.slot, kProgressAt), kPlaced);
}

void RequestPage::note_written(const Request& request) {
  store(at(request.slot, kProgressAt), kWritten);
}

void RequestPage::answer(const Request& request, const Answer& answer) {
  // Who asked may have withdrawn it, or taken it over, and be about to use the slot again: until
  // the request is answered nothing is stored that such an owner would read.
  const size_t state = at(request.slot, kStateAt);
  const uint64_t word = load(state);
  if (!is_led(word) || turn_of(word) != request.turn) return;
  put_place(request.slot, answer.place);
  store(at(request.slot, kWhatAt), static_cast<uint64_t>(answer.what));
  store(at(request.slot, kSinceAt), static_cast<uint64_t>(clock_.monotonic_ns()));
  if (exchange(state, word, word_of(request.turn, kAnswered))) wake(request.slot);
}

void RequestPage::give_back(const Request& request) {
  const size_t state = at(request.slot, kStateAt);
  for (const SlotState from : {kTaken, kWriting}) {
    exchange(state, word_of(request.turn, from), word_of(request.turn, kPosted));
  }
}

bool RequestPage::has_unsettled() const {
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (is_led(load(at(slot, kStateAt)))) return true;
  }
  return false;
}

void RequestPage::settle(const AppendTurn& turn) {
  for (size_t slot = 0; slot < kSlots; ++slot) {
    const uint64_t word = load(at(slot, kStateAt));
    if (is_led(word)) settle_one(slot, turn_of(word), turn);
  }
}

// Taking the append lock has mended what the dead leader left in the log: of its group the frames
// that were whole are kept.
//
//   not placed                                   the write never began: given back
//   written                                      in the log: kUnsure, who asked flushes it
//   placed, and no append has begun since        the end of the log is behind it: kUnsure
//                                                before it, in the same epoch: given back
//                                                another epoch (a torn group was cut): kUnsure
//   placed, and another append has begun since   its frames may stand in that place: kUnknown
void RequestPage::settle_one(size_t slot, uint64_t turn, const AppendTurn& append_turn) {
  const Request request{slot, turn, {}};
  const uint64_t progress = load(at(slot, kProgressAt));
  if (progress == kNothing) {
    give_back(request);
    return;
  }
  const Place place = place_of(slot);
  if (progress == kPlaced) {
    if (append_turn.word() != place.append_word) {
      answer(request, {What::kUnknown, place});
      return;
    }
    if (append_turn.epoch() == place.appended.epoch &&
        append_turn.end().position < place.appended.mark.position) {
      give_back(request);
      return;
    }
  }
  answer(request, {What::kUnsure, place});
}

uint64_t RequestPage::last_group() const {
  return load(kLastGroupAt);
}

void RequestPage::note_group(uint64_t members) {
  store(kLastGroupAt, members);
}

// ---- who asks ----

std::optional<RequestPage::Ticket> RequestPage::post(uint64_t tag, uint64_t known_seq,
                                                     ByteSpan request) {
  SYNCLINE_ASSERT(request.size() <= kRequestBytesMax);
  if (!is_current()) return std::nullopt;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    const uint64_t word = load(at(slot, kStateAt));
    if (state_of(word) != kFree) continue;
    const uint64_t turn = turn_of(word) + 1;
    if (!exchange(at(slot, kStateAt), word, word_of(turn, kFilling))) continue;
    store(at(slot, kSinceAt), static_cast<uint64_t>(clock_.monotonic_ns()));
    store(at(slot, kBytesAt), request.size());
    store(at(slot, kTagAt), tag);
    store(at(slot, kKnownSeqAt), known_seq);
    store(at(slot, kProgressAt), kNothing);
    std::memcpy(bytes_ + at(slot, kRequestAt), request.data(), request.size());
    store(at(slot, kRequestCheckAt), check_of(request, turn, tag));
    if (!exchange(at(slot, kStateAt), word_of(turn, kFilling), word_of(turn, kPosted))) {
      return std::nullopt;  // it was stopped for so long that the slot was taken back
    }
    word_at(bytes_, kPostsAt).fetch_add(1, std::memory_order_seq_cst);
    if (load(kGatheringAt) != 0) page_->wake(kPostsAt);
    return Ticket{slot, turn};
  }
  return std::nullopt;
}

RequestPage::State RequestPage::state(const Ticket& ticket) const {
  const uint64_t word = load(at(ticket.slot, kStateAt));
  if (turn_of(word) != ticket.turn) return State::kLost;
  switch (state_of(word)) {
    case kPosted:
    case kCalled:
      return State::kPosted;
    case kTaken:
      return State::kTaken;
    case kWriting:
      return State::kWriting;
    case kAnswered:
      return State::kAnswered;
    case kFree:
    case kFilling:
      break;
  }
  return State::kLost;
}

bool RequestPage::withdraw(const Ticket& ticket) {
  const size_t state = at(ticket.slot, kStateAt);
  const uint64_t free = word_of(ticket.turn, kFree);
  // A leader may change it between two tries, and give it back.
  while (true) {
    const uint64_t word = load(state);
    const SlotState now = state_of(word);
    if (turn_of(word) != ticket.turn || (now != kPosted && now != kCalled && now != kTaken)) {
      return false;
    }
    if (exchange(state, word, free)) return true;
  }
}

bool RequestPage::is_anybody_called() const {
  for (size_t slot = 0; slot < kSlots; ++slot) {
    if (state_of(load(at(slot, kStateAt))) == kCalled) return true;
  }
  return false;
}

Result<bool> RequestPage::try_lead_for(const Ticket& ticket) {
  exchange(at(ticket.slot, kStateAt), word_of(ticket.turn, kCalled), word_of(ticket.turn, kPosted));
  return try_lead();
}

void RequestPage::wait(const Ticket& ticket, Deadline deadline) {
  const size_t state = at(ticket.slot, kStateAt);
  const uint64_t word = load(state);
  if (turn_of(word) != ticket.turn || (state_of(word) != kPosted && !is_led(word))) return;
  page_->wait(state, static_cast<uint32_t>(word), deadline);
}

RequestPage::Answer RequestPage::collect(const Ticket& ticket) {
  Answer answer{static_cast<What>(load(at(ticket.slot, kWhatAt))), place_of(ticket.slot)};
  const bool mine = exchange(at(ticket.slot, kStateAt), word_of(ticket.turn, kAnswered),
                             word_of(ticket.turn, kFree));
  if (!mine) answer = {What::kUnknown, {}};  // it came so late that the slot was given out again
  return answer;
}

std::optional<RequestPage::Place> RequestPage::take_over(const Ticket& ticket) {
  if (load(at(ticket.slot, kProgressAt)) != kWritten) return std::nullopt;
  const Place place = place_of(ticket.slot);
  const bool mine = exchange(at(ticket.slot, kStateAt), word_of(ticket.turn, kWriting),
                             word_of(ticket.turn, kFree));
  return mine ? std::optional(place) : std::nullopt;
}

}  // namespace syncline
