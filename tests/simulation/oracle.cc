#include "tests/simulation/oracle.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "tests/journal/log/second_reader.h"
#include "tests/journal/log/second_reader_payloads.h"
#include "tests/simulation/object_reader.h"

namespace syncline::simulation {

namespace {

constexpr size_t kMarkerDigits = 6;
constexpr std::string_view kMarkerHead = "mk";
constexpr std::string_view kTables[] = {"notes", "rules"};  // and directories of the same names

using Counts = std::map<std::string, int>;

void count_markers(std::string_view text, Counts& into) {
  for (size_t at = text.find(kMarkerHead); at != std::string_view::npos;
       at = text.find(kMarkerHead, at + 1)) {
    const std::string_view digits = text.substr(at + kMarkerHead.size(), kMarkerDigits);
    if (digits.size() < kMarkerDigits ||
        digits.find_first_not_of("0123456789") != std::string_view::npos) {
      continue;
    }
    ++into[std::string(text.substr(at, kMarkerHead.size() + kMarkerDigits))];
  }
}

std::string only_marker(std::string_view text) {
  Counts counts;
  count_markers(text, counts);
  return counts.size() == 1 ? counts.begin()->first : std::string();
}

// ---- journal ----

void read_journal(Directory& root, Picture& picture) {
  const std::string directory = ".git/syncline/journal";
  const auto names = root.list(directory);
  if (!names) {
    picture.faults.push_back("journal: " + names.error().message);
    return;
  }
  const auto store = from_hex(picture.store_id);
  std::map<uint64_t, std::string> files;
  for (const std::string& name : *names) {
    const auto text = read_file(root, directory + "/" + name);
    if (!text) {
      picture.faults.push_back("journal: " + text.error().message);
      continue;
    }
    // Which one it is, its header tells.
    if (!name.ends_with(".seg") || text->size() < 56) continue;
    files[second_reader::get(*text, 48, 8)] = *text;
  }
  if (!store || files.empty()) {
    picture.faults.push_back("journal: there is none");
    return;
  }
  const std::string id(reinterpret_cast<const char*>(store->data()), store->size());
  const second_reader::Journal journal = second_reader::read(files, id);
  if (!journal.fault.empty()) picture.faults.push_back("journal: " + journal.fault);
  picture.journal_begins_after = second_reader::get(files.begin()->second, 64, 8) - 1;
  // Where a new segment has nothing in it yet, the frame that ends the log is in a closed one.
  if (!journal.frames.empty() && journal.frames.back().segment == journal.end_segment) {
    const second_reader::Record& last = journal.frames.back();
    picture.last_frame = {last.segment, last.offset, journal.end_offset, last.seq};
  }
  for (const second_reader::Record& frame : journal.frames) {
    if (frame.seq == 0) continue;
    picture.journal.push_back({frame.seq, frame.id, frame.time_ms, only_marker(frame.payload),
                               XXH3_64bits(frame.payload.data(), frame.payload.size())});
    if (frame.operation == 4) {
      picture.journal.back().retracts =
          second_reader::intent(frame.operation, frame.payload).retracted_seq;
    }
  }
}

// ---- rows ----

struct Closing {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

void read_rows(const char* vfs, const std::string& path, bool thorough, Picture& picture) {
  sqlite3* handle = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, vfs);
  const std::unique_ptr<sqlite3, Closing> database(handle);
  if (opened != SQLITE_OK) {
    picture.faults.push_back(fmt::format("database: {}", sqlite3_errstr(opened)));
    return;
  }
  // A reader that leaves must not checkpoint what the store has not.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  const auto each = [&](const std::string& sql, const std::function<void(sqlite3_stmt*)>& visit) {
    sqlite3_stmt* made = nullptr;
    int code = sqlite3_prepare_v2(handle, sql.c_str(), -1, &made, nullptr);
    const std::unique_ptr<sqlite3_stmt, Closing> statement(made);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
      code = sqlite3_step(made);
      if (code == SQLITE_ROW) visit(made);
    }
    if (code != SQLITE_DONE) {
      picture.faults.push_back(fmt::format("database: {}: {}", sql, sqlite3_errmsg(handle)));
    }
  };
  const auto text = [](sqlite3_stmt* row, int column) {
    const auto* value = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
    return std::string(value == nullptr ? "" : value);
  };
  if (thorough) {
    each("PRAGMA integrity_check(1)", [&](sqlite3_stmt* row) {
      if (text(row, 0) != "ok") picture.faults.push_back("database: damaged: " + text(row, 0));
    });
  }
  each("SELECT name, value FROM syncline_meta WHERE name IN ('applied_segment', 'applied_offset')",
       [&](sqlite3_stmt* row) {
         uint64_t& part =
             text(row, 0) == "applied_segment" ? picture.applied.segment : picture.applied.offset;
         part = static_cast<uint64_t>(sqlite3_column_int64(row, 1));
       });
  for (const auto& [table, column] : {std::pair{"notes", "title"}, std::pair{"rules", "rule"}}) {
    const std::string sql =
        fmt::format("SELECT id, {}, created_at FROM {} ORDER BY id", column, table);
    each(sql, [&](sqlite3_stmt* row) {
      Picture::Row found{static_cast<uint64_t>(sqlite3_column_int64(row, 0)),
                         only_marker(text(row, 1)), text(row, 2)};
      ++picture.traces[found.marker].rows;
      picture.rows[table].push_back(std::move(found));
    });
  }
}

