#include "engine/verify/lost_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <string>

#include <map>
#include <set>
#include <string>

#include "engine/config/kind_patterns.h"
#include "engine/config/path_match.h"
#include "engine/place/database_place.h"
#include "engine/projection/projection.h"
#include "engine/projection/schema.h"
#include "engine/sqlite/database.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "journal/log/segment_scanner.h"
#include "journal/record/control_frame.h"

namespace syncline {

namespace {

struct SurveyedSegment {
  OpenSegment segment;
  uint64_t size_bytes = 0;
  uint64_t end = UINT64_MAX;  // bytes behind it are void
};

// The segments that can be opened, oldest first.
Result<std::vector<SurveyedSegment>> survey_segments(Directory& store_directory,
                                                     const StoreId& store) {
  std::map<uint64_t, SurveyedSegment> found;
  const auto directory = store_directory.open_directory(kJournalDirectory);
  if (!directory && directory.error().code == Code::kNotFound)
    return std::vector<SurveyedSegment>();
  if (!directory) return directory.error();
  TRY_ASSIGN(const auto names, (*directory)->list("."));
  for (const std::string& name : names) {
    uint64_t id = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id, 16);
    if (parsed.ec != std::errc{} || id == 0 || name != segment_name(id)) continue;
    auto segment = open_segment(**directory, store, id, {});
    if (!segment && segment.error().code == Code::kUnsupported) return segment.error();
    if (!segment) continue;
    TRY_ASSIGN(const FileInfo info, segment->file->info());
    found.emplace(id, SurveyedSegment{std::move(*segment), info.size_bytes});
  }
  std::vector<SurveyedSegment> segments;
  for (auto& [id, segment] : found) {
    const auto next = found.find(id + 1);
    if (next != found.end()) segment.end = next->second.segment.header.previous_end;
  }
  for (auto& [id, segment] : found) segments.push_back(std::move(segment));
  return segments;
}

void survey_segment(const SurveyedSegment& surveyed, const FrameVisitor& visit) {
  const OpenSegment& segment = surveyed.segment;
  const FrameContext context{segment.header.store, segment.id(), segment.header.epoch};
  SegmentScanner scanner(*segment.file, context, kSegmentHeaderBytes, surveyed.size_bytes);
  for (uint64_t block = kSegmentHeaderBytes; block < surveyed.size_bytes; block += kBlockBytes) {
    const auto bytes = scanner.view(block, kBlockBytes);
    if (!bytes) continue;  // the disk does not give its bytes
    if (all_zero(*bytes)) continue;
    const ByteVector copy(bytes->begin(), bytes->end());
    for (size_t i = 0; i + kFrameHeaderBytes <= copy.size(); i += kFrameAlignBytes) {
      const uint64_t at = block + i;
      SurveyedFrame found{.discarded = at >= surveyed.end};
      const ByteSpan slot = ByteSpan(copy).subspan(i, kFrameHeaderBytes);
      if (decode_frame_header(slot, context, at, found.frame) != FrameFault::kNone) continue;
      const auto whole = scanner.view(at, found.frame.frame_bytes);
      FrameView frame;
      if (whole && decode_frame(*whole, context, at, frame) == FrameFault::kNone) {
        found.frame = frame;
        found.whole = true;
      }
      visit(found);
    }
  }
}

void note_frame(const SurveyedFrame& surveyed, LossFloors& floors) {
  const FrameView& frame = surveyed.frame;
  floors.note_seq(frame.durable_seq);
  floors.note_seq(frame.seq);
  floors.note_id(frame.id);
  if (!surveyed.whole || frame.operation != Operation::kRebind) return;
  const auto outcome = decode_outcome(frame.operation, frame.payload);
  if (outcome) floors.note_id(outcome->new_id);
}

Status survey_directory(Directory& root, const std::string& directory, bool sections,
                        LossFloors& floors) {
  const auto names = root.list(directory.empty() ? "." : directory);
  if (!names &&
      (names.error().code == Code::kNotFound || names.error().code == Code::kUnsafePath)) {
    return {};
  }
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (name == ".git") continue;
    const std::string path = directory.empty() ? name : directory + "/" + name;
    floors.note_id(id_in_path(path));
    const auto info = root.info(path);
    if (!info && info.error().code == Code::kNotFound) continue;  // gone meanwhile
    if (!info) return info.error();
    if (info->type == FileInfo::Type::kDirectory) {
      TRY(survey_directory(root, path, sections, floors));
    } else if (sections && info->type == FileInfo::Type::kRegular) {
      const auto text = read_file(root, path);
      if (text) floors.note_id(highest_id_in_headings(*text));
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

Status survey_frames(Directory& store_directory, const StoreId& store, const FrameVisitor& visit) {
  TRY_ASSIGN(const auto segments, survey_segments(store_directory, store));
  for (const SurveyedSegment& segment : segments) survey_segment(segment, visit);
  return {};
}

Status survey_journal(Directory& store_directory, const StoreId& store, LossFloors& floors) {
  TRY_ASSIGN(const auto segments, survey_segments(store_directory, store));
  for (const SurveyedSegment& surveyed : segments) {
    floors.note_seq(surveyed.segment.header.first_seq - 1);
    floors.note_seq(surveyed.segment.header.durable_seq);
    survey_segment(surveyed, [&](const SurveyedFrame& frame) { note_frame(frame, floors); });
  }
  return {};
}

std::unique_ptr<Database> open_if_sound(StorePlatform& platform, const DatabaseFile& file,
                                        const StoreId& store) {
  const auto there = platform.is_there(file.path);
  if (!there || !*there) return nullptr;
  auto database = Database::open(file, Database::Access::kRead);
  if (!database) return nullptr;
  const auto known = (*database)->has_table("syncline_meta");
  if (!known || !*known) return nullptr;
  const auto projected = read_meta_text(**database, "store");
  return projected && *projected == store.hex() ? std::move(*database) : nullptr;
}

Status survey_database(const StorePlaces& places, const Config& config, LossFloors& floors) {
  const DatabaseFile file = database_file(places, config);
  TRY_ASSIGN(const bool there, places.platform->is_there(file.path));
  if (!there) return {};
  const Status read = read_database(file, config, floors);
  if (!read && read.error().code == Code::kCorrupt) return {};
  return read;
}

HoldsSections section_files(std::shared_ptr<const Config> config) {
  return [config = std::move(config)](std::string_view path) {
    return std::ranges::any_of(config->kinds, [&](const KindSpec& kind) {
      return kind.operation == Operation::kAppend && match_path(kind.patterns->path, path);
    });
  };
}

Status survey_files(Directory& root, const Config& config, LossFloors& floors) {
  std::set<std::pair<std::string, bool>> directories;
  for (const KindSpec& kind : config.kinds) {
    directories.emplace(kind_folder(kind), kind.operation == Operation::kAppend);
  }
  for (const auto& [directory, sections] : directories) {
    TRY(survey_directory(root, directory, sections, floors));
  }
  return {};
}

}  // namespace syncline
