#include "journal/log/control_page.h"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "journal/base/assert.h"

namespace syncline {
namespace {

constexpr uint64_t kPageMagic = 0x314c52544353594eULL;
constexpr uint64_t kPageVersion = 1;

constexpr size_t kMagicAt = 0;
constexpr size_t kVersionAt = 8;
constexpr size_t kStoreAt = 16;  // two words
constexpr size_t kTokenAt = 32;
constexpr size_t kPendingAppendAt = 64;
constexpr size_t kPendingBirthAt = 72;
constexpr size_t kPendingFlushSegmentAt = 128;
constexpr size_t kPendingFlushEpochAt = 136;
constexpr size_t kEndAt = 256;  // two slots
constexpr size_t kDurableAt = 512;
constexpr size_t kBlankRestAt = 768;  // five words and a check word
constexpr size_t kBlankSegmentAt = 832;
constexpr size_t kWatermarksAt = 1024;
constexpr size_t kFutexesAt = 1152;
constexpr size_t kCountersAt = 1280;
constexpr size_t kLatenciesAt = 1408;
constexpr size_t kLiveAt = 2048;
constexpr size_t kPresenceAt = 2056;
constexpr size_t kAppendWordAt = 2064;
constexpr size_t kMomentsAt = 2112;
constexpr size_t kRecentRetriesAt = 2304;
constexpr size_t kMemosAt = 2560;
static_assert(kWatermarksAt + 8 * static_cast<size_t>(Watermark::kCount) <= kFutexesAt);
static_assert(kFutexesAt + 4 * static_cast<size_t>(Watermark::kCount) <= kCountersAt);
static_assert(kCountersAt + 8 * static_cast<size_t>(Counter::kCount) <= kLatenciesAt);

// Latencies: a histogram's counts, and their sum in nanoseconds.
constexpr size_t kLatencyWords = Histogram::kRanges + 1;
static_assert(kLatenciesAt + 8 * kLatencyWords * static_cast<size_t>(Latency::kCount) <= kLiveAt);

// Recent retries: a ring of periods of the wall clock, by their number. A word holds the number of
// the period that it counts, and how many there were: whoever finds an older one begins it anew. A
// clock that is set loses the minute, and nothing else.
constexpr int64_t kPeriodMs = 5'000;
constexpr uint64_t kPeriodsOfMinute = 60'000 / kPeriodMs;
constexpr uint64_t kPeriods = 16;
constexpr uint64_t kPeriodCountBits = 24;
constexpr uint64_t kPeriodCountMax = (uint64_t{1} << kPeriodCountBits) - 1;
static_assert(kPeriodsOfMinute < kPeriods);
static_assert(kRecentRetriesAt + 8 * kPeriods <= kMemosAt);

// A memo: check word, length, bytes.
constexpr size_t kMemoHeadBytes = 16;
constexpr size_t kMemoBytes = kMemoHeadBytes + kMemoBytesMax;
static_assert(kMomentsAt + 8 * static_cast<size_t>(Moment::kCount) <= kRecentRetriesAt);
static_assert(kMemosAt + kMemoBytes * static_cast<size_t>(Memo::kCount) <= kControlPageBytes);

// A slot: turn, the seven fields of a EpochMark, check word.
constexpr size_t kSlotBytes = 128;
constexpr size_t kSlotWords = 8;
constexpr size_t kCheckAt = kSlotWords * 8;
constexpr size_t kRestWords = 5;
using SlotWords = std::array<uint64_t, kSlotWords>;

static_assert(std::atomic_ref<uint64_t>::is_always_lock_free);
static_assert(std::atomic_ref<uint32_t>::is_always_lock_free);

uint64_t check_of(const SlotWords& words) {
  // Bit 0 is set, so that a slot whose check word is zero is never whole.
  return XXH3_64bits(words.data(), sizeof words) | 1;
}

size_t watermark_at(Watermark which) {
  return kWatermarksAt + size_t{8} * std::to_underlying(which);
}
size_t futex_at(Watermark which) {
  return kFutexesAt + size_t{4} * std::to_underlying(which);
}
size_t counter_at(Counter which) {
  return kCountersAt + size_t{8} * std::to_underlying(which);
}

size_t latency_at(Latency which) {
  return kLatenciesAt + 8 * kLatencyWords * std::to_underlying(which);
}
uint64_t period_of(int64_t now_ms) {
  return static_cast<uint64_t>(std::max<int64_t>(now_ms, 0) / kPeriodMs);
}

uint64_t token_of(std::string_view cache_token) {
  return cache_token.empty() ? 0 : XXH3_64bits(cache_token.data(), cache_token.size()) | 1;
}

// What the check word of the slot there has to be.
uint64_t check_at(ByteSpan page, size_t slot) {
  SlotWords words;
  for (size_t i = 0; i < kSlotWords; ++i) {
    words[i] = load_le<uint64_t>(page.data() + slot + 8 * i);
  }
  return check_of(words);
}

size_t memo_at(Memo which) {
  return kMemosAt + kMemoBytes * std::to_underlying(which);
}
uint64_t memo_check(ByteSpan bytes, uint64_t token) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), token) | 1;
}

}  // namespace

