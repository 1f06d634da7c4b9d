/* A program in C: records, waits, reads back, and is told what it did wrong. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syncline.h>

#define NEED(what)                                                  \
  do {                                                              \
    if (!(what)) {                                                  \
      fprintf(stderr, "sample.c:%d: not so: %s\n", __LINE__, #what); \
      return 1;                                                     \
    }                                                               \
  } while (0)

int main(int count, char **arguments) {
  syncline_error *error = NULL;
  syncline_store *store = NULL;
  syncline_receipt *receipt = NULL;
  syncline_ticket *ticket = NULL;
  syncline_cursor *cursor = NULL;
  char *json = NULL;
  char title[32];
  NEED(count == 2);
  NEED(syncline_open(arguments[1], 0, &store, &error) == 10);
  NEED(strcmp(syncline_error_code(error), "no-store") == 0);
  NEED(strlen(syncline_error_hint(error)) > 0);
  syncline_error_free(error);
  NEED(syncline_init(arguments[1], "notes", &error) == 0);
  NEED(syncline_open(arguments[1], SYNCLINE_BACKGROUND, &store, &error) == 0);

  syncline_field fields[] = {{.name = "title", .type = SYNCLINE_TEXT, .text = "Hello from C"}};
  NEED(syncline_record(store, "note", fields, 1, "first", SYNCLINE_COMMITTED, -1, &receipt, &error) == 0);
  NEED(syncline_receipt_seq(receipt) == 1);
  NEED(syncline_receipt_stage(receipt) >= SYNCLINE_COMMITTED);
  NEED(!syncline_receipt_is_duplicate(receipt));
  NEED(strcmp(syncline_receipt_set_aside(receipt), "") == 0);
  syncline_receipt_free(receipt);
  NEED(syncline_record(store, "note", fields, 1, "first", SYNCLINE_APPLIED, -1, &receipt, &error) == 0);
  NEED(syncline_receipt_is_duplicate(receipt));
  syncline_receipt_free(receipt);

  fields[0].text = "Another content";
  NEED(syncline_record(store, "note", fields, 1, "first", SYNCLINE_APPLIED, -1, NULL, &error) == 64);
  NEED(strcmp(syncline_error_code(error), "key-conflict") == 0);
  syncline_error_free(error);
  fields[0].name = "no such field";
  NEED(syncline_record(store, "note", fields, 1, NULL, SYNCLINE_APPLIED, -1, NULL, NULL) == 64);
  fields[0].name = "title";

  for (int i = 0; i < 100; ++i) {
    snprintf(title, sizeof(title), "note %d", i);
    fields[0].text = title;
    NEED(syncline_submit(store, "note", fields, 1, NULL, -1, i == 99 ? &ticket : NULL, &error) == 0);
  }
  NEED(syncline_wait(store, ticket, SYNCLINE_APPLIED, -1, &receipt, &error) == 0);
  NEED(syncline_receipt_seq(receipt) == 101);
  syncline_receipt_free(receipt);
  syncline_ticket_free(ticket);
  syncline_watermarks_t marks;
  syncline_watermarks(store, &marks);
  NEED(marks.journaled == 101 && marks.applied == 101);

  NEED(syncline_show_key(store, "first", &receipt, &error) == 0);
  NEED(syncline_receipt_json(receipt, &json, &error) == 0);
  NEED(strstr(json, "\"title\":\"Hello from C\"") != NULL);
  syncline_free(json);
  syncline_receipt_free(receipt);
  NEED(syncline_show(store, 1000, &receipt, NULL) != 0);

  NEED(syncline_records(store, 1, "note", 0, &cursor, &error) == 0);
  uint64_t seen = 0;
  while (syncline_cursor_next(cursor, -1, &receipt, &error) == 0 && receipt != NULL) {
    NEED(syncline_receipt_seq(receipt) == ++seen);
    syncline_receipt_free(receipt);
  }
  NEED(seen == 101);
  syncline_cursor_free(cursor);
  NEED(syncline_records(store, 102, NULL, 1, &cursor, &error) == 0);
  NEED(syncline_cursor_next(cursor, 10, &receipt, NULL) == 11);
  syncline_cursor_stop(cursor);
  NEED(syncline_cursor_next(cursor, -1, &receipt, &error) == 0 && receipt == NULL);
  syncline_cursor_free(cursor);

  NEED(syncline_retract(store, 1, SYNCLINE_APPLIED, -1, &receipt, &error) == 0);
  syncline_receipt_free(receipt);
  NEED(syncline_sync(store, 0, -1, &json, &error) == 0);
  syncline_free(json);
  NEED(syncline_verify(store, &json, &error) == 0 && strstr(json, "\"ok\":true") != NULL);
  syncline_free(json);
  NEED(syncline_close(store, -1, &error) == 0);
  printf("C, %s: %" PRIu64 " records\n", syncline_version(), seen);
  return 0;
}
