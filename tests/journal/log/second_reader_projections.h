// Rows, keys, trees and commits computed from a journal by journal/FORMAT-projections.md alone.
#pragma once

#include <openssl/sha.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/journal/log/second_reader_keys.h"
#include "tests/journal/log/second_reader_payloads.h"

namespace second_reader {

inline std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(c));
    text += two;
  }
  return text;
}

// A git object's name, as 20 bytes.
inline std::string object_name(const std::string& type, const std::string& content) {
  const std::string whole = type + " " + std::to_string(content.size()) + '\0' + content;
  std::string name(20, '\0');
  SHA1(reinterpret_cast<const unsigned char*>(whole.data()), whole.size(),
       reinterpret_cast<unsigned char*>(name.data()));
  return name;
}

inline std::string rendered(const Template& pieces, uint64_t id, int64_t time_ms,
                            const std::string& path) {
  using std::chrono::days;
  const std::chrono::milliseconds since(time_ms);
  const auto day = std::chrono::floor<days>(since);
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const int64_t of_day = (since - day).count();
  const auto number = [](int64_t value, int digits) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*lld", digits, static_cast<long long>(value));
    return std::string(text);
  };
  const int year_number = static_cast<int>(date.year());
  const std::string year = year_number > 9999 ? "+" + number(year_number, 4)
                           : year_number < 0  ? "-" + number(-year_number, 4)
                                              : number(year_number, 4);
  const std::string month = number(static_cast<unsigned>(date.month()), 2);
  const std::string of_month = number(static_cast<unsigned>(date.day()), 2);
  const std::string clock = number(of_day / 3'600'000, 2) + ":" + number(of_day / 60'000 % 60, 2) +
                            ":" + number(of_day / 1000 % 60, 2);
  const std::string dashed = year + "-" + month + "-" + of_month;
  const std::string slots[] = {{},
                               std::to_string(id),
                               number(static_cast<int64_t>(id / 1000), 4),
                               dashed + "T" + clock + "." + number(of_day % 1000, 3) + "Z",
                               dashed,
                               year + month + of_month,
                               path,
                               dashed + " " + clock};
  std::string out;
  for (const Piece& piece : pieces) out += piece.slot == 0 ? piece.literal : slots[piece.slot];
  return out;
}

struct Row {
  uint64_t seq = 0;
  std::string table, id_column;
  uint64_t id = 0;
  std::vector<std::pair<std::string, ColumnValue>> columns;  // texts rendered, as one literal
};

struct Batch {
  Control frame;
  std::string tree, commit;                  // as computed
  std::map<std::string, std::string> files;  // of the tree, path to content
};

// Where a section was put, and what it says.
struct Section {
  std::string path, text;
  uint64_t offset = 0;
};

struct Projections {
  std::vector<Row> rows;
  std::map<std::string, std::pair<uint64_t, std::string>> keys;  // to seq and content hash
  std::vector<Batch> batches;
  std::vector<Section> sections;
  std::string config;
};

inline std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

inline std::string cleaned(const std::string& text) {
  std::string name = one_line(text);
  std::erase_if(name, [](char c) { return c == '<' || c == '>'; });
  return one_line(name);
}

// The tree that holds these files, below `prefix`.
inline std::string tree_name(const std::map<std::string, std::string>& files,
                             const std::string& prefix = {}) {
  struct Entry {
    std::string mode, name, object;
  };
  std::map<std::string, Entry> entries;  // in git's order
  for (auto at = files.lower_bound(prefix); at != files.end() && at->first.starts_with(prefix);
       ++at) {
    const std::string rest = at->first.substr(prefix.size());
    const size_t slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    if (slash == std::string::npos) {
      entries[name] = {"100644", name, object_name("blob", at->second)};
    } else if (!entries.contains(name + "/")) {
      entries[name + "/"] = {"40000", name, tree_name(files, prefix + name + "/")};
    }
  }
  std::string content;
  for (const auto& [order, entry] : entries) {
    content += entry.mode + " " + entry.name + '\0' + entry.object;
  }
  return object_name("tree", content);
}

inline std::string plural_of(const std::string& name) {
  const auto ends = [&](const std::string& end) { return name.ends_with(end); };
  if (ends("s") || ends("x") || ends("z") || ends("ch") || ends("sh")) return name + "es";
  if (ends("y") && name.size() > 1 &&
      std::string("aeiou").find(name[name.size() - 2]) == std::string::npos) {
    return name.substr(0, name.size() - 1) + "ies";
  }
  return name + "s";
}