ControlPage::ControlPage(std::unique_ptr<SharedPage> page)
    : page_(std::move(page)), bytes_(page_->bytes().data()) {
  SYNCLINE_ASSERT(page_->bytes().size() >= kControlPageBytes);
  SYNCLINE_ASSERT(reinterpret_cast<uintptr_t>(bytes_) % 8 == 0);
}

uint64_t ControlPage::load(size_t offset) const {
  return std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes_ + offset))
      .load(std::memory_order_acquire);
}

void ControlPage::store(size_t offset, uint64_t value) {
  std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes_ + offset))
      .store(value, std::memory_order_seq_cst);
}

bool ControlPage::valid(const StoreId& store) const {
  return load(kMagicAt) == kPageMagic && load(kVersionAt) == kPageVersion &&
         load(kStoreAt) == load_le<uint64_t>(store.bytes.data()) &&
         load(kStoreAt + 8) == load_le<uint64_t>(store.bytes.data() + 8);
}

void ControlPage::format(const StoreId& store_id, std::string_view cache_token) {
  store(kMagicAt, 0);
  for (size_t at = 8; at < kControlPageBytes; at += 8) store(at, 0);
  store(kVersionAt, kPageVersion);
  store(kStoreAt, load_le<uint64_t>(store_id.bytes.data()));
  store(kStoreAt + 8, load_le<uint64_t>(store_id.bytes.data() + 8));
  adopt_cache(cache_token);
  store(kMagicAt, kPageMagic);
}

bool ControlPage::same_cache(std::string_view cache_token) const {
  return !cache_token.empty() && load(kTokenAt) == token_of(cache_token);
}

void ControlPage::adopt_cache(std::string_view cache_token) {
  store(kTokenAt, token_of(cache_token));
}

std::optional<EpochMark> ControlPage::load_slots(size_t offset) const {
  // Only a writer that updates twice within one look can spoil both slots, hence the few tries; and
  // it leaves them changed, so slots that look the same twice were never whole.
  static constexpr int kTries = 1000;
  using Look = std::array<std::array<uint64_t, kSlotWords + 1>, 2>;
  Look before{};
  for (int tries = 0; tries < kTries; ++tries) {
    Look look;
    std::optional<SlotWords> newest;
    for (size_t slot = 0; slot < 2; ++slot) {
      const size_t at = offset + slot * kSlotBytes;
      const uint64_t check = look[slot][kSlotWords] = load(at + kCheckAt);
      SlotWords words;
      for (size_t i = 0; i < kSlotWords; ++i) look[slot][i] = words[i] = load(at + 8 * i);
      if (check != check_of(words)) continue;
      if (!newest || words[0] > (*newest)[0]) newest = words;
    }
    if (newest) {
      const SlotWords& w = *newest;
      return EpochMark{w[1], w[2], w[3], w[4], static_cast<int64_t>(w[5]), w[6], w[7]};
    }
    if (tries > 0 && look == before) return std::nullopt;
    before = look;
  }
  return std::nullopt;
}

