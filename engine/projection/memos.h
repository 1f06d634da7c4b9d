// What the database and git's files said when a turn over them ended, noted in the control page
// (journal/log/journal.h, Memo), so that the next process of the same boot need not open them to
// learn it.
//
// A memo is believed while the files that it speaks of are the same: inode, size and time of each,
// taken before and after what it says was read. So a file that somebody put back, replaced, changed
// or removed is asked itself. One of our own processes may change the database within one tick of
// the file system's clock and be killed before it notes anything; then the memo says less than the
// database knows, which costs reading some frames of the journal again and harms nothing. That a
// file does not claim more than the log holds was looked at when the memo's writer opened the
// store, and what it wrote since, the log held durably before; the control page's durable mark,
// without which there is no memo, says the same of the log.
//
// After a power cut, a reboot or another mount there is none, and everything is asked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/sqlite/database.h"
#include "journal/log/format.h"
#include "journal/log/journal.h"
#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

struct DatabaseMemo {
  Mark applied;                                  // what the applied watermark says
  std::map<uint64_t, uint64_t> highest_by_hash;  // of each kind's table, by a hash of its name

  // The highest id in the table; empty where the memo does not know it.
  std::optional<uint64_t> highest_id(const std::string& table) const;
  void note_highest(const std::string& table, uint64_t id);
};

struct GitMemo {
  uint64_t committed = 0;
  uint64_t published = 0;
};

// Inode, size and times of some files, as one number; 0 is never one.
Result<uint64_t> database_fingerprint(Directory& root, const std::string& database);
Result<uint64_t> git_fingerprint(Directory& common, Directory& store_directory,
                                 const StoreId& store);

void remember(Journal& journal, const DatabaseMemo& memo, uint64_t fingerprint);
void remember(Journal& journal, const GitMemo& memo, uint64_t fingerprint);
// Nothing where the memo is not among them, or is not of this fingerprint.
std::optional<DatabaseMemo> database_memo(const Memos& memos, uint64_t fingerprint);
std::optional<GitMemo> git_memo(const Memos& memos, uint64_t fingerprint);

}  // namespace syncline
