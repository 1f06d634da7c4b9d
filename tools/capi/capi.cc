// The C interface: each function is one call of a Store, its Result taken apart. No exception
// leaves it: what the library underneath could not help is answered as a failure.
#include "tools/capi/syncline.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stop_token>
#include <string>
#include <utility>

#include "engine/store/default_hint.h"
#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "syncline/store.h"
#include "tools/exit_code.h"
#include "tools/json_output.h"

using syncline::Code;
using syncline::Deadline;
using syncline::Error;
using syncline::Result;
using syncline::Status;

struct syncline_error {
  int exit_code;
  std::string code;
  Error error;
};
struct syncline_store {
  std::unique_ptr<syncline::Store> store;
};
struct syncline_ticket {
  syncline::Ticket ticket;
};
struct syncline_receipt {
  syncline::Receipt receipt;
};
struct syncline_cursor {
  std::stop_source stop;
  syncline::Cursor cursor;
};

namespace {

Deadline deadline_of(int64_t timeout_ms) {
  return timeout_ms < 0 ? syncline::kForever : syncline::system_clock().after_ms(timeout_ms);
}

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

int tell(Error error, syncline_error** told) {
  const int code = to_int(syncline::exit_code(error));
  if (told == nullptr) return code;
  if (error.hint.empty()) error.hint = syncline::default_hint(error.code);
  *told = new (std::nothrow)
      syncline_error{code, std::string(syncline::code_name(error.code)), std::move(error)};
  return code;
}

// Does `work`, which answers a Status.
template <typename Work>
int call(syncline_error** error, const Work& work) {
  if (error != nullptr) *error = nullptr;
  try {
    const Status done = work();
    return done ? 0 : tell(done.error(), error);
  } catch (const std::bad_alloc&) {
    return to_int(syncline::ExitCode::kRetryLater);
  } catch (...) {
    return to_int(syncline::ExitCode::kFailed);
  }
}

Result<syncline::Record> record_of(const char* kind, const syncline_field* fields,
                                   size_t field_count, const char* key) {
  syncline::Record record{.kind = text_of(kind), .fields = {}, .key = text_of(key)};
  for (size_t i = 0; i < field_count; ++i) {
    const syncline_field& field = fields[i];
    syncline::FieldValue value;
    switch (field.type) {
      case SYNCLINE_TEXT:
        value = text_of(field.text);
        break;
      case SYNCLINE_INTEGER:
        value = field.integer;
        break;
      case SYNCLINE_REAL:
        value = field.real;
        break;
      default:
        return syncline::make_error(Code::kInvalid, "a field's type is none of the three");
    }
    record.fields.emplace_back(text_of(field.name), std::move(value));
  }
  return record;
}

Result<syncline::Stage> stage_of(syncline_stage stage) {
  if (stage < SYNCLINE_JOURNALED || stage > SYNCLINE_PUSHED) {
    return syncline::make_error(Code::kInvalid, "there is no such stage");
  }
  return static_cast<syncline::Stage>(stage);
}

// A record that is durable and not where it was waited for is told as an error with its sequence.
Status give(Result<syncline::Receipt> from, syncline_receipt** receipt) {
  TRY_ASSIGN(syncline::Receipt got, std::move(from));
  if (got.timed_out) {
    Error late = syncline::make_error(Code::kTimeout,
                                      "the record is durable, and has not reached "
                                      "the stage in the time given");
    late.seq = got.seq;
    return late;
  }
  if (receipt != nullptr) *receipt = new syncline_receipt{std::move(got)};
  return {};
}

Status give(const std::string& text, char** json) {
  *json = strdup(text.c_str());
  if (*json == nullptr) return syncline::out_of_memory();
  return {};
}

}  // namespace

const char* syncline_version(void) {
  return SYNCLINE_VERSION;
}

void syncline_free(char* text) {
  std::free(text);
}

// ---- errors ----