void ControlPage::store_slots(size_t offset, const EpochMark& mark) {
  uint64_t turn = 0;
  size_t into = offset;
  for (const size_t slot : {offset, offset + kSlotBytes}) {
    SlotWords words;
    for (size_t i = 0; i < kSlotWords; ++i) words[i] = load(slot + 8 * i);
    if (load(slot + kCheckAt) != check_of(words) || words[0] <= turn) continue;
    turn = words[0];
    into = slot == offset ? offset + kSlotBytes : offset;
  }
  const SlotWords words{turn + 1,        mark.segment,
                        mark.offset,     mark.seq,
                        mark.epoch,      static_cast<uint64_t>(mark.last_time_ms),
                        mark.last_frame, mark.prepared_bytes};
  store(into + kCheckAt, 0);
  for (size_t i = 0; i < kSlotWords; ++i) store(into + 8 * i, words[i]);
  store(into + kCheckAt, check_of(words));
}

std::optional<EpochMark> ControlPage::end() const {
  return load_slots(kEndAt);
}
void ControlPage::set_end(const EpochMark& mark) {
  store_slots(kEndAt, mark);
}
std::optional<EpochMark> ControlPage::durable() const {
  return load_slots(kDurableAt);
}
void ControlPage::set_durable(const EpochMark& mark) {
  store_slots(kDurableAt, mark);
}

PendingAppend ControlPage::pending_append() const {
  const uint64_t value = load(kPendingAppendAt);
  if (value == 0) return PendingAppend::kNone;
  return value == std::to_underlying(PendingAppend::kVoid) ? PendingAppend::kVoid
                                                           : PendingAppend::kUnderWay;
}
void ControlPage::set_pending_append(PendingAppend mark) {
  store(kPendingAppendAt, std::to_underlying(mark));
}

uint64_t ControlPage::pending_birth() const {
  return load(kPendingBirthAt);
}
void ControlPage::set_pending_birth(uint64_t segment) {
  store(kPendingBirthAt, segment);
}

std::optional<PendingFlush> ControlPage::pending_flush() const {
  const PendingFlush mark{load(kPendingFlushSegmentAt), load(kPendingFlushEpochAt)};
  return mark.segment == 0 ? std::nullopt : std::optional(mark);
}
void ControlPage::set_pending_flush(const PendingFlush& mark) {
  // The segment is stored last: the mark is set only once it is there.
  store(kPendingFlushSegmentAt, 0);
  store(kPendingFlushEpochAt, mark.epoch);
  store(kPendingFlushSegmentAt, mark.segment);
}
void ControlPage::clear_pending_flush() {
  store(kPendingFlushSegmentAt, 0);
}

uint64_t ControlPage::blank_segment() const {
  return load(kBlankSegmentAt);
}
void ControlPage::set_blank_segment(uint64_t segment) {
  store(kBlankSegmentAt, segment);
}

std::optional<BlankRest> ControlPage::blank_rest() const {
  SlotWords words{};
  for (size_t i = 0; i < kRestWords; ++i) words[i] = load(kBlankRestAt + 8 * i);
  if (load(kBlankRestAt + 8 * kRestWords) != check_of(words)) return std::nullopt;
  return BlankRest{words[0], words[1], words[2], static_cast<int64_t>(words[3]),
                   static_cast<uint32_t>(words[4])};
}
// Two that leave at once may mix their words: then the check word does not hold, and nothing is
// known.
void ControlPage::set_blank_rest(const BlankRest& rest) {
  const SlotWords words{rest.segment, rest.offset, rest.size_bytes,
                        static_cast<uint64_t>(rest.ctime_s), rest.ctime_ns};
  for (size_t i = 0; i < kRestWords; ++i) store(kBlankRestAt + 8 * i, words[i]);
  store(kBlankRestAt + 8 * kRestWords, check_of(words));
}

