// A record as journalled: all its effects decided, so that applying it asks nobody anything.
//
// What depends on the id or the time (both fixed in the frame's header under the append lock)
// stands in the payload as slots of templates, so that producers can encode and hash a payload
// before it has its place. Rendering is a pure function of (payload, id, time): a journalled rebind
// renders the same record anew with another id. Byte table: journal/FORMAT.md, "Intent".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/base/result.h"
#include "journal/log/format.h"
#include "journal/record/control_frame.h"

namespace syncline {

enum class Slot : uint8_t {
  kId = 1,           // decimal
  kShard = 2,        // id / 1000, decimal, zero-padded to 4
  kTime = 3,         // 2026-01-31T23:59:59.123Z
  kDate = 4,         // 2026-01-31
  kDateBasic = 5,    // 20260131
  kPath = 6,         // the rendered path; not allowed in the path itself
  kTimeSeconds = 7,  // 2026-01-31 23:59:59 (as SQLite's CURRENT_TIMESTAMP writes it)
};

// Text with slots. Adjacent literals are merged, so equal templates encode equally.
class Template {
 public:
  Template() = default;
  static Template literal(std::string_view text);
  void add(std::string_view text);
  void add(Slot slot);
  void add(const Template& other);
  using Piece = std::variant<std::string, Slot>;
  const std::vector<Piece>& pieces() const { return pieces_; }
  bool empty() const { return pieces_.empty(); }
  bool uses(Slot slot) const;
  bool operator==(const Template&) const = default;

 private:
  std::vector<Piece> pieces_;
};

struct SlotValues {
  uint64_t id = 0;
  int64_t time_ms = 0;
  std::string_view path;
};
std::string render(const Template& text, const SlotValues& values);

// ISO 8601 UTC with milliseconds; proleptic Gregorian, no locale, no time zone database.
std::string format_time(int64_t time_ms);

// NULL, integer, real or text.
using IntentValue = std::variant<std::monostate, int64_t, double, Template>;
struct IntentColumn {
  std::string name;
  IntentValue value;
  bool operator==(const IntentColumn&) const = default;
};

// Of kind and fields as the user gave them: does a repeated key have the same content?
//
// Payloads of version 1 carry an XXH3-128. It is no cryptographic hash: two contents that have one
// in common can be written on purpose, so it tells contents apart and never says that they are the
// same. From version 2 on a record with a key carries a SHA-256, and one without a key nothing.
using Xxh3Hash = std::array<std::byte, 16>;
using Sha256Hash = std::array<std::byte, 32>;
using ContentHash = std::variant<std::monostate, Xxh3Hash, Sha256Hash>;
ByteSpan content_hash_bytes(const ContentHash& hash);
// The kind of hash follows from its length; nothing where it is no hash's.
std::optional<ContentHash> content_hash_of(ByteSpan bytes);

struct Intent {
  Operation operation =
      Operation::kCreate;  // kCreate or kAppend; carried by the frame, not the payload
  std::string kind;
  std::string key;           // idempotency key, empty for none
  ContentHash content_hash;  // an Xxh3Hash makes it a payload of version 1
  std::string table;
  std::string id_column;
  std::vector<IntentColumn> columns;  // without the id column, whatever its letters' case
  Template path;                      // relative to the work tree, '/'-separated
  Template header;                    // kAppend: what a file that is not there yet begins with
  Template text;                      // the whole file (kCreate) or the section (kAppend)
  Template subject;                   // of a commit that holds this record alone; one line
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

// Do two records put the same into row and file, whatever their ids and times? With equal hashes of
// version 1 that is as much as can be known of their contents.
bool same_effects(const Intent& one, const Intent& other);

// What a record does, in full.
using Value = std::variant<std::monostate, int64_t, double, std::string>;
struct Effects {
  uint64_t seq = 0;
  Operation operation = Operation::kCreate;
  uint64_t id = 0;  // the row's
  int64_t time_ms = 0;
  std::string kind;
  std::string table;
  std::string id_column;
  std::vector<std::pair<std::string, Value>> columns;
  std::string path;
  std::string header;
  std::string text;
  std::string subject;
};
Effects render_effects(const Intent& intent, uint64_t seq, EffectIds ids, int64_t time_ms);

}  // namespace syncline