int syncline_error_exit_code(const syncline_error* error) {
  return error->exit_code;
}
const char* syncline_error_code(const syncline_error* error) {
  return error->code.c_str();
}
const char* syncline_error_message(const syncline_error* error) {
  return error->error.message.c_str();
}
const char* syncline_error_hint(const syncline_error* error) {
  return error->error.hint.c_str();
}
uint64_t syncline_error_seq(const syncline_error* error) {
  return error->error.seq;
}
void syncline_error_free(syncline_error* error) {
  delete error;
}

// ---- stores ----

int syncline_init(const char* directory, const char* profile, syncline_error** error) {
  return call(error, [&]() -> Status {
    TRY(syncline::Store::init(text_of(directory), {.profile = text_of(profile)}));
    return {};
  });
}

int syncline_open(const char* root, unsigned flags, syncline_store** store,
                  syncline_error** error) {
  return call(error, [&]() -> Status {
    if ((flags & ~unsigned{SYNCLINE_BACKGROUND | SYNCLINE_READ_ONLY}) != 0) {
      return syncline::make_error(Code::kInvalid, "there is no such flag");
    }
    TRY_ASSIGN(auto opened, syncline::Store::open(
                                text_of(root), {.background = (flags & SYNCLINE_BACKGROUND) != 0,
                                                .read_only = (flags & SYNCLINE_READ_ONLY) != 0}));
    *store = new syncline_store{std::move(opened)};
    return {};
  });
}

int syncline_close(syncline_store* store, int64_t timeout_ms, syncline_error** error) {
  const int code = call(error, [&] { return store->store->close(deadline_of(timeout_ms)); });
  delete store;
  return code;
}

// ---- recording ----

int syncline_record(syncline_store* store, const char* kind, const syncline_field* fields,
                    size_t field_count, const char* key, syncline_stage stage, int64_t timeout_ms,
                    syncline_receipt** receipt, syncline_error** error) {
  return call(error, [&]() -> Status {
    TRY_ASSIGN(const syncline::Record record, record_of(kind, fields, field_count, key));
    TRY_ASSIGN(const syncline::Stage wait, stage_of(stage));
    return give(store->store->record(record, wait, deadline_of(timeout_ms)), receipt);
  });
}

int syncline_submit(syncline_store* store, const char* kind, const syncline_field* fields,
                    size_t field_count, const char* key, int64_t timeout_ms,
                    syncline_ticket** ticket, syncline_error** error) {
  return call(error, [&]() -> Status {
    TRY_ASSIGN(const syncline::Record record, record_of(kind, fields, field_count, key));
    const Deadline deadline = deadline_of(timeout_ms);
    if (ticket == nullptr) return store->store->post(record, deadline);
    TRY_ASSIGN(syncline::Ticket got, store->store->submit(record, deadline));
    *ticket = new syncline_ticket{std::move(got)};
    return {};
  });
}

int syncline_wait(syncline_store* store, const syncline_ticket* ticket, syncline_stage stage,
                  int64_t timeout_ms, syncline_receipt** receipt, syncline_error** error) {
  return call(error, [&]() -> Status {
    TRY_ASSIGN(const syncline::Stage wait, stage_of(stage));
    return give(store->store->wait(ticket->ticket, wait, deadline_of(timeout_ms)), receipt);
  });
}

void syncline_ticket_free(syncline_ticket* ticket) {
  delete ticket;
}

int syncline_retract(syncline_store* store, uint64_t seq, syncline_stage stage, int64_t timeout_ms,
                     syncline_receipt** receipt, syncline_error** error) {
  return call(error, [&]() -> Status {
    TRY_ASSIGN(const syncline::Stage wait, stage_of(stage));
    TRY_ASSIGN(syncline::RetractReport report,
               store->store->retract(seq, wait, deadline_of(timeout_ms)));
    return give(std::move(report.receipt), receipt);
  });
}

// ---- receipts ----