uint64_t ControlPage::watermark(Watermark which) const {
  return load(watermark_at(which));
}

void ControlPage::bump(Watermark which) {
  std::atomic_ref(*reinterpret_cast<uint32_t*>(bytes_ + futex_at(which)))
      .fetch_add(1, std::memory_order_seq_cst);
  page_->wake(futex_at(which));
}

void ControlPage::raise_watermark(Watermark which, uint64_t seq) {
  const std::atomic_ref word(*reinterpret_cast<uint64_t*>(bytes_ + watermark_at(which)));
  uint64_t seen = word.load(std::memory_order_acquire);
  while (seen < seq) {
    if (word.compare_exchange_weak(seen, seq, std::memory_order_seq_cst)) {
      bump(which);
      return;
    }
  }
}

void ControlPage::put_watermark(Watermark which, uint64_t seq) {
  store(watermark_at(which), seq);
  bump(which);
}

void ControlPage::forget_watermarks() {
  for (size_t i = 0; i < static_cast<size_t>(Watermark::kCount); ++i) {
    store(watermark_at(static_cast<Watermark>(i)), 0);
  }
}

bool ControlPage::wait_watermark(Watermark which, uint64_t seq, Deadline deadline, Clock& clock,
                                 const std::function<bool()>& give_up) {
  for (;;) {
    // The futex word is read first: a rise after this look changes it, and the wait returns.
    const uint32_t seen = std::atomic_ref(*reinterpret_cast<uint32_t*>(bytes_ + futex_at(which)))
                              .load(std::memory_order_seq_cst);
    if (watermark(which) >= seq) return true;
    if (clock.passed(deadline) || (give_up && give_up())) return false;
    page_->wait(futex_at(which), seen, deadline);
  }
}

void ControlPage::reset_live() {
  store(kLiveAt, 0);
}

void ControlPage::add_live(int64_t difference) {
  std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes_ + kLiveAt))
      .fetch_add(static_cast<uint64_t>(difference), std::memory_order_seq_cst);
}

uint64_t ControlPage::live() const {
  return load(kLiveAt);
}

uint64_t ControlPage::presence() const {
  return load(kPresenceAt);
}

void ControlPage::set_presence(uint64_t number) {
  store(kPresenceAt, number);
}

uint32_t ControlPage::append_word() const {
  return std::atomic_ref(*reinterpret_cast<uint32_t*>(bytes_ + kAppendWordAt))
      .load(std::memory_order_seq_cst);
}

void ControlPage::note_append() {
  std::atomic_ref(*reinterpret_cast<uint32_t*>(bytes_ + kAppendWordAt))
      .fetch_add(1, std::memory_order_seq_cst);
}

uint64_t ControlPage::counter(Counter which) const {
  return load(counter_at(which));
}

void ControlPage::add(size_t offset, uint64_t amount) {
  std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes_ + offset))
      .fetch_add(amount, std::memory_order_relaxed);
}

void ControlPage::add_counter(Counter which, uint64_t amount) {
  add(counter_at(which), amount);
}

void ControlPage::count_retry(RetryCause cause, uint64_t amount, int64_t now_ms) {
  add_counter(counter_of(cause), amount);
  const uint64_t period = period_of(now_ms);
  const size_t at = kRecentRetriesAt + 8 * (period % kPeriods);
  const std::atomic_ref word(*reinterpret_cast<uint64_t*>(bytes_ + at));
  uint64_t seen = word.load(std::memory_order_relaxed);
  uint64_t next = 0;
  do {
    const uint64_t before = seen >> kPeriodCountBits == period ? seen & kPeriodCountMax : 0;
    next = period << kPeriodCountBits | std::min(before + amount, kPeriodCountMax);
  } while (!word.compare_exchange_weak(seen, next, std::memory_order_relaxed));
}

