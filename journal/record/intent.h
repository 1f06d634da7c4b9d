// A record as journalled: all its effects decided, so that applying it asks nobody anything.
//
// What depends on the id or the time (both fixed in the frame's header under the append lock)
// stands in the payload as slots of templates, so that producers can encode and hash a payload
// before it has its place. Rendering is a pure function of (payload, id, time): a journalled rebind
// renders the same record anew with another id. Byte table: journal/FORMAT.md, "Intent".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/record/content_hash.h"
#include "journal/record/operation.h"
#include "journal/record/outcome.h"
#include "journal/record/template.h"
#include "syncline/result.h"

namespace syncline {

// NULL, integer, real or text.
using IntentValue = std::variant<std::monostate, int64_t, double, Template>;
struct IntentColumn {
  std::string name;
  IntentValue value;
  bool operator==(const IntentColumn&) const = default;
};

// kRetract: the record that is taken away. Its path, header and text stand beside this, rendered,
// so that whoever takes them away need not find the record again; so do the columns by which its
// row is told from another one of the same id, which is the frame's own.
struct RetractedRecord {
  uint64_t seq = 0;
  Operation operation = Operation::kCreate;  // kCreate or kAppend
  uint64_t file_id = 0;                      // as its path and text have it
  bool operator==(const RetractedRecord&) const = default;
};

// What stood there before the record did: it was adopted, and applying it finds its own effect.
struct FoundInPlace {
  bool row = false;   // a row with this id, whatever its columns hold by now
  bool file = false;  // the file (kCreate) or the section (kAppend)
  bool any() const { return row || file; }
  bool operator==(const FoundInPlace&) const = default;
};

struct Intent {
  Operation operation = Operation::kCreate;  // carried by the frame, not the payload
  std::string kind;
  std::string key;           // idempotency key, empty for none
  ContentHash content_hash;  // an Xxh3Hash makes it a payload of version 1
  FoundInPlace found;        // any of it makes it a payload of version 3
  std::string table;
  std::string id_column;
  std::vector<IntentColumn> columns;  // without the id column, whatever its letters' case
  Template path;                      // relative to the work tree, '/'-separated; empty: no file
  Template header;                    // kAppend: what a file that is not there yet begins with
  Template text;                      // the whole file (kCreate) or the section (kAppend)
  Template subject;                   // of a commit that holds this record alone; one line
  std::optional<RetractedRecord> retracted = std::nullopt;  // kRetract alone
  bool operator==(const Intent&) const = default;
};

// Bounds of an intent, so that a payload of a few bytes cannot ask for memory without end. Whoever
// turns a configuration into templates checks them; encoding asserts them.
inline constexpr size_t kIntentColumnsMax = 4096;    // SQLite's own default limit is 2,000
inline constexpr size_t kIntentPiecesMax = 1 << 16;  // of all templates together
// Of a rendered path, a slot counted as kSlotBytesMax: whatever names the path renders it again.
inline constexpr size_t kIntentPathBytesMax = 4096;
inline constexpr size_t kSlotBytesMax = 32;  // every slot but kPath

// Decoding answers kCorrupt for bytes that encoding never yields, and kUnsupported for a newer
// version or operation. A real that is not a number is encoded as NULL, as SQLite stores it.
ByteVector encode_intent(const Intent& intent);
Result<Intent> decode_intent(Operation operation, ByteSpan payload);

// The column that holds the record's path and nothing else, where the path holds the id.
std::optional<size_t> path_column(const Intent& intent);

// Do two records put the same into row and file, whatever their ids and times? With equal hashes of
// version 1 that is as much as can be known of their contents.
bool same_effects(const Intent& one, const Intent& other);

// What a record does, in full.
using Value = std::variant<std::monostate, int64_t, double, std::string>;
// The value that is this one, whatever the record's id and time.
IntentValue literal_value(const Value& value);
struct Effects {
  uint64_t seq = 0;
  Operation operation = Operation::kCreate;
  uint64_t id = 0;  // the row's
  int64_t time_ms = 0;
  FoundInPlace found;
  std::string kind;
  std::string table;
  std::string id_column;
  std::vector<std::pair<std::string, Value>> columns;
  std::string path;
  std::string header;
  std::string text;
  std::string subject;
  std::optional<RetractedRecord> retracted = std::nullopt;
};
Effects render_effects(const Intent& intent, uint64_t seq, EffectIds ids, int64_t time_ms);

}  // namespace syncline
