#include "engine/verify/lost_store.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <set>
#include <string>

#include "engine/place/database_place.h"
#include "engine/projection/projection.h"
#include "engine/sqlite/database.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "journal/log/segment_scanner.h"
#include "journal/record/control_frame.h"
#include "sync/own/loss_survey.h"

namespace syncline {

namespace {

void note_frame(const FrameView& header, SegmentScanner& scanner, uint64_t at, LossFloors& floors) {
  floors.note_seq(header.durable_seq);
  floors.note_seq(header.seq);
  floors.note_id(header.id);
  if (header.operation != Operation::kRebind) return;
  const auto bytes = scanner.view(at, header.frame_bytes);
  FrameView frame;
  if (!bytes || decode_frame(*bytes, scanner.context(), at, frame) != FrameFault::kNone) return;
  const auto outcome = decode_outcome(frame.operation, frame.payload);
  if (outcome) floors.note_id(outcome->new_id);
}

Status survey_segment(const OpenSegment& segment, LossFloors& floors) {
  floors.note_seq(segment.header.first_seq - 1);
  floors.note_seq(segment.header.durable_seq);
  TRY_ASSIGN(const FileInfo info, segment.file->info());
  const FrameContext context{segment.header.store, segment.id(), segment.header.epoch};
  SegmentScanner scanner(*segment.file, context, kSegmentHeaderBytes, info.size_bytes);
  for (uint64_t block = kSegmentHeaderBytes; block < info.size_bytes; block += kBlockBytes) {
    const auto bytes = scanner.view(block, kBlockBytes);
    if (!bytes) continue;  // the disk does not give it: it says nothing
    if (all_zero(*bytes)) continue;
    const ByteVector copy(bytes->begin(), bytes->end());
    for (size_t i = 0; i + kFrameHeaderBytes <= copy.size(); i += kFrameAlignBytes) {
      FrameView frame;
      const ByteSpan slot = ByteSpan(copy).subspan(i, kFrameHeaderBytes);
      if (decode_frame_header(slot, context, block + i, frame) != FrameFault::kNone) continue;
      note_frame(frame, scanner, block + i, floors);
    }
  }
  return {};
}

// The number that ends the first word of a heading: "## H-17: a rule" → 17; 0 for none.
uint64_t id_in_heading(std::string_view line) {
  const size_t begin = line.find_first_not_of("# ");
  if (!line.starts_with('#') || begin == std::string_view::npos) return 0;
  std::string_view word = line.substr(begin, line.find_first_of(": ", begin) - begin);
  const size_t dash = word.rfind('-');
  if (dash == std::string_view::npos) return 0;
  word.remove_prefix(dash + 1);
  uint64_t id = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), id);
  return fault == std::errc{} && end == word.data() + word.size() ? id : 0;
}

void note_headings(std::string_view text, LossFloors& floors) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    floors.note_id(id_in_heading(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Status survey_folder(Directory& root, const std::string& folder, bool sections,
                     LossFloors& floors) {
  const auto names = root.list(folder.empty() ? "." : folder);
  if (!names &&
      (names.error().code == Code::kNotFound || names.error().code == Code::kUnsafePath)) {
    return {};
  }
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (name == ".git") continue;
    const std::string path = folder.empty() ? name : folder + "/" + name;
    floors.note_id(id_in_path(path));
    const auto info = root.info(path);
    if (!info && info.error().code == Code::kNotFound) continue;  // gone meanwhile
    if (!info) return info.error();
    if (info->type == FileInfo::Type::kDirectory) {
      TRY(survey_folder(root, path, sections, floors));
    } else if (sections && info->type == FileInfo::Type::kRegular) {
      const auto text = read_file(root, path);
      if (text) note_headings(*text, floors);
    }
  }
  return {};
}

Status note_greatest(Database& database, std::string_view table, std::string_view column,
                     const std::function<void(uint64_t)>& note) {
  TRY_ASSIGN(const bool there, database.has_table(table));
  if (!there) return {};
  TRY_ASSIGN(Statement query,
             database.prepare(fmt::format("SELECT max({}) FROM {}", column, table)));
  TRY_ASSIGN(const bool row, query.step());
  if (row && !query.is_null(0)) note(static_cast<uint64_t>(query.integer(0)));
  return {};
}

Status read_database(const DatabaseFile& file, const Config& config, LossFloors& floors) {
  TRY_ASSIGN(const auto database, Database::open(file, Database::Access::kRead));
  TRY_ASSIGN(const AppliedState state, read_applied_state(*database));
  floors.note_seq(state.applied.seq);
  const auto seq = [&](uint64_t number) { floors.note_seq(number); };
  TRY(note_greatest(*database, "syncline_keys", "seq", seq));
  TRY(note_greatest(*database, "syncline_outcomes", "seq", seq));
  TRY(note_greatest(*database, "syncline_commits", "last_seq", seq));
  TRY(note_greatest(*database, "syncline_ids", "last_id",
                    [&](uint64_t number) { floors.note_id(number); }));
  for (const KindSpec& kind : config.kinds) {
    TRY_ASSIGN(const uint64_t id, highest_id(*database, kind.table, kind.id_column));
    floors.note_id(id);
  }
  return {};
}

}  // namespace

Status survey_journal(Directory& store_directory, const StoreId& store, LossFloors& floors) {
  const auto folder = store_directory.open_directory(kJournalFolder);
  if (!folder && folder.error().code == Code::kNotFound) return {};
  if (!folder) return folder.error();
  TRY_ASSIGN(const auto names, (*folder)->list("."));
  for (const std::string& name : names) {
    uint64_t id = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id, 16);
    if (parsed.ec != std::errc{} || id == 0 || name != segment_name(id)) continue;
    const auto segment = open_segment(**folder, store, id, {});
    if (!segment && segment.error().code == Code::kUnsupported) return segment.error();
    if (segment) TRY(survey_segment(*segment, floors));
  }
  return {};
}

Status survey_database(const StorePlaces& places, const Config& config, LossFloors& floors) {
  const DatabaseFile file = database_file(places, config);
  TRY_ASSIGN(const bool there, places.platform->is_there(file.path));
  if (!there) return {};
  const Status read = read_database(file, config, floors);
  if (!read && read.error().code == Code::kCorrupt) return {};
  return read;
}

Status survey_files(Directory& root, const Config& config, LossFloors& floors) {
  std::set<std::pair<std::string, bool>> folders;
  for (const KindSpec& kind : config.kinds) {
    const std::string fixed = kind.path_pattern.substr(0, kind.path_pattern.find('{'));
    const size_t slash = fixed.rfind('/');
    folders.emplace(slash == std::string::npos ? "" : fixed.substr(0, slash),
                    kind.operation == Operation::kAppend);
  }
  for (const auto& [folder, sections] : folders) {
    TRY(survey_folder(root, folder, sections, floors));
  }
  return {};
}

}  // namespace syncline
