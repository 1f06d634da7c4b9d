// Cursor: records in their order, read a page at a time, and waited for at the end of the log.
#include <array>
#include <deque>
#include <utility>
#include <variant>

#include "engine/config/intent_fields.h"
#include "engine/store/store_impl.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

// Between pages no snapshot of the database is kept. A page ends with what comes first.
constexpr size_t kPageRecords = 1024;
constexpr size_t kPageBytes = 4u << 20;
// Who waits looks at what is durable and not applied at least so often.
constexpr int64_t kLookAgainMs = 200;

size_t bytes_of(const std::optional<Fields>& fields) {
  size_t bytes = 0;
  if (!fields) return bytes;
  for (const auto& [name, value] : *fields) {
    const auto* const text = std::get_if<std::string>(&value);
    bytes += name.size() + (text == nullptr ? sizeof(value) : text->size());
  }
  return bytes;
}

}  // namespace

// While one lives the Store does.
class Store::Impl::Follower {
 public:
  explicit Follower(Impl& store) : store_(store) {
    MutexLock lock(store_.followers_mutex);
    ++store_.followers;
  }
  ~Follower() {
    MutexLock lock(store_.followers_mutex);
    --store_.followers;
    store_.follower_left.notify_all();
  }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

 private:
  Impl& store_;
};

void Store::Impl::end_followers() {
  if (journal == nullptr) return;  // it was not opened
  journal->wake_waiters(Watermark::kApplied);
  MutexLock lock(followers_mutex);
  while (followers != 0) follower_left.wait(followers_mutex);
}

struct Cursor::State {
  Store::Impl& store;
  RecordQuery query;
  uint64_t next;
  uint64_t last;  // of those that are visited
  std::deque<LogEntry> page = {};
  Configurations configurations = {};  // of records up to configurations_to
  uint64_t configurations_to = 0;

  bool is_over() const { return store.closed || query.stop.stop_requested(); }
  bool is_past_the_last() const { return next > last; }

  // Empty where nothing more is durable.
  Status read_page() {
    size_t bytes = 0;
    std::vector<std::pair<size_t, Intent>> by_another_configuration;
    const std::array<std::string_view, 2> tags = {"", store.identity.tag};
    TRY_ASSIGN(ReceiptLookup records, store.lookup());
    TRY_ASSIGN(next, records.visit(next, [&](LogEntry& entry, const Intent& intent) {
      Receipt& receipt = entry.receipt;
      if (receipt.seq > last) return false;
      if (!query.kind.empty() && receipt.kind != query.kind) return true;
      if (query.fields && !intent.retracted) {
        receipt.fields = intent_fields(*store.config, intent, tags);
        if (!receipt.fields) by_another_configuration.emplace_back(page.size(), intent);
      }
      bytes += bytes_of(receipt.fields) + sizeof(entry);
      page.push_back(std::move(entry));
      return page.size() < kPageRecords && bytes < kPageBytes;
    }));
    for (const auto& [at, intent] : by_another_configuration) {
      Receipt& receipt = page[at].receipt;
      if (receipt.seq > configurations_to) {  // read once, and again where the log has grown since
        const uint64_t durable = store.journal->durable().seq;
        TRY_ASSIGN(configurations, store.configurations(durable));
        configurations_to = durable;
      }
      receipt.fields = store.fields_by(configurations, receipt.seq, intent);
    }
    return {};
  }

  Result<std::optional<LogEntry>> take_next(Deadline deadline) {
    TRY(store.check_process());
    const Store::Impl::Follower follower(store);
    const std::stop_callback wake(query.stop,
                                  [this] { store.journal->wake_waiters(Watermark::kApplied); });
    while (page.empty()) {
      if (is_over() || is_past_the_last()) return std::optional<LogEntry>();
      const uint64_t began = next;
      TRY(read_page());
      if (!page.empty() || next != began) continue;
      if (!query.follow) return std::optional<LogEntry>();
      if (store.clock.passed(deadline)) {
        return make_error(Code::kTimeout, "no record came in the time given");
      }
      // Woken when a record is applied.
      store.journal->wait_watermark(Watermark::kApplied, next,
                                    sooner(deadline, store.clock.after_ms(kLookAgainMs)),
                                    [this] { return is_over(); });
    }
    LogEntry entry = std::move(page.front());
    page.pop_front();
    return std::optional(std::move(entry));
  }
};

Cursor::Cursor(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Cursor::Cursor(Cursor&& other) noexcept = default;
Cursor& Cursor::operator=(Cursor&& other) noexcept = default;
Cursor::~Cursor() = default;

Result<std::optional<LogEntry>> Cursor::next(Deadline deadline) {
  return state_->take_next(deadline);
}

Cursor Store::records(RecordQuery query) {
  const uint64_t from = std::max<uint64_t>(query.from_seq, 1);
  uint64_t last = query.to_seq.value_or(std::numeric_limits<uint64_t>::max());
  // What comes later is not waited for, and not visited.
  if (!query.follow) last = std::min(last, impl_->journal->durable().seq);
  return Cursor(std::unique_ptr<Cursor::State>(
      new Cursor::State{.store = *impl_, .query = std::move(query), .next = from, .last = last}));
}

Status Store::log(uint64_t from_seq, bool follow, const std::function<bool(const LogEntry&)>& visit,
                  std::stop_token stop) {
  Cursor cursor =
      records({.from_seq = from_seq, .follow = follow, .fields = false, .stop = std::move(stop)});
  while (true) {
    TRY_ASSIGN(const std::optional<LogEntry> entry, cursor.next());
    if (!entry || !visit(*entry)) return {};
  }
}

}  // namespace syncline
