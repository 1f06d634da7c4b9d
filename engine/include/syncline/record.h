// A record as the user gives it, and the store's answers about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace syncline {

// A field's value as a user gives it: text on the command line; text, integer or real in JSON.
using FieldValue = std::variant<std::string, int64_t, double>;
using Fields = std::vector<std::pair<std::string, FieldValue>>;

enum class Stage : uint8_t { kJournaled, kApplied, kCommitted, kPublished, kPushed };
std::string_view stage_name(Stage stage);
std::optional<Stage> parse_stage(std::string_view name);

struct Record {
  std::string kind = {};
  Fields fields = {};
  std::string key = {};  // idempotency key; empty for none
};

// A record as the journal has it, for export.
struct ExportedRecord {
  uint64_t seq = 0;
  Record record;
  bool whole = true;  // false: its fields cannot be told from its effects, and are left out
};

// What a person has done with a record's file, or its section, since it was recorded.
struct PersonsChange {
  enum class Kind : uint8_t { kNone, kEdited, kMoved, kRemoved };
  Kind on_branch = Kind::kNone;     // committed; the last of several
  Kind in_work_tree = Kind::kNone;  // not committed: kEdited or kRemoved
  std::string moved_to;             // where its file is now, or was until it was removed
  // The commits that did it; empty where it was not done, or its commit was not found.
  std::string moved_by, edited_by, removed_by;
  std::string unknown;  // why not all of it can be told; empty: it can
};
std::string_view change_name(PersonsChange::Kind kind);  // "edited"; empty for kNone

struct Receipt {
  uint64_t seq = 0;
  std::string kind;
  std::string key;
  std::string table;
  uint64_t id = 0;
  std::string path;
  int64_t time_ms = 0;
  Stage stage = Stage::kJournaled;  // reached
  bool duplicate = false;           // the key was there already, with the same content
  // The repository ignores its path: it stays off the branch, and `committed` is as far as it gets.
  bool ignored = false;
  bool timed_out = false;     // the requested stage was not reached in time; work goes on
  bool rebound = false;       // a foreign row had the id already, so the record got another
  std::string set_aside;      // why it could not be applied; empty when it could
  uint64_t again_as = 0;      // of one set aside: the record that has taken its content in anew
  uint64_t retracted_by = 0;  // the record that took this one away; 0 for none
  uint64_t retracts = 0;      // the record that this one takes away; 0 for none
  std::string commit;         // on the store's own ref, when known
  std::string branch_commit;
  // As they were handed over, where it is told by show() or a Cursor; not where its kind's patterns
  // do not tell them.
  std::optional<Fields> fields = std::nullopt;
  PersonsChange change = {};  // only tell_changes() tells
};

struct LogEntry {
  Receipt receipt;
  std::string operation;
};

}  // namespace syncline