uint64_t ControlPage::retries_last_minute(int64_t now_ms) const {
  const uint64_t now = period_of(now_ms);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < kPeriods; ++i) {
    const uint64_t word = load(kRecentRetriesAt + 8 * i);
    const uint64_t period = word >> kPeriodCountBits;
    if (period <= now && period + kPeriodsOfMinute >= now) sum += word & kPeriodCountMax;
  }
  return sum;
}

Histogram ControlPage::latencies(Latency which) const {
  Histogram seen;
  const size_t at = latency_at(which);
  for (size_t i = 0; i < Histogram::kRanges; ++i) seen.add(i, load(at + 8 * i));
  seen.add_sum_ns(load(at + 8 * Histogram::kRanges));
  return seen;
}

void ControlPage::add_latencies(Latency which, const Histogram& seen) {
  const size_t at = latency_at(which);
  for (size_t i = 0; i < Histogram::kRanges; ++i) {
    if (seen.counts()[i] != 0) add(at + 8 * i, seen.counts()[i]);
  }
  add(at + 8 * Histogram::kRanges, seen.sum_ns());
}

int64_t ControlPage::moment(Moment which) const {
  return static_cast<int64_t>(load(kMomentsAt + size_t{8} * std::to_underlying(which)));
}

void ControlPage::set_moment(Moment which, int64_t time_ms) {
  store(kMomentsAt + size_t{8} * std::to_underlying(which), static_cast<uint64_t>(time_ms));
}

void ControlPage::remember(Memo which, ByteSpan bytes) {
  SYNCLINE_ASSERT(bytes.size() <= kMemoBytesMax);
  std::array<std::byte, kMemoBytesMax> padded{};
  std::ranges::copy(bytes, padded.begin());
  const size_t at = memo_at(which);
  store(at, 0);
  store(at + 8, bytes.size());
  for (size_t i = 0; i < bytes.size(); i += 8) {
    store(at + kMemoHeadBytes + i, load_le<uint64_t>(padded.data() + i));
  }
  store(at, memo_check(bytes, load(kTokenAt)));
}

Memos recall_from(ByteSpan page, const StoreId& store, std::string_view cache_token) {
  if (page.size() != kControlPageBytes || cache_token.empty()) return {};
  const auto word = [&](size_t offset) { return load_le<uint64_t>(page.data() + offset); };
  if (word(kMagicAt) != kPageMagic || word(kVersionAt) != kPageVersion ||
      word(kStoreAt) != load_le<uint64_t>(store.bytes.data()) ||
      word(kStoreAt + 8) != load_le<uint64_t>(store.bytes.data() + 8) ||
      word(kTokenAt) != token_of(cache_token)) {
    return {};
  }
  // Who believes a memo leaves out claims that the durable mark makes too.
  const bool marked =
      word(kDurableAt + kCheckAt) == check_at(page, kDurableAt) ||
      word(kDurableAt + kSlotBytes + kCheckAt) == check_at(page, kDurableAt + kSlotBytes);
  if (!marked) return {};
  Memos memos;
  for (size_t which = 0; which < memos.size(); ++which) {
    const size_t at = memo_at(static_cast<Memo>(which));
    const uint64_t size = word(at + 8);
    if (size > kMemoBytesMax) continue;
    const ByteSpan bytes = page.subspan(at + kMemoHeadBytes, size);
    if (word(at) == memo_check(bytes, word(kTokenAt)))
      memos[which].emplace(bytes.begin(), bytes.end());
  }
  return memos;
}

}  // namespace syncline