// ---- files ----

void read_files(Directory& root, const std::string& directory, Picture& picture) {
  const auto names = root.list(directory);
  if (!names) {
    if (names.error().code != Code::kNotFound) {
      picture.faults.push_back("files: " + names.error().message);
    }
    return;
  }
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    // What a death left beside its target is nobody's file.
    if (name.starts_with(kTemporaryPrefix)) continue;
    const auto info = root.info(path);
    if (info && info->type == FileInfo::Type::kDirectory) {
      read_files(root, path, picture);
      continue;
    }
    const auto text = read_file(root, path);
    if (!text) {
      picture.faults.push_back("files: " + text.error().message);
      continue;
    }
    if (text->find('\0') != std::string::npos) {
      picture.faults.push_back("files: " + path + " holds zeros");
    }
    Counts counts;
    count_markers(*text, counts);
    for (const auto& [marker, count] : counts) picture.traces[marker].files += count;
  }
}

// ---- git ----

class History {
 public:
  History(DirectoryObjectReader& objects, Picture& picture)
      : objects_(objects), picture_(picture) {}

  std::string object(const ObjectId& id, ObjectType type) {
    const auto found = objects_.read(id);
    if (!found || !*found || (*found)->type != type) {
      picture_.faults.push_back(fmt::format("git: object {} {}", id.hex(),
                                            !found ? found.error().message : "is not there"));
      return {};
    }
    return (*found)->bytes;
  }

  // Markers of every file below; by path, so that a file that moves is no new one.
  Counts tree(const ObjectId& id) {
    Counts counts;
    const std::string bytes = object(id, ObjectType::kTree);
    for (size_t at = 0; at < bytes.size();) {
      const size_t space = bytes.find(' ', at);
      const size_t end = bytes.find('\0', at);
      if (space == std::string::npos || end == std::string::npos || end + 21 > bytes.size()) {
        picture_.faults.push_back("git: damaged tree " + id.hex());
        break;
      }
      ObjectId entry;
      std::memcpy(entry.bytes.data(), bytes.data() + end + 1, entry.bytes.size());
      if (bytes.compare(at, space - at, "40000") == 0) {
        for (const auto& [marker, count] : tree(entry)) counts[marker] += count;
      } else {
        count_markers(object(entry, ObjectType::kBlob), counts);
      }
      at = end + 21;
    }
    return counts;
  }

  // First parents, oldest first.
  std::vector<OwnCommit> commits(ObjectId tip) {
    std::vector<OwnCommit> found;
    while (!tip.is_zero()) {
      const std::string text = object(tip, ObjectType::kCommit);
      if (text.empty()) break;
      OwnCommit commit{.id = tip};
      commit.tree = id_after(text, "tree ");
      commit.parent = id_after(text, "\nparent ");
      const size_t range = text.rfind("Syncline-Range: ");
      if (range != std::string::npos) {
        const size_t dash = text.find('-', range + 16);
        std::from_chars(text.data() + range + 16, text.data() + text.size(), commit.first_seq);
        std::from_chars(text.data() + dash + 1, text.data() + text.size(), commit.last_seq);
      }
      found.push_back(commit);
      tip = commit.parent;
    }
    std::ranges::reverse(found);
    return found;
  }

