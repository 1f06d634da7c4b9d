#include "engine/write/company.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "journal/base/bytes.h"
#include "journal/base/try.h"

namespace syncline {

namespace {

// How long to rely on a leader before trying its lock: it may have died.
constexpr int64_t kLeadRetryMs = 20;
// How long to rely on one that lives and does not get on: it may be stopped.
constexpr int64_t kPatienceMs = 250;

uint64_t tag_of(const Config& config) {
  return XXH3_64bits(config.text.data(), config.text.size());
}

ByteVector encode_request(const PendingWrite& write) {
  ByteVector bytes;
  bytes.reserve(RequestPage::kRequestBytesMax);
  ByteWriter writer(bytes);
  writer.u8(static_cast<uint8_t>(write.operation));
  writer.string(write.key);
  writer.string(as_text(content_hash_bytes(write.content_hash)));
  writer.raw(write.xxh3);
  writer.string(write.table);
  writer.string(write.id_column);
  writer.u64(write.payload_hash);
  writer.string(as_text(write.payload));
  return bytes;
}

// Null where it is none that encode_request() wrote.
PendingWritePtr decode_request(ByteSpan bytes) {
  auto write = std::make_shared<PendingWrite>();
  ByteReader reader(bytes);
  write->operation = static_cast<Operation>(reader.u8());
  write->key = reader.string();
  const auto hash = reader.string();
  const ByteSpan xxh3 = reader.raw(write->xxh3.size());
  write->table = reader.string();
  write->id_column = reader.string();
  write->payload_hash = reader.u64();
  const ByteSpan payload = as_bytes(reader.string());
  if (!reader.finished() || !is_record(write->operation)) return nullptr;
  if (!hash.empty()) {
    const auto known = content_hash_of(as_bytes(hash));
    if (!known) return nullptr;
    write->content_hash = *known;
  }
  std::ranges::copy(xxh3, write->xxh3.begin());
  write->payload.assign(payload.begin(), payload.end());
  return write;
}

Error unknown_outcome(std::string why) {
  return make_error(Code::kOutcomeUnknown,
                    "another process was writing the record, and " + std::move(why),
                    "retry with the same key: it is recorded once either way");
}

// Gives the lock back whatever ends the work, memory that runs out included: then whoever leads
// next settles what was taken.
class Leading {
 public:
  explicit Leading(RequestPage& page) : page_(page) {}
  ~Leading() { page_.end_lead(); }
  Leading(const Leading&) = delete;
  Leading& operator=(const Leading&) = delete;

