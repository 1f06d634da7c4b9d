// Syncline for programs in C, and for every language that calls C.
//
//   syncline_store *store;
//   syncline_error *error = NULL;
//   if (syncline_open("/data/journal", SYNCLINE_BACKGROUND, &store, &error) != 0) ...
//   syncline_field fields[] = {{"title", SYNCLINE_TEXT, "Hello", 0, 0}};
//   syncline_receipt *receipt;
//   if (syncline_record(store, "note", fields, 1, NULL, SYNCLINE_APPLIED, -1, &receipt, &error) !=
//   0) ...
//
// What a store promises is in syncline/store.h; here is how it is called.
//
// Answers: 0, or the exit code that the command would end with (syncline(1), EXIT STATUS); then
// `error`, unless it is NULL, gets a syncline_error to be freed (NULL where memory ran out), and
// nothing else is set. A record that was accepted and could not be applied is no error: see
// syncline_receipt_set_aside().
//
// Ownership: what a function gives out through a pointer is the caller's, to be freed by the
// function named after its type. Texts that a getter returns live as long as what they were asked
// of.
//
// Threading: a store may be used by any threads at once; of a ticket, a cursor, a receipt or an
// error, one thread at a time uses it, but for syncline_cursor_stop().
//
// Forking: a child that uses a store of its parent's gets the answer 64; it opens its own.
//
// Times: `timeout_ms` is how long the call may take; negative, it takes as long as it takes.
//
// Texts are UTF-8 and end with a NUL. Functions are added to this interface, never changed or taken
// away, while SYNCLINE_API_VERSION stays; the shared library's soname follows it.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCLINE_API_VERSION 0

typedef struct syncline_store syncline_store;
typedef struct syncline_ticket syncline_ticket;
typedef struct syncline_receipt syncline_receipt;
typedef struct syncline_cursor syncline_cursor;
typedef struct syncline_error syncline_error;

// How far a record has come.
typedef enum syncline_stage {
  SYNCLINE_JOURNALED = 0,
  SYNCLINE_APPLIED = 1,
  SYNCLINE_COMMITTED = 2,
  SYNCLINE_PUBLISHED = 3,
  SYNCLINE_PUSHED = 4
} syncline_stage;

enum {
  SYNCLINE_BACKGROUND = 1,  // the store's own threads write, apply and commit
  SYNCLINE_READ_ONLY = 2    // nothing is written
};

typedef enum syncline_type {
  SYNCLINE_TEXT = 0,
  SYNCLINE_INTEGER = 1,
  SYNCLINE_REAL = 2
} syncline_type;

// One field of a record; `type` says which of the three values is meant.
typedef struct syncline_field {
  const char* name;
  syncline_type type;
  const char* text;
  int64_t integer;
  double real;
} syncline_field;

typedef struct syncline_watermarks_t {
  uint64_t journaled, applied, committed, published, pushed;
} syncline_watermarks_t;

// "0.1.0", of the library that is loaded.
const char* syncline_version(void);

// Frees a text that was given out through a `char **`.
void syncline_free(char* text);

// ---- errors ----

int syncline_error_exit_code(const syncline_error* error);
const char* syncline_error_code(const syncline_error* error);  // "key-conflict", "timeout", ...
const char* syncline_error_message(const syncline_error* error);
const char* syncline_error_hint(const syncline_error* error);  // what to try
// The record that is durable all the same; 0 for none.
uint64_t syncline_error_seq(const syncline_error* error);
void syncline_error_free(syncline_error* error);

// ---- stores ----

// Makes a store in a directory, which may be there; `profile` is NULL for "notes".
int syncline_init(const char* directory, const char* profile, syncline_error** error);
int syncline_open(const char* root, unsigned flags, syncline_store** store, syncline_error** error);
// Frees the store whatever it answers. Its cursors' waits end; tickets and cursors are freed before
// or after, and not used in between. 11: something is journalled and not applied yet, which the
// next to open the store does.
int syncline_close(syncline_store* store, int64_t timeout_ms, syncline_error** error);

