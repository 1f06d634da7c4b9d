// The Verifier's part for what no record has made: rows in the kinds' tables, files in their
// folders and sections in their append files, which are notes; and files on the store's ref, where
// nobody else writes.
//
// Rows and files are looked at after the journal's end was read, so some are those of records
// journalled since. These are told by the log behind that end.
#include "engine/verify/verifier.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/config/kind_patterns.h"
#include "engine/config/path_match.h"
#include "engine/config/told_fields.h"
#include "journal/base/ascii.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/os/whole_file.h"
#include "journal/record/row_id.h"

namespace syncline {

namespace {

// What records journalled behind some mark make.
class MadeSince {
 public:
  Status read(Reader& reader, const Mark& end) {
    while (true) {
      TRY_ASSIGN(const std::optional<FrameView> frame, reader.next(end));
      if (!frame) return {};
      TRY(take(*frame));
    }
  }

  bool has_row(const std::string& table, uint64_t id) const {
    return rows_.contains({table, id}) || new_ids_.contains(id);
  }
  // A rebound record's file has the new id in its name.
  bool has_file(const std::string& path) const {
    return paths_.contains(path) || std::ranges::any_of(new_ids_, [&](uint64_t id) {
             return path.find(fmt::format("{}", id)) != std::string::npos;
           });
  }
  bool has_section(const std::string& path, uint64_t number) const {
    return sections_.contains({path, number}) || new_ids_.contains(number);
  }

 private:
  Status take(const FrameView& frame) {
    if (frame.operation == Operation::kRebind) {
      TRY_ASSIGN(const Outcome outcome,
                 at_frame(frame, decode_outcome(frame.operation, frame.payload)));
      new_ids_.insert(outcome.new_id);
    }
    if (!is_record(frame.operation)) return {};
    TRY_ASSIGN(const Intent intent, at_frame(frame, decode_intent(frame.operation, frame.payload)));
    const std::string path = render(intent.path, {frame.id, frame.time_ms, {}});
    rows_.emplace(intent.table, frame.id);
    paths_.insert(path);
    if (frame.operation == Operation::kAppend) sections_.emplace(path, frame.id);
    return {};
  }

