// Where a process leaves the record that it wants appended while another process appends: flat
// combining between processes, so that fifty of them need one write and one flush.
//
//   who asks    kFree ─► kFilling ─► kPosted                        kAnswered ─► kFree
//                                     │   ▲ given back                   ▲
//   who leads                         ▼   │                              │
//                                    kTaken ─► kWriting: placed ─► written
//
// Who leads holds lead.lock from before it takes requests until it has answered them. Who asks
// sleeps on the state of its slot; before it sleeps, and whenever it wakes, it tries the lock
// itself. Once it has the lock nobody else leads, and it appends its record as if it were alone. So
// the death of a leader costs the others a moment.
//
// Until it is kWriting, which it becomes under the append lock, who asked may take the request
// back; and as soon as it is written, who asked may flush it. So a leader that is stopped, too,
// holds the others up no longer than it holds one of the journal's own locks.
//
// What a dead leader had taken and not answered is in the log or is not. `placed` says where the
// record would stand, and is stored before the write begins; `written` says that the write is
// complete. Whoever leads next settles each such request before anything else is appended, so that
// the end of the log tells: see settle(). Where it cannot tell, because a process that does not ask
// anybody has appended meanwhile, the answer is that the outcome is unknown.
//
// Nothing here is durable, and nothing is believed beyond its check word. A slot's word counts how
// often the slot was given out; the check of a request is seeded with it, so that a process which
// was stopped while it filled a slot cannot pass its request off as that of the next one. A slot
// whose owner is gone is taken back after kSlotLifeMs. The page is void as soon as nobody has the
// store open (Journal::presence): what was withdrawn must not come back after a power cut.
//
// Threading: one thread at a time. Failure: where there is no page, everybody appends alone.
//
// Cited: Hendler, Incze, Shavit, Tzafrir, "Flat Combining and the Synchronization-Parallelism
// Tradeoff", SPAA 2010: the publication list, and the combiner who holds the lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/base/clock.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

class RequestPage {
 public:
  static constexpr size_t kSlots = 64;
  static constexpr size_t kSlotBytes = 8192;
  static constexpr size_t kRequestBytesMax = kSlotBytes - 256;
  static constexpr int64_t kSlotLifeMs = 10'000;

  // `presence` as of Journal::presence(). `clock` outlives the page.
  static Result<std::unique_ptr<RequestPage>> open(Directory& store_directory, uint64_t presence,
                                                   Clock& clock);

  // Where a record stands, or would stand, and what it is called.
  struct Place {
    Appended appended;  // its own frame is the last of it
    uint64_t id = 0;
    int64_t time_ms = 0;
    uint32_t append_word = 0;  // AppendTurn::word(), when the append had begun
  };
  enum class What : uint8_t {
    kAgain,      // nothing was written: do it yourself
    kPlaced,     // durable, at its place
    kDuplicate,  // the key is taken by the record whose seq is told, with the same content
    kUnsure,     // in the log if it was kept; flush() of its place tells
    kUnknown,    // nobody can tell
  };
  struct Answer {
    What what = What::kAgain;
    Place place;
  };

  // ---- who leads ----

  Result<bool> try_lead();
  // Wakes one of those who wait, to lead next: the one who knows the log furthest.
  void end_lead();

  struct Request {
    size_t slot = 0;
    uint64_t turn = 0;  // of the slot
    ByteVector bytes;
  };
  // Waits until `wanted` requests are there, or until `quiet_ns` have passed without a new one, and
  // for `longest_ns` in all.
  void gather(uint64_t wanted, int64_t quiet_ns, int64_t longest_ns);
  // Takes all requests that carry this tag.
  std::vector<Request> take(uint64_t tag);
  // Under the append lock, before it is given a place in the group. False: it was withdrawn.
  bool begin(const Request& request);
  // Before the write of the group begins, and after it is complete.
  void place(const Request& request, const Place& place);
  void note_written(const Request& request);
  void answer(const Request& request, const Answer& answer);
  void give_back(const Request& request);
  // Is there anything that a leader before this one has taken and not answered?
  bool has_unsettled() const;
  // Answers it or gives it back. `turn` is the append lock, held since before anything was appended
  // by this leader.
  void settle(const AppendTurn& turn);
  // How many took part in the last group, its leader included.
  uint64_t last_group() const;
  void note_group(uint64_t members);

  // ---- who asks ----

  struct Ticket {
    size_t slot = 0;
    uint64_t turn = 0;
  };
  enum class State : uint8_t { kPosted, kTaken, kWriting, kAnswered, kLost };
  // Nothing where no slot is free, or where nobody has led yet. `known_seq`: how far this process
  // knows the log, which it would have to read on from there to lead.
  std::optional<Ticket> post(uint64_t tag, uint64_t known_seq, ByteSpan request);
  State state(const Ticket& ticket) const;
  // Has somebody been called to lead, who has not come yet? Whoever else came first would have to
  // read what the other has read already.
  bool is_anybody_called() const;
  // As try_lead(). Who was called to lead has heard it then.
  Result<bool> try_lead_for(const Ticket& ticket);
  // False where it is being written, or is answered.
  bool withdraw(const Ticket& ticket);
  // Until the slot changes, or who waits is called to lead; may return early.
  void wait(const Ticket& ticket, Deadline deadline);
  // In state kAnswered; frees the slot.
  Answer collect(const Ticket& ticket);
  // In state kWriting: where the record stands, once it is written, and frees the slot.
  std::optional<Place> take_over(const Ticket& ticket);

 private:
  RequestPage(std::unique_ptr<SharedPage> page, std::unique_ptr<FileLock> lead_lock,
              uint64_t presence, Clock& clock);

  uint64_t load(size_t offset) const;
  void store(size_t offset, uint64_t value);
  bool exchange(size_t offset, uint64_t expected, uint64_t value);
  void wake(size_t slot);
  bool is_current() const;
  void format();
  void put_place(size_t slot, const Place& place);
  Place place_of(size_t slot) const;
  bool is_stale(size_t slot) const;
  void settle_one(size_t slot, uint64_t turn, const AppendTurn& append_turn);
  std::optional<ByteVector> copy_of(size_t slot, uint64_t turn) const;

  std::unique_ptr<SharedPage> page_;
  std::byte* bytes_;
  std::unique_ptr<FileLock> lead_lock_;
  const uint64_t presence_;
  Clock& clock_;
};

}  // namespace syncline