 private:
  static ObjectId id_after(const std::string& text, std::string_view name) {
    const size_t at = name.starts_with('\n') ? text.find(name) : 0;
    // Headers end at the first empty line.
    if (at == std::string::npos || at > text.find("\n\n")) return {};
    return ObjectId::parse(std::string_view(text).substr(at + name.size(), 40))
        .value_or(ObjectId{});
  }

  DirectoryObjectReader& objects_;
  Picture& picture_;
};

ObjectId read_ref(Directory& root, const std::string& ref) {
  const auto text = read_file(root, ".git/" + ref);
  if (!text) return {};
  return ObjectId::parse(std::string_view(*text).substr(0, 40)).value_or(ObjectId{});
}

void read_git(Directory& root, Picture& picture) {
  auto directory = root.open_directory(".git/objects");
  if (!directory) {
    picture.faults.push_back("git: " + directory.error().message);
    return;
  }
  DirectoryObjectReader objects(std::move(*directory));
  History history(objects, picture);
  picture.commits = history.commits(read_ref(root, "refs/syncline/" + picture.store_id));
  Counts before;
  for (const OwnCommit& commit : picture.commits) {
    Counts now = history.tree(commit.tree);
    for (const auto& [marker, count] : now) picture.traces[marker].added += count - before[marker];
    for (const auto& [marker, count] : before) {
      if (count > now[marker]) picture.removed[marker] += count - now[marker];
    }
    before = std::move(now);
  }
  for (const auto& [marker, count] : before) picture.traces[marker].own += count;
  const std::vector<OwnCommit> branch = history.commits(read_ref(root, "refs/heads/main"));
  if (branch.empty()) return;
  for (const auto& [marker, count] : history.tree(branch.back().tree)) {
    picture.traces[marker].branch += count;
  }
}

}  // namespace

std::string marker_of(uint64_t number) {
  return fmt::format("{}{:06}", kMarkerHead, number);
}

Picture look(Directory& root, const char* vfs, const std::string& database, bool thorough) {
  Picture picture;
  const auto identity = read_file(root, ".git/syncline/identity");
  if (!identity) {
    picture.faults.push_back("identity: " + identity.error().message);
    return picture;
  }
  if (const size_t at = identity->find("\nstore "); at != std::string::npos) {
    picture.store_id = identity->substr(at + 7, 32);
  }
  read_journal(root, picture);
  read_rows(vfs, database, thorough, picture);
  for (const std::string_view directory : kTables)
    read_files(root, std::string(directory), picture);
  read_git(root, picture);
  return picture;
}

namespace {

class Judge {
 public:
  Judge(const Picture& picture, const std::vector<Told>& told) : picture_(picture), told_(told) {}

  std::vector<std::string> run() {
    faults_ = picture_.faults;
    journal();
    rows();
    commits();
    for (const Told& told : told_) record(told);
    for (const auto& [marker, traces] : picture_.traces) {
      const bool known =
          std::ranges::any_of(told_, [&](const Told& told) { return told.marker == marker; });
      if (!known) fault("a trace of \"{}\", which nobody recorded", marker);
    }
    return std::move(faults_);
  }