  std::set<std::pair<std::string, uint64_t>> rows_, sections_;
  std::set<std::string> paths_;
  std::set<uint64_t> new_ids_;
};

// What is below `folder` and is no directory, with paths from the top of the work tree.
Status list_below(Directory& root, const std::string& folder, size_t depth,
                  std::vector<std::string>& paths, const std::set<std::string>& known) {
  const auto names = root.list(folder.empty() ? "." : folder);
  if (!names) {
    const Code code = names.error().code;
    return code == Code::kNotFound || code == Code::kUnsafePath ? Status{} : names.error();
  }
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    std::string path = folder.empty() ? name : folder + "/" + name;
    if (known.contains(path)) continue;
    const auto info = root.info(path);
    if (!info && info.error().code == Code::kNotFound) continue;  // gone meanwhile
    if (!info) return info.error();
    if (info->type != FileInfo::Type::kDirectory) {
      paths.push_back(std::move(path));
    } else if (depth > 0) {
      TRY(list_below(root, path, depth - 1, paths, known));
    }
  }
  return {};
}

// How many directories the kind's files may be below its folder.
size_t depth_of(const KindSpec& kind) {
  const std::string folder = kind_folder(kind);
  const auto rest =
      std::string_view(kind.path_pattern).substr(folder.empty() ? 0 : folder.size() + 1);
  return static_cast<size_t>(std::ranges::count(rest, '/'));
}

// The number of the heading "## H-12: …" behind the prefix "## H-".
uint64_t number_in(std::string_view line, size_t prefix_bytes) {
  uint64_t number = 0;
  for (const char c : line.substr(prefix_bytes)) {
    if (!is_ascii_digit(c)) return is_number_word(c) ? 0 : number;
    if (number > kRowIdMax / 10) return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

struct Heading {
  uint64_t offset = 0;
  std::string_view line;
};

std::vector<Heading> headings_of(std::string_view text, std::string_view prefix) {
  std::vector<Heading> headings;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (line.size() > prefix.size() && line.starts_with(prefix) &&
        is_ascii_digit(line[prefix.size()])) {
      headings.push_back({begin, line});
    }
    begin = end + 1;
  }
  return headings;
}

}  // namespace

Status Verifier::find_orphans() {
  // Another snapshot of the database, as short as the first.
  TRY(database_.execute("BEGIN"));
  const Status rows = find_foreign_rows();
  TRY(database_.execute("COMMIT"));
  TRY(rows);
  orphans_.recorded_ids = ids_by_table_;
  // Without git nothing tells the files of records that were trimmed.
  const bool files_known = begin_.seq == 0 || syncer_ != nullptr;
  if (!branch_is_away_ && files_known) TRY(find_foreign_files());
  if (orphans_.empty()) return {};
  TRY(drop_explained());
  return note_orphans();
}

// Nothing says which rows belong to records trimmed from the journal, except that their ids come
// before those of the records that are left, unless they were rebound.
Result<bool> Verifier::is_trimmed_row(const std::string& table, uint64_t id) {
  if (begin_.seq == 0) return false;
  if (!trimmed_rebound_) {
    trimmed_rebound_.emplace();
    TRY_ASSIGN(const auto outcomes, read_outcomes(database_, 1, begin_.seq));
    for (const auto& [seq, outcome] : outcomes) {
      if (outcome.kind == Outcome::Kind::kRebind) trimmed_rebound_->insert(outcome.new_id);
    }
  }
  const auto lowest = lowest_given_.find(table);
  return lowest == lowest_given_.end() || id < lowest->second || trimmed_rebound_->contains(id);
}

Status Verifier::find_foreign_rows() {
  for (const KindSpec& kind : config_.kinds) {
    ids_by_table_.try_emplace(kind.table);
    id_columns_.try_emplace(kind.table, kind.id_column);
  }
  for (auto& [table, ids] : ids_by_table_) {
    std::ranges::sort(ids);
    auto query = database_.prepare(fmt::format("SELECT {0} FROM {1} ORDER BY {0}",
                                               quote_identifier(id_columns_[table]),
                                               quote_identifier(table)));
    if (!query) continue;  // no such table: its rows were reported one by one
    auto next = ids.begin();
    while (true) {
      TRY_ASSIGN(const bool row, query->step());
      if (!row) break;
      const auto id = static_cast<uint64_t>(query->integer(0));
      while (next != ids.end() && *next < id) ++next;
      if (next != ids.end() && *next == id) continue;
      TRY_ASSIGN(const bool trimmed, is_trimmed_row(table, id));
      if (!trimmed) orphans_.rows[table].push_back(id);
    }
  }
  return {};
}

Status Verifier::find_foreign_files() {
  std::set<std::string> known = orphans_.recorded_paths;
  if (begin_.seq > 0) {
    for (const auto& [path, file] : tree_files_) {
      if (!file.own.is_zero()) known.insert(path);
    }
  }
  for (const KindSpec& kind : config_.kinds) {
    const bool appends = kind.operation == Operation::kAppend;
    std::vector<std::string> paths;
    TRY(list_below(*root_, kind_folder(kind), depth_of(kind), paths,
                   appends && begin_.seq == 0 ? std::set<std::string>() : known));
    std::ranges::sort(paths);
    for (std::string& path : paths) {
      if (!match_path(kind.patterns->path, path)) continue;
      if (appends) {
        TRY(find_foreign_sections(kind, path));
        continue;
      }
      const auto info = root_->info(path);
      if (!info || !known.insert(path).second) continue;
      TRY_ASSIGN(const bool moved, is_moved_file(path));
      if (moved) continue;
      orphans_.files.push_back(
          {kind.name, std::move(path), info->type == FileInfo::Type::kRegular});
    }
  }
  std::ranges::sort(orphans_.files, {}, &OrphanFile::path);
  return {};
}

Result<bool> Verifier::is_moved_file(const std::string& path) const {
  if (gone_files_.empty()) return false;
  const Result<std::string> text = read_file(*root_, path);
  if (!text) {
    const Code code = text.error().code;
    if (code == Code::kNotFound || code == Code::kUnsafePath) return false;
    return text.error();
  }
  return gone_files_.contains(hash_blob(*text).hex());
}

Status Verifier::find_foreign_sections(const KindSpec& kind, const std::string& path) {
  const std::string prefix = section_heading_prefix(kind);
  if (prefix.empty()) return {};
  const Result<std::string> read = read_file(*root_, path);
  if (!read) {
    const Code code = read.error().code;
    return code == Code::kNotFound || code == Code::kUnsafePath ? Status{} : read.error();
  }
  const std::string_view text = *read;
  // Records first: what is theirs, edited or not, is no orphan.
  std::vector<Section> ours = sections_[path];
  std::ranges::copy(unapplied_sections_[path], std::back_inserter(ours));
  std::vector<WantedSection> wanted;
  for (const Section& section : ours) wanted.push_back({section.text, section.id});
  // And those that a person has moved here from another file, as they are.
  for (const GoneSection& gone : gone_sections_) {
    if (gone.path != path) wanted.push_back({gone.section->text, gone.section->id});
  }
  ClaimedRanges claimed;
  const std::vector<FoundSection> found = find_sections(text, wanted, claimed);
  std::set<uint64_t> boundaries = {text.size()};
  for (const auto& [offset, count] : claimed.ranges()) boundaries.insert(offset);
  std::vector<Heading> headings = headings_of(text, prefix);
  std::erase_if(headings, [&](const Heading& each) { return claimed.is_claimed(each.offset); });
  for (const Heading& heading : headings) boundaries.insert(heading.offset);
  const std::string header(text.substr(0, *boundaries.begin()));
  for (size_t i = 0; i < ours.size(); ++i) {
    if (found[i].standing != FoundSection::Standing::kEdited) continue;
    const auto its = std::ranges::find_if(headings, [&](const Heading& each) {
      return number_in(each.line, prefix.size()) == ours[i].id;
    });
    if (its != headings.end()) headings.erase(its);
  }
  for (const Heading& heading : headings) {
    const uint64_t end = *boundaries.upper_bound(heading.offset);
    orphans_.sections.push_back(
        {.kind = kind.name,
         .path = path,
         .heading = std::string(heading.line),
         .offset = heading.offset,
         .number = number_in(heading.line, prefix.size()),
         .text = std::string(text.substr(heading.offset, end - heading.offset)),
         .header = header});
  }
  return {};
}

Status Verifier::drop_explained() {
  TRY_ASSIGN(auto reader, Reader::open(store_directory_, journal_.store(), end_));
  MadeSince since;
  TRY(since.read(*reader, journal_.durable()));
  for (auto& [table, ids] : orphans_.rows) {
    std::erase_if(ids, [&](uint64_t id) { return since.has_row(table, id); });
  }
  std::erase_if(orphans_.files, [&](const OrphanFile& file) { return since.has_file(file.path); });
  std::erase_if(orphans_.sections, [&](const OrphanSection& section) {
    return since.has_section(section.path, section.number);
  });
  return {};
}

Status Verifier::note_orphans() {
  constexpr std::string_view kTakes = "`syncline adopt` takes it in";
  for (const auto& [table, ids] : orphans_.rows) {
    for (const uint64_t id : ids) {
      TRY_ASSIGN(const KindSpec* const kind, kind_of_row(database_, config_, table, id));
      report_.notes.push_back(
          {FindingClass::kForeignRow,
           0,
           {},
           table,
           id,
           {},
           kind == nullptr
               ? std::string("a row that did not come through the journal, of no kind: it stays")
               : fmt::format("a row that did not come through the journal: {}", kTakes)});
    }
  }
  for (const OrphanFile& file : orphans_.files) {
    report_.notes.push_back(
        {FindingClass::kForeignFile,
         0,
         file.path,
         {},
         0,
         {},
         file.is_regular
             ? fmt::format("a file that did not come through the journal: {}", kTakes)
             : std::string("not a file, where records have theirs: `syncline repair --orphans` "
                           "moves it aside")});
  }
  for (const OrphanSection& section : orphans_.sections) {
    report_.notes.push_back({FindingClass::kForeignFile,
                             0,
                             section.path,
                             {},
                             section.number,
                             {},
                             fmt::format("the section \"{}\" did not come through the journal: {}",
                                         section.heading, kTakes)});
  }
  return {};
}

Status Verifier::check_foreign_blobs() {
  if (begin_.seq > 0) {
    // For trimmed records, the commit that holds the last of them counts; later commits are
    // compared with the journal.
    ObjectId held = syncer_->own_tip();
    if (!tail_.batches().empty()) held = tail_.batches().front().parent;
    for (const BatchFrame& batch : tail_.batches()) {
      if (batch.first_seq <= begin_.seq) held = batch.commit;
    }
    TRY(syncer_->walk_tree_of(held, [&](const TreeEntry& entry) -> Status {
      tree_files_[entry.path].is_recorded = true;
      return {};
    }));
  }
  for (const auto& [path, file] : tree_files_) {
    if (file.own.is_zero() || file.is_recorded) continue;
    report_.findings.push_back({FindingClass::kCommitWithoutRow,
                                0,
                                path,
                                {},
                                0,
                                {},
                                "the store's ref holds a file no record made"});
  }
  return {};
}

}  // namespace syncline
