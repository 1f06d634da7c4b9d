// Looks at a store's disk once everything has come to rest, and says what is not as promised.
//
// By its own means: the journal is read by the second reader (written from FORMAT.md alone), rows
// by plain SQL, files by walking the work tree, git's history by parsing objects. Of the engine it
// uses nothing but the Directory seam.
//
// Every record of a simulation bears a marker, "mk" and six digits, in its title or rule; so its
// traces can be counted wherever they are. What must hold of each marker, with every count below
// taken after a sync:
//
//   acknowledged      => one record in the journal (or trimmed from it), at the seq and id told
//   in the journal    => one row, one file or section, one adding commit of the store's ref, one
//                        trace in the ref's tree and in the branch's
//   taken away        => the adding commit, and none of the others
//   not in it         => none of those
//   trimmed           => all of those, or none where it was never acknowledged
//
// besides which ids are positive, unique and rise with seq, times never fall along seq, no trace
// bears an unknown marker, and the commits of the store's ref hold to their trailers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "journal/log/format.h"
#include "journal/os/file_system.h"
#include "journal/record/object_id.h"
#include "syncline/result.h"

namespace syncline::simulation {

std::string marker_of(uint64_t number);

// What a client was told of a record, or tried.
struct Told {
  std::string marker;
  std::string table;
  bool acknowledged = false;
  uint64_t seq = 0, id = 0;  // as acknowledged
  bool retraction_tried = false;
  uint64_t retracted_by = 0;  // as acknowledged
};

// A record as the journal has it.
struct JournalRecord {
  uint64_t seq = 0, id = 0;
  int64_t time_ms = 0;
  std::string marker;
  uint64_t content = 0;   // hash of its payload
  uint64_t retracts = 0;  // the record that it takes away, and which bore the marker
};

struct OwnCommit {
  ObjectId id, parent, tree;
  uint64_t first_seq = 0, last_seq = 0;
};

struct Traces {
  int rows = 0, files = 0, own = 0, added = 0, branch = 0;
};

// What the disk shows.
struct Picture {
  std::vector<std::string> faults;  // what could not even be read
  std::string store_id;             // hex
  std::vector<JournalRecord> journal;
  uint64_t journal_begins_after = 0;  // seq; not 0 when it was trimmed
  // The frame that ends the log, if it stands in the last segment; a control frame's seq is 0.
  struct LastFrame {
    uint64_t segment = 0, offset = 0, end = 0, seq = 0;
  };
  std::optional<LastFrame> last_frame;
  Position applied;  // the database's watermark
  uint64_t last_seq() const { return journal.empty() ? journal_begins_after : journal.back().seq; }
  std::map<std::string, Traces> traces;
  struct Row {
    uint64_t id = 0;
    std::string marker, created_at;
  };
  std::map<std::string, std::vector<Row>> rows;  // by table, in the order of ids
  std::vector<OwnCommit> commits;                // of the store's ref, oldest first
  std::map<std::string, int> removed;            // by them: marker to how many
};

// `root` is the store's work tree; `database` its path as SQLite's VFS `vfs` knows it. `thorough`:
// SQLite's own check of the file too.
Picture look(Directory& root, const char* vfs, const std::string& database, bool thorough);

// Everything that is not as promised, a sentence each; nothing when all is well.
std::vector<std::string> judge(const Picture& picture, const std::vector<Told>& told);

}  // namespace syncline::simulation
