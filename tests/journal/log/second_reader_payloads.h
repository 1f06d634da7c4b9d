// What stands in frames, read from journal/FORMAT-payloads.md alone.
#pragma once

#include <cmath>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "journal/record/intent.h"
#include "journal/record/template.h"
#include "tests/journal/log/second_reader.h"

namespace second_reader {

struct InvalidPayload : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A piece is a literal (slot 0) or a slot.
struct Piece {
  unsigned slot = 0;
  std::string literal;
};
using Template = std::vector<Piece>;

struct ColumnValue {
  char type = 'n';  // null, integer, real, text
  int64_t integer = 0;
  double real = 0;
  Template text;
};

struct Intent {
  unsigned flags = 0;  // 1: the row was found in place; 2: the file was
  std::string kind, key, content_hash, table, id_column;
  std::vector<std::pair<std::string, ColumnValue>> columns;
  Template path, header, text, subject;
  uint64_t retracted_seq = 0;        // of a retraction
  unsigned retracted_operation = 0;  // of a retraction
  uint64_t retracted_file_id = 0;    // of a retraction
};

class PayloadReader {
 public:
  explicit PayloadReader(const std::string& bytes) : bytes_(bytes) {}

  uint64_t number(int width) { return get(take(static_cast<size_t>(width)), 0, width); }
  std::string take(size_t count) {
    if (bytes_.size() - at_ < count) throw InvalidPayload("a field runs past the end");
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  std::string text() { return take(number(4)); }
  uint64_t version(uint64_t newest) {
    const uint64_t found = number(1);
    if (found < 1 || found > newest) {
      throw InvalidPayload("payload version " + std::to_string(found));
    }
    return found;
  }
  Template pieces() {
    Template made;
    const uint64_t count = number(4);
    if (count > 65536) throw InvalidPayload("too many pieces");
    for (uint64_t i = 0; i < count; ++i) {
      Piece piece;
      piece.slot = static_cast<unsigned>(number(1));
      if (piece.slot > 7) throw InvalidPayload("a slot that is none");
      if (piece.slot == 0) {
        piece.literal = text();
        if (piece.literal.empty() || (!made.empty() && made.back().slot == 0)) {
          throw InvalidPayload("literals that should be one, or none");
        }
      }
      made.push_back(piece);
    }
    return made;
  }
  ColumnValue value() {
    ColumnValue made;
    switch (number(1)) {
      case 0:
        return made;
      case 1:
        made.type = 'i';
        made.integer = static_cast<int64_t>(number(8));
        return made;
      case 2: {
        made.type = 'r';
        const uint64_t bits = number(8);
        std::memcpy(&made.real, &bits, sizeof bits);
        if (std::isnan(made.real)) throw InvalidPayload("a real that is no number");
        return made;
      }
      case 3:
        made.type = 't';
        made.text = pieces();
        return made;
      default:
        throw InvalidPayload("a value of no type");
    }
  }
  void end() const {
    if (at_ != bytes_.size()) throw InvalidPayload("bytes behind the last field");
  }

 private:
  const std::string& bytes_;
  size_t at_ = 0;
};

inline Intent intent(unsigned operation, const std::string& payload) {
  PayloadReader in(payload);
  const char version = payload.empty() ? '\0' : payload[0];
  in.version(3);
  Intent made;
  if (version == 3) {
    made.flags = static_cast<unsigned>(in.number(1));
    if (made.flags < 1 || made.flags > 3) throw InvalidPayload("flags that are none");
  }
  made.kind = in.text();
  made.key = in.text();
  if (version == 1) {
    made.content_hash = in.take(16);
  } else if (!made.key.empty()) {
    made.content_hash = in.take(32);
  }
  made.table = in.text();
  made.id_column = in.text();
  const uint64_t columns = in.number(4);
  if (columns > 4096) throw InvalidPayload("too many columns");
  for (uint64_t i = 0; i < columns; ++i) {
    std::string name = in.text();
    made.columns.emplace_back(std::move(name), in.value());
  }
  made.path = in.pieces();
  made.header = in.pieces();
  made.text = in.pieces();
  made.subject = in.pieces();
  if (operation == 4) {
    made.retracted_seq = in.number(8);
    made.retracted_operation = static_cast<unsigned>(in.number(1));
    made.retracted_file_id = in.number(8);
    if (made.retracted_seq == 0) throw InvalidPayload("it retracts record 0");
    if (made.retracted_operation != 1 && made.retracted_operation != 2) {
      throw InvalidPayload("it retracts what is no create and no append");
    }
    std::vector<Template> all = {made.path, made.header, made.text};
    for (const auto& [name, value] : made.columns) all.push_back(value.text);
    for (const Template& pieces : all) {
      for (const Piece& piece : pieces) {
        if (piece.slot != 0) throw InvalidPayload("a retraction has slots");
      }
    }
  }
  in.end();
  for (const Piece& piece : made.path) {
    if (piece.slot == 6) throw InvalidPayload("a path that names itself");
  }
  return made;
}

// Control frames, all in one: the fields that an operation has not stay empty.
struct Control {
  uint64_t version = 1;
  uint64_t seq = 0, new_id = 0;          // 33, 34
  std::string text;                      // 32: the configuration; 34: the reason; 37: the branch
  uint64_t first_seq = 0, last_seq = 0;  // 36, 37
  std::string parent, tree, commit;      // 36, 37: 20 bytes each
  std::string author_name, author_email;
  std::vector<std::pair<uint64_t, uint64_t>> offsets;     // 35: seq, offset
  uint64_t files_synced = 0, applied = 0, committed = 0;  // 38
};

inline const std::string& zero_object() {
  static const std::string zero(20, '\0');
  return zero;
}

inline Control control(unsigned operation, const std::string& payload) {
  PayloadReader in(payload);
  Control made;
  made.version = in.version(operation == 36 ? 2 : 1);
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw InvalidPayload(what);
  };
  switch (operation) {
    case 32:
      made.text = in.text();
      break;
    case 33:
      made.seq = in.number(8);
      made.new_id = in.number(8);
      require(made.seq >= 1 && made.new_id >= 1 && made.new_id >> 63 == 0, "rebind");
      break;
    case 34:
      made.seq = in.number(8);
      made.text = in.text();
      require(made.seq >= 1, "set-aside");
      break;
    case 35:
      for (uint64_t left = in.number(4); left > 0; --left) {
        const uint64_t seq = in.number(8);
        require(seq >= 1, "append-offsets");
        made.offsets.emplace_back(seq, in.number(8));
      }
      break;
    case 36:
      made.first_seq = in.number(8);
      made.last_seq = in.number(8);
      made.parent = in.take(20);
      made.tree = in.take(20);
      made.commit = in.take(20);
      made.author_name = in.text();
      made.author_email = in.text();
      require(made.first_seq >= 1 && made.last_seq >= made.first_seq &&
                  made.tree != zero_object() && made.commit != zero_object(),
              "batch");
      break;
    case 37:
      made.last_seq = in.number(8);
      made.text = in.text();
      made.parent = in.take(20);
      made.commit = in.take(20);
      require(made.commit != zero_object(), "publish");
      break;
    case 38:
      made.files_synced = in.number(8);
      made.applied = in.number(8);
      made.committed = in.number(8);
      break;
    default:
      throw InvalidPayload("operation " + std::to_string(operation));
  }
  in.end();
  return made;
}

}  // namespace second_reader
