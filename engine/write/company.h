// Writes records of several processes in one group (journal/log/request_page.h): one of them leads,
// with its own record and those that the others ask for; the others sleep until they are answered.
//
//   write(): lead.lock is free ─► settle what a dead leader left ─► gather ─► take the requests
//                                 ─► the group is written and flushed ─► each is answered
//            it is taken       ─► post the record, sleep ─► answered, or the lock is free: lead
//
// What a request says is everything that PendingWrite holds, for the leader has to look up its key
// and to choose its id (a record whose id is given is written by its own process alone). A leader
// answers only for records made by the same configuration as its own.
//
// An answer that the leader cannot give for certain is found by who asked: a record with a known
// place is flushed there, and one that was not written is written by its own process alone. So is
// one that a leader keeps for longer than a quarter of a second without writing it: it may be
// stopped.
//
// Threading: the thread that leads the WriteQueue.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/write/pending_write.h"
#include "journal/log/journal.h"
#include "journal/log/request_page.h"

namespace syncline {

// How long a leader waits for the requests of others before it takes them.
struct GatherLimits {
  // Wait for every process that has the store open, and not only for as many as came last time:
  // where each appends once and exits, one flush then serves many of them.
  bool for_all = false;
  int64_t quiet_ns = 300'000;    // without a new one
  int64_t longest_ns = 300'000;  // in all
};

class Company {
 public:
  Company(Directory& store_directory, Journal& journal, Clock& clock, const GatherLimits& limits);

  // Is there anybody else, and can this group be asked for? A group of several is large enough to
  // be worth a write of its own.
  bool is_for(std::span<PendingWrite* const> group) const;

  // As WriteQueue::write_group; does the work by means of it. `known_seq`: how far the caller knows
  // the log.
  using WriteGroup = std::function<bool(const std::vector<PendingWrite*>& group, Deadline begin_by,
                                        Deadline finish_by)>;
  bool write(PendingWrite& own, uint64_t known_seq, Deadline begin_by, Deadline finish_by,
             const WriteGroup& write_group);

  // Under the append lock. False: who asked for this write has taken it back.
  bool begin(const PendingWrite& write) { return page_->begin(*write.requested); }
  // For AppendTurn::append of a group: `writers` are those of the frames, null for a frame that
  // nobody asked for.
  AppendTurn::BeforeWrite before_write(const AppendTurn& turn,
                                       std::span<PendingWrite* const> writers);
  void note_written(std::span<PendingWrite* const> writers);

 private:
  // kAskTheKey: it may be in the log, and its key tells once the log can be looked at.
  enum class Asked : uint8_t { kDone, kTimeout, kLead, kAlone, kAskTheKey };
  bool lead(PendingWrite& own, Deadline begin_by, Deadline finish_by,
            const WriteGroup& write_group);
  // kLead: this thread has lead.lock now.
  Asked ask(PendingWrite& own, uint64_t known_seq, Deadline begin_by, Deadline finish_by);
  Asked collect(PendingWrite& own, const RequestPage::Ticket& ticket, Deadline deadline);
  Asked flush_at(PendingWrite& own, const RequestPage::Place& place, Deadline deadline);
  static Asked stands_at(PendingWrite& own, const RequestPage::Place& place);
  Asked unknown(PendingWrite& own, Error error);
  Status settle(Deadline deadline);
  void gather();
  std::vector<PendingWritePtr> take_requests(const PendingWrite& own);
  void answer(const PendingWrite& guest);

  Directory& store_directory_;
  Journal& journal_;
  Clock& clock_;
  const GatherLimits limits_;
  std::unique_ptr<RequestPage> page_;
  bool page_failed_ = false;  // the disk had no room for it
};

}  // namespace syncline