 private:
  template <typename... Arguments>
  void fault(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    faults_.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  void journal() {
    uint64_t seq = picture_.journal_begins_after;
    int64_t time_ms = 0;
    std::map<std::string, uint64_t> ids;
    for (const JournalRecord& record : picture_.journal) {
      if (record.seq != ++seq) fault("seq {} follows {}", record.seq, seq - 1);
      if (record.time_ms < time_ms) fault("the time of record {} runs backward", record.seq);
      time_ms = std::max(time_ms, record.time_ms);
      if (record.retracts != 0) {
        const bool fresh = retracted_.emplace(record.retracts, record.seq).second;
        if (!fresh) fault("DOUBLED: record {} is taken away twice", record.retracts);
        continue;
      }
      const auto [at, fresh] = in_journal_.emplace(record.marker, &record);
      if (!fresh) fault("{} is records {} and {}", record.marker, at->second->seq, record.seq);
      const auto told = std::ranges::find(told_, record.marker, &Told::marker);
      if (told == told_.end()) continue;
      uint64_t& last = ids[told->table];
      if (record.id <= last) fault("id {} of record {} follows {}", record.id, record.seq, last);
      last = record.id;
    }
  }

  void rows() {
    for (const auto& [table, rows] : picture_.rows) {
      std::string time;
      for (const Picture::Row& row : rows) {
        if (row.id == 0 || row.id > INT64_MAX) fault("{} has a row of id {}", table, row.id);
        if (row.created_at < time) fault("the time of {}.{} runs backward", table, row.id);
        time = row.created_at;
        const auto record = in_journal_.find(row.marker);
        if (record != in_journal_.end() && record->second->id != row.id) {
          fault("{}'s row is {}, not {}", row.marker, row.id, record->second->id);
        }
      }
    }
  }

  void commits() {
    uint64_t last = 0;
    for (const OwnCommit& commit : picture_.commits) {
      if (commit.first_seq != last + 1 || commit.last_seq < commit.first_seq) {
        fault("commit {} holds {}-{} after {}", commit.id.hex(), commit.first_seq, commit.last_seq,
              last);
      }
      last = commit.last_seq;
    }
    const uint64_t end = picture_.last_seq();
    if (last != end) fault("the store's ref ends at record {}, the journal at {}", last, end);
  }

  void record(const Told& told) {
    const auto found = in_journal_.find(told.marker);
    const JournalRecord* const record = found == in_journal_.end() ? nullptr : found->second;
    const auto seen = picture_.traces.find(told.marker);
    const Traces traces = seen == picture_.traces.end() ? Traces{} : seen->second;
    const bool may_be_trimmed = picture_.journal_begins_after > 0 &&
                                (!told.acknowledged || told.seq <= picture_.journal_begins_after);
    if (told.acknowledged && record == nullptr && !may_be_trimmed) {
      fault("LOST: {} was acknowledged as record {} and is not in the journal", told.marker,
            told.seq);
    }
    if (told.acknowledged && record != nullptr &&
        (record->seq != told.seq || (told.id != 0 && record->id != told.id))) {
      fault("{} was acknowledged as record {} id {}, and is record {} id {}", told.marker, told.seq,
            told.id, record->seq, record->id);
    }
    const auto by = retracted_.find(record != nullptr ? record->seq : told.seq);
    const bool by_is_trimmed = told.retracted_by <= picture_.journal_begins_after;
    if (told.retracted_by != 0 && !by_is_trimmed &&
        (by == retracted_.end() || by->second != told.retracted_by)) {
      fault("LOST: {} was taken away by record {}, which is not in the journal", told.marker,
            told.retracted_by);
    }
    const auto removed = picture_.removed.find(told.marker);
    const bool is_removed = removed != picture_.removed.end();
    const bool is_retracted = by != retracted_.end() || told.retracted_by != 0;
    if (is_removed && !is_retracted && !(told.retraction_tried && may_be_trimmed)) {
      fault("git: a commit removes {}", told.marker);
    }
    int expected = told.acknowledged || record != nullptr ? 1 : 0;
    // Whether it was ever there, the row tells; the rest must agree with it.
    if (record == nullptr && may_be_trimmed && !told.acknowledged) {
      expected = std::min(traces.rows, 1);
    }
    const int expected_added = expected;
    if (is_retracted) expected = 0;
    // Nobody was told, and record and retraction may both be trimmed.
    if (record == nullptr && may_be_trimmed && told.retraction_tried && !is_retracted) {
      expected = std::min(traces.rows, 1);
    }
    for (const auto& [what, count] :
         {std::pair{"row", traces.rows}, std::pair{"file", traces.files},
          std::pair{"entry of the store's ref", traces.own},
          std::pair{"adding commit", traces.added - expected_added + expected},
          std::pair{"entry of the branch", traces.branch}}) {
      if (count == expected) continue;
      fault("{}: {} ({}, seq {}) has {} of: {}, not {}", count > expected ? "DOUBLED" : "LOST",
            told.marker, told.acknowledged ? "acknowledged" : "not acknowledged",
            record == nullptr ? told.seq : record->seq, count, what, expected);
    }
  }

  const Picture& picture_;
  const std::vector<Told>& told_;
  std::vector<std::string> faults_;
  std::map<std::string, const JournalRecord*> in_journal_;
  std::map<uint64_t, uint64_t> retracted_;  // seq -> by which record
};

}  // namespace

std::vector<std::string> judge(const Picture& picture, const std::vector<Told>& told) {
  return Judge(picture, told).run();
}

}  // namespace syncline::simulation