uint64_t syncline_receipt_seq(const syncline_receipt* receipt) {
  return receipt->receipt.seq;
}
int64_t syncline_receipt_id(const syncline_receipt* receipt) {
  return static_cast<int64_t>(receipt->receipt.id);
}
const char* syncline_receipt_kind(const syncline_receipt* receipt) {
  return receipt->receipt.kind.c_str();
}
const char* syncline_receipt_key(const syncline_receipt* receipt) {
  return receipt->receipt.key.c_str();
}
const char* syncline_receipt_table(const syncline_receipt* receipt) {
  return receipt->receipt.table.c_str();
}
const char* syncline_receipt_path(const syncline_receipt* receipt) {
  return receipt->receipt.path.c_str();
}
int64_t syncline_receipt_time_ms(const syncline_receipt* receipt) {
  return receipt->receipt.time_ms;
}
syncline_stage syncline_receipt_stage(const syncline_receipt* receipt) {
  return static_cast<syncline_stage>(receipt->receipt.stage);
}
int syncline_receipt_is_duplicate(const syncline_receipt* receipt) {
  return receipt->receipt.duplicate ? 1 : 0;
}
const char* syncline_receipt_set_aside(const syncline_receipt* receipt) {
  return receipt->receipt.set_aside.c_str();
}
int syncline_receipt_json(const syncline_receipt* receipt, char** json, syncline_error** error) {
  return call(error, [&] { return give(syncline::receipt_json(receipt->receipt), json); });
}
void syncline_receipt_free(syncline_receipt* receipt) {
  delete receipt;
}

// ---- reading ----

int syncline_show(syncline_store* store, uint64_t seq, syncline_receipt** receipt,
                  syncline_error** error) {
  return call(error, [&] { return give(store->store->show(seq), receipt); });
}

int syncline_show_key(syncline_store* store, const char* key, syncline_receipt** receipt,
                      syncline_error** error) {
  return call(error, [&] { return give(store->store->show_key(text_of(key)), receipt); });
}

int syncline_records(syncline_store* store, uint64_t from_seq, const char* kind, int follow,
                     syncline_cursor** cursor, syncline_error** error) {
  return call(error, [&]() -> Status {
    std::stop_source stop;
    syncline::Cursor made = store->store->records({.from_seq = from_seq,
                                                   .kind = text_of(kind),
                                                   .follow = follow != 0,
                                                   .stop = stop.get_token()});
    *cursor = new syncline_cursor{std::move(stop), std::move(made)};
    return {};
  });
}

int syncline_cursor_next(syncline_cursor* cursor, int64_t timeout_ms, syncline_receipt** receipt,
                         syncline_error** error) {
  *receipt = nullptr;
  return call(error, [&]() -> Status {
    TRY_ASSIGN(auto entry, cursor->cursor.next(deadline_of(timeout_ms)));
    if (entry) *receipt = new syncline_receipt{std::move(entry->receipt)};
    return {};
  });
}

void syncline_cursor_stop(syncline_cursor* cursor) {
  cursor->stop.request_stop();
}

void syncline_cursor_free(syncline_cursor* cursor) {
  delete cursor;
}

void syncline_watermarks(const syncline_store* store, syncline_watermarks_t* watermarks) {
  const syncline::Watermarks now = store->store->watermarks();
  *watermarks = {now.journaled, now.applied, now.committed, now.published, now.pushed};
}

int syncline_status(syncline_store* store, char** json, syncline_error** error) {
  return call(error, [&]() -> Status {
    TRY_ASSIGN(const syncline::StoreStatus status, store->store->status());
    return give(syncline::status_json(status), json);
  });
}

int syncline_verify(syncline_store* store, char** json, syncline_error** error) {
  return call(error, [&]() -> Status {
    const int64_t began_ns = syncline::system_clock().monotonic_ns();
    TRY_ASSIGN(const syncline::VerifyReport report,
               store->store->verify([](uint64_t, uint64_t) {}));
    const int64_t took_ns = syncline::system_clock().monotonic_ns() - began_ns;
    return give(syncline::verify_json(report, static_cast<double>(took_ns) / 1e9), json);
  });
}

int syncline_sync(syncline_store* store, int push, int64_t timeout_ms, char** json,
                  syncline_error** error) {
  return call(error, [&]() -> Status {
    TRY_ASSIGN(const syncline::SyncReport report,
               store->store->sync(push != 0, deadline_of(timeout_ms)));
    return give(syncline::sync_json(report), json);
  });
}