 private:
  RequestPage& page_;
};

}  // namespace

Company::Company(Directory& store_directory, Journal& journal, Clock& clock,
                 const GatherLimits& limits)
    : store_directory_(store_directory), journal_(journal), clock_(clock), limits_(limits) {}

bool Company::is_for(std::span<PendingWrite* const> group) const {
  if (group.size() != 1 || !journal_.in_company() || journal_.presence() == 0) return false;
  const PendingWrite& write = *group.front();
  if (write.refusal || write.fixed_id || write.again_of != 0) return false;
  constexpr size_t kLengthsAndHashesBytes = 128;
  return write.payload.size() + write.key.size() + write.table.size() + write.id_column.size() +
             kLengthsAndHashesBytes <=
         RequestPage::kRequestBytesMax;
}

bool Company::write(PendingWrite& own, uint64_t known_seq, Deadline begin_by, Deadline finish_by,
                    const WriteGroup& write_group) {
  const auto alone = [&] { return write_group({&own}, begin_by, finish_by); };
  if (page_ == nullptr && !page_failed_) {
    auto opened = RequestPage::open(store_directory_, journal_.presence(), clock_);
    page_failed_ = !opened;
    if (opened) page_ = std::move(*opened);
  }
  // Without the page each process writes alone, which is slower and nothing else.
  if (page_failed_) return alone();
  const Result<bool> leads = page_->is_anybody_called() ? Result<bool>(false) : page_->try_lead();
  if (!leads) return alone();
  if (!*leads) {
    switch (ask(own, known_seq, begin_by, finish_by)) {
      case Asked::kDone:
        return true;
      case Asked::kTimeout:
        return false;
      case Asked::kAlone:
        return alone();
      case Asked::kAskTheKey:
        // That nothing was written is more than anybody knows, unless the key is another record's.
        if (!alone()) {
          own.error = unknown_outcome("it could not be looked up in time");
        } else if (own.error && own.error->code != Code::kKeyConflict) {
          own.error = unknown_outcome(own.error->message);
        }
        return true;
      case Asked::kLead:
        break;
    }
  }
  return lead(own, begin_by, finish_by, write_group);
}

// ---- leading ----

bool Company::lead(PendingWrite& own, Deadline begin_by, Deadline finish_by,
                   const WriteGroup& write_group) {
  const Leading leading(*page_);
  // Where it fails, this record is written without the others, and they are told that nobody knows.
  const bool settled = settle(begin_by).has_value();
  std::vector<PendingWritePtr> guests;
  if (settled) {
    gather();
    guests = take_requests(own);
  }
  std::vector<PendingWrite*> group = {&own};
  for (const PendingWritePtr& guest : guests) group.push_back(guest.get());
  page_->note_group(group.size());
  if (!write_group(group, begin_by, finish_by)) {
    for (const PendingWritePtr& guest : guests) page_->give_back(*guest->requested);
    return false;
  }
  for (const PendingWritePtr& guest : guests) answer(*guest);
  return true;
}

Status Company::settle(Deadline deadline) {
  if (!page_->has_unsettled()) return {};
  TRY_ASSIGN(const AppendTurn turn, journal_.begin_append(deadline));
  page_->settle(turn);
  return {};
}

void Company::gather() {
  const uint64_t others = journal_.live() - std::min<uint64_t>(journal_.live(), 1);
  const uint64_t last = page_->last_group();
  const uint64_t wanted =
      limits_.for_all ? others : std::min(others, last - std::min<uint64_t>(last, 1));
  if (wanted > 0) page_->gather(wanted, limits_.quiet_ns, limits_.longest_ns);
}

std::vector<PendingWritePtr> Company::take_requests(const PendingWrite& own) {
  std::vector<PendingWritePtr> guests;
  for (RequestPage::Request& request : page_->take(tag_of(*own.config))) {
    PendingWritePtr guest = decode_request(request.bytes);
    if (guest == nullptr) {
      page_->answer(request, {});
      continue;
    }
    guest->config = own.config;
    guest->requested = std::move(request);
    guests.push_back(std::move(guest));
  }
  return guests;
}

AppendTurn::BeforeWrite Company::before_write(const AppendTurn& turn,
                                              std::span<PendingWrite* const> writers) {
  const auto is_guest = [](const PendingWrite* write) {
    return write != nullptr && write->requested;
  };
  if (std::ranges::none_of(writers, is_guest)) return {};
  return [this, &turn, writers, is_guest](std::span<const Mark> ends) {
    for (size_t i = 0; i < writers.size(); ++i) {
      if (!is_guest(writers[i])) continue;
      PendingWrite& write = *writers[i];
      write.place = RequestPage::Place{.appended = {.mark = ends[i],
                                                    .epoch = turn.epoch(),
                                                    .first_seq = write.seq,
                                                    .last_payload_hash = write.payload_hash},
                                       .id = write.id,
                                       .time_ms = write.time_ms,
                                       .append_word = turn.word()};
      page_->place(*write.requested, *write.place);
    }
  };
}

void Company::note_written(std::span<PendingWrite* const> writers) {
  for (const PendingWrite* write : writers) {
    if (write != nullptr && write->requested) page_->note_written(*write->requested);
  }
}

void Company::answer(const PendingWrite& guest) {
  RequestPage::Answer answer;
  if (guest.place) answer.place = *guest.place;
  if (guest.error) {
    const bool unsure = guest.error->code == Code::kOutcomeUnknown && guest.place;
    answer.what = unsure ? RequestPage::What::kUnsure : RequestPage::What::kAgain;
  } else if (guest.duplicate) {
    answer.what = RequestPage::What::kDuplicate;
    answer.place.appended.mark.seq = guest.seq;
  } else {
    answer.what = RequestPage::What::kPlaced;
  }
  page_->answer(*guest.requested, answer);
}

// ---- asking ----

Company::Asked Company::ask(PendingWrite& own, uint64_t known_seq, Deadline begin_by,
                            Deadline finish_by) {
  const auto ticket = page_->post(tag_of(*own.config), known_seq, encode_request(own));
  if (!ticket) return Asked::kAlone;
  const Deadline patience = clock_.after_ms(kPatienceMs);
  // Whoever has been called takes this request as well, or is dead, which shows in time.
  if (page_->is_anybody_called()) page_->wait(*ticket, clock_.after_ms(kLeadRetryMs));
  while (true) {
    const RequestPage::State state = page_->state(*ticket);
    if (state == RequestPage::State::kAnswered) return collect(own, *ticket, finish_by);
    if (state == RequestPage::State::kLost) {
      return unknown(own, make_error(Code::kOutcomeUnknown,
                                     "this process was stopped for so long that the answer is "
                                     "lost"));
    }
    Result<bool> leads = page_->try_lead_for(*ticket);
    if (!leads) {
      if (page_->withdraw(*ticket)) return Asked::kAlone;
      return unknown(own, std::move(leads).error());
    }
    if (*leads) {
      // A leader that took this request is dead: settling answers it or gives it back.
      Status settled = settle(finish_by);
      const bool mine = page_->withdraw(*ticket);
      if (settled && mine) return Asked::kLead;
      page_->end_lead();
      if (mine) return Asked::kAlone;
      if (!settled) return unknown(own, std::move(settled).error());
      continue;
    }
    if (clock_.passed(begin_by) && page_->withdraw(*ticket)) return Asked::kTimeout;
    if (clock_.passed(patience)) {
      if (page_->withdraw(*ticket)) return Asked::kAlone;
      if (const auto place = page_->take_over(*ticket)) return flush_at(own, *place, finish_by);
    }
    if (clock_.passed(finish_by) && page_->state(*ticket) == RequestPage::State::kWriting) {
      return unknown(own, make_error(Code::kOutcomeUnknown,
                                     "another process has not yet said what became of it"));
    }
    page_->wait(*ticket, sooner(finish_by, clock_.after_ms(kLeadRetryMs)));
  }
}

Company::Asked Company::collect(PendingWrite& own, const RequestPage::Ticket& ticket,
                                Deadline deadline) {
  const RequestPage::Answer answer = page_->collect(ticket);
  const RequestPage::Place& place = answer.place;
  switch (answer.what) {
    case RequestPage::What::kAgain:
      return Asked::kAlone;
    case RequestPage::What::kDuplicate:
      own.duplicate = true;
      own.seq = place.appended.mark.seq;
      return Asked::kDone;
    case RequestPage::What::kUnsure:
      return flush_at(own, place, deadline);
    case RequestPage::What::kPlaced:
      return stands_at(own, place);
    case RequestPage::What::kUnknown:
      break;
  }
  return unknown(
      own, make_error(Code::kOutcomeUnknown, "the process that was writing the record has died"));
}

// The record is in the log, unless that was cut before its place. This process makes it durable.
Company::Asked Company::flush_at(PendingWrite& own, const RequestPage::Place& place,
                                 Deadline deadline) {
  if (Status flushed = journal_.flush(place.appended, deadline); !flushed) {
    return unknown(own, std::move(flushed).error());
  }
  return stands_at(own, place);
}

Company::Asked Company::stands_at(PendingWrite& own, const RequestPage::Place& place) {
  own.seq = place.appended.mark.seq;
  own.id = place.id;
  own.time_ms = place.time_ms;
  return Asked::kDone;
}

// With a key the log can be asked: the record is written again, or found to be there.
Company::Asked Company::unknown(PendingWrite& own, Error error) {
  if (!own.key.empty()) return Asked::kAskTheKey;
  own.error = std::move(error);
  own.error->code = Code::kOutcomeUnknown;
  own.error->hint = "look whether the record is there before recording it again";
  return Asked::kDone;
}

}  // namespace syncline