// ---- recording ----

// `key` is NULL for none. 11 with syncline_error_seq(): the record is durable, and has not reached
// the stage in time. 11 without: nothing was written. 74: retry with the same key.
int syncline_record(syncline_store* store, const char* kind, const syncline_field* fields,
                    size_t field_count, const char* key, syncline_stage stage, int64_t timeout_ms,
                    syncline_receipt** receipt, syncline_error** error);
// Hands it over and does not wait. With `ticket` NULL nobody will.
int syncline_submit(syncline_store* store, const char* kind, const syncline_field* fields,
                    size_t field_count, const char* key, int64_t timeout_ms,
                    syncline_ticket** ticket, syncline_error** error);
int syncline_wait(syncline_store* store, const syncline_ticket* ticket, syncline_stage stage,
                  int64_t timeout_ms, syncline_receipt** receipt, syncline_error** error);
// The record goes its way all the same.
void syncline_ticket_free(syncline_ticket* ticket);
// Takes a record's row and file away, by a record of its own, whose receipt it answers.
int syncline_retract(syncline_store* store, uint64_t seq, syncline_stage stage, int64_t timeout_ms,
                     syncline_receipt** receipt, syncline_error** error);

// ---- receipts ----

uint64_t syncline_receipt_seq(const syncline_receipt* receipt);
int64_t syncline_receipt_id(const syncline_receipt* receipt);  // of its row
const char* syncline_receipt_kind(const syncline_receipt* receipt);
const char* syncline_receipt_key(const syncline_receipt* receipt);  // "" for none
const char* syncline_receipt_table(const syncline_receipt* receipt);
const char* syncline_receipt_path(const syncline_receipt* receipt);      // from the store's root
int64_t syncline_receipt_time_ms(const syncline_receipt* receipt);       // since 1970, UTC
syncline_stage syncline_receipt_stage(const syncline_receipt* receipt);  // reached
int syncline_receipt_is_duplicate(const syncline_receipt* receipt);      // the key was there before
const char* syncline_receipt_set_aside(
    const syncline_receipt* receipt);  // why; "" where it was not
// All of it, as `syncline show --json` has it: syncline-json(5).
int syncline_receipt_json(const syncline_receipt* receipt, char** json, syncline_error** error);
void syncline_receipt_free(syncline_receipt* receipt);

// ---- reading ----

// 1 where there is no such record.
int syncline_show(syncline_store* store, uint64_t seq, syncline_receipt** receipt,
                  syncline_error** error);
int syncline_show_key(syncline_store* store, const char* key, syncline_receipt** receipt,
                      syncline_error** error);
// Goes through the records from `from_seq` on, in their order; of a kind, or of all where it is
// NULL. With `follow` it waits for more at the end.
int syncline_records(syncline_store* store, uint64_t from_seq, const char* kind, int follow,
                     syncline_cursor** cursor, syncline_error** error);
// The next record, with its fields; `*receipt` is NULL at the end. 11: none came in time.
int syncline_cursor_next(syncline_cursor* cursor, int64_t timeout_ms, syncline_receipt** receipt,
                         syncline_error** error);
// From any thread: ends the cursor, also while it waits.
void syncline_cursor_stop(syncline_cursor* cursor);
void syncline_cursor_free(syncline_cursor* cursor);

// No lock, no system call.
void syncline_watermarks(const syncline_store* store, syncline_watermarks_t* watermarks);
// As the verbs of these names answer with --json: syncline-json(5).
int syncline_status(syncline_store* store, char** json, syncline_error** error);
int syncline_verify(syncline_store* store, char** json, syncline_error** error);
int syncline_sync(syncline_store* store, int push, int64_t timeout_ms, char** json,
                  syncline_error** error);

#ifdef __cplusplus
}
#endif