// The kinds of a batch's records, with their numbers: the largest first, then by name.
inline std::vector<std::pair<std::string, size_t>> counted(const std::vector<std::string>& kinds) {
  std::vector<std::pair<std::string, size_t>> all;
  for (const std::string& kind : std::set<std::string>(kinds.begin(), kinds.end())) {
    all.emplace_back(kind, std::count(kinds.begin(), kinds.end(), kind));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return all;
}

inline std::string message(const std::vector<std::string>& subjects,
                           const std::vector<std::string>& kinds, const std::string& store,
                           const Control& batch) {
  const size_t count = subjects.size();
  std::string text = count == 1 ? one_line(subjects[0]) : std::string();
  std::string kinds_line;
  if (batch.version == 2 && count > 0) {
    std::string told;
    size_t named = 0, rest = 0;
    for (const auto& [kind, number] : counted(kinds)) {
      kinds_line +=
          (kinds_line.empty() ? "Syncline-Kinds: " : ", ") + kind + " " + std::to_string(number);
      if (++named > 3) {
        rest += number;
        continue;
      }
      if (named > 1) told += ", ";
      told += std::to_string(number) + " " + (number == 1 ? kind : plural_of(kind));
    }
    if (rest > 0) told += " and " + std::to_string(rest) + " more";
    if (text.empty()) text = told;
    kinds_line += "\n";
  }
  if (text.empty()) {
    text = "syncline: " + std::to_string(count) + (count == 1 ? " record" : " records");
  }
  text += "\n\n";
  if (count > 1) {
    for (size_t i = 0; i < std::min<size_t>(count, 20); ++i) {
      text += "- " + one_line(subjects[i]) + "\n";
    }
    text += "\n";
  }
  return text + "Syncline-Store: " + hex(store) +
         "\nSyncline-Range: " + std::to_string(batch.first_seq) + "-" +
         std::to_string(batch.last_seq) + "\n" + kinds_line;
}

class Projector {
 public:
  explicit Projector(std::string store) : store_(std::move(store)) {}

  // Of segments that were trimmed, oldest first, before any frame.
  void take_kept(const KeptKeys& kept) {
    for (const KeptRecord& record : kept.records) {
      made_.keys.try_emplace(record.key, record.seq, record.content_hash);
    }
  }

  // Frames in the order of the log, from its first.
  void take(const Record& frame) {
    if (frame.operation < 32) return take_record(frame);
    const Control control = second_reader::control(frame.operation, frame.payload);
    switch (frame.operation) {
      case 32:
        made_.config = control.text;
        break;
      case 33:
      case 34: {
        Known& record = records_.at(control.seq);
        const std::optional<uint64_t> id =
            frame.operation == 33 ? std::optional(control.new_id) : std::nullopt;
        record.row_id = id;
        if (control.seq > batched_) record.file_id = id;
        break;
      }
      case 35:
        for (const auto& [seq, offset] : control.offsets) offsets_[seq] = offset;
        break;
      case 36:
        take_batch(control);
        break;
      default:
        break;
    }
  }

  Projections finish() {
    for (const auto& [seq, record] : records_) {
      if (!record.intent.key.empty()) {
        made_.keys.try_emplace(record.intent.key, seq, record.intent.content_hash);
      }
      if (record.is_retracted) continue;
      const std::string path = path_of(record);
      if (const auto offset = offsets_.find(seq); offset != offsets_.end()) {
        const uint64_t id = record.file_id.value_or(0);
        made_.sections.push_back(
            {path, rendered(record.intent.text, id, record.time_ms, path), offset->second});
      }
      if (!record.row_id || record.intent.table.empty()) continue;
      Row row{seq, record.intent.table, record.intent.id_column, *record.row_id,
              record.intent.columns};
      for (auto& [name, value] : row.columns) {
        value.text = {{0, rendered(value.text, *record.row_id, record.time_ms, path)}};
      }
      made_.rows.push_back(std::move(row));
    }
    return made_;
  }

 private:
  struct Known {
    unsigned operation = 0;
    int64_t time_ms = 0;
    Intent intent;
    std::optional<uint64_t> row_id, file_id;
    bool is_retracted = false;
  };
  // By path: its content, or nothing where the path holds nothing.
  using Changed = std::map<std::string, std::optional<std::string>>;

  static std::string path_of(const Known& record) {
    const uint64_t id = record.file_id.value_or(record.row_id.value_or(0));
    return rendered(record.intent.path, id, record.time_ms, {});
  }

  void take_record(const Record& frame) {
    Known record{frame.operation, frame.time_ms, intent(frame.operation, frame.payload), frame.id,
                 frame.id};
    if (frame.operation == 4) {
      record.row_id.reset();
      Known& retracted = records_.at(record.intent.retracted_seq);
      retracted.row_id.reset();
      retracted.is_retracted = true;
    }
    records_[frame.seq] = std::move(record);
  }

  static void retract(Changed& changed, const std::map<std::string, std::string>& files,
                      const std::string& path, const Known& record, const std::string& header,
                      const std::string& text) {
    std::optional<std::string> left;
    if (record.intent.retracted_operation == 2) {
      if (const auto change = changed.find(path); change != changed.end()) {
        left = change->second;
      } else if (const auto file = files.find(path); file != files.end()) {
        left = file->second;
      }
    }
    if (left) {
      for (size_t at = 0; at < left->size(); ++at) {
        const bool begins_line = at == 0 || (*left)[at - 1] == '\n';
        if (!begins_line || left->compare(at, text.size(), text) != 0) continue;
        left->erase(at, text.size());
        break;
      }
      if (left->empty() || *left == header) left.reset();
    }
    changed[path] = left;
  }

  void take_batch(const Control& frame) {
    auto& batches = made_.batches;
    while (!batches.empty() && batches.back().frame.last_seq >= frame.first_seq) batches.pop_back();
    Batch batch{.frame = frame, .tree = {}, .commit = {}, .files = {}};
    if (!batches.empty()) batch.files = batches.back().files;
    Changed changed;
    std::vector<std::string> subjects, kinds;
    for (uint64_t seq = frame.first_seq; seq <= frame.last_seq; ++seq) {
      const Known& record = records_.at(seq);
      if (!record.file_id) continue;
      const std::string path = path_of(record);
      const auto render = [&](const Template& pieces) {
        return rendered(pieces, *record.file_id, record.time_ms, path);
      };
      subjects.push_back(render(record.intent.subject));
      kinds.push_back(record.operation == 4 ? "retraction" : one_line(record.intent.kind));
      if (path.empty()) continue;
      if (record.operation == 4) {
        retract(changed, batch.files, path, record, render(record.intent.header),
                render(record.intent.text));
        continue;
      }
      std::string before;
      if (record.operation == 2) {
        before = render(record.intent.header);
        if (const auto change = changed.find(path); change != changed.end()) {
          before = change->second.value_or(before);
        } else if (const auto file = batch.files.find(path); file != batch.files.end()) {
          before = file->second;
        }
      }
      changed[path] = before + render(record.intent.text);
    }
    for (const auto& [path, content] : changed) {
      if (content) {
        put(batch.files, changed, path, *content);
      } else {
        batch.files.erase(path);
      }
    }
    batch.tree = tree_name(batch.files);
    std::string content = "tree " + hex(batch.tree) + "\n";
    if (frame.parent != zero_object()) content += "parent " + hex(frame.parent) + "\n";
    std::string name = cleaned(frame.author_name);
    if (name.empty()) name = "Syncline";
    const int64_t seconds = std::max<int64_t>(0, records_.at(frame.last_seq).time_ms) / 1000;
    const std::string person =
        name + " <" + cleaned(frame.author_email) + "> " + std::to_string(seconds) + " +0000\n";
    content +=
        "author " + person + "committer " + person + "\n" + message(subjects, kinds, store_, frame);
    batch.commit = object_name("commit", content);
    batches.push_back(std::move(batch));
    batched_ = std::max(batched_, frame.last_seq);
  }

  // The change wins over what was there; among changes the directory wins over the file.
  static void put(std::map<std::string, std::string>& files, const Changed& changed,
                  const std::string& path, const std::string& content) {
    const auto below = changed.lower_bound(path + "/");
    if (below != changed.end() && below->first.starts_with(path + "/")) {
      files.erase(path);
      return;
    }
    std::erase_if(files, [&](const auto& file) {
      return file.first.starts_with(path + "/") || path.starts_with(file.first + "/");
    });
    files[path] = content;
  }

  std::string store_;
  std::map<uint64_t, Known> records_;
  std::map<uint64_t, uint64_t> offsets_;
  uint64_t batched_ = 0;
  Projections made_;
};

inline Projections project(const Journal& journal, const std::string& store) {
  Projector projector(store);
  for (const Record& frame : journal.frames) projector.take(frame);
  return projector.finish();
}

}  // namespace second_reader
