#include "engine/verify/frame_finder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "engine/config/kind_patterns.h"
#include "engine/config/make_intent.h"
#include "engine/projection/projection.h"
#include "engine/projection/schema.h"
#include "engine/verify/lost_store.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"
#include "journal/log/segment_scanner.h"
#include "syncline/record.h"

namespace syncline {
namespace {

constexpr uint64_t kFileBytesMax = kPayloadBytesMax;

// The record's time by a column of ours that holds it; empty where the text is no such time.
std::optional<int64_t> parse_time(std::string_view text) {
  std::tm civil{};
  int milliseconds = 0;
  const std::string copy(text);
  const int parts =
      std::sscanf(copy.c_str(), "%d-%d-%d%*1[T ]%d:%d:%d.%dZ", &civil.tm_year, &civil.tm_mon,
                  &civil.tm_mday, &civil.tm_hour, &civil.tm_min, &civil.tm_sec, &milliseconds);
  if (parts < 6) return std::nullopt;
  civil.tm_year -= 1900;
  civil.tm_mon -= 1;
  const int64_t time_ms = int64_t{timegm(&civil)} * 1000 + milliseconds;
  // A column in seconds has lost the milliseconds; any other difference means that it is not ours.
  const std::string whole = format_time(time_ms);
  const bool same = text == whole || (text.size() == 19 && whole.starts_with(text.substr(0, 10)) &&
                                      whole.substr(11, 8) == text.substr(11));
  return same ? std::optional(time_ms) : std::nullopt;
}

// The field, as it was given, that a column holds; empty where it holds something else.
std::optional<uint32_t> field_of(const ColumnPattern& column) {
  if (column.typed_field) return column.typed_field;
  return column.pattern.single_field(/*bare=*/true);
}

Fields fields_of(const KindSpec& kind, const std::map<std::string, Value>& row) {
  Fields fields;
  for (const ColumnPattern& column : kind.patterns->columns) {
    const std::optional<uint32_t> field = field_of(column);
    const auto found = row.find(column.name);
    if (!field || found == row.end()) continue;
    const std::string& name = kind.fields[*field].name;
    if (const auto* text = std::get_if<std::string>(&found->second)) {
      if (!text->empty() || kind.fields[*field].required) fields.emplace_back(name, *text);
    } else if (const auto* integer = std::get_if<int64_t>(&found->second)) {
      fields.emplace_back(name, *integer);
    } else if (const auto* real = std::get_if<double>(&found->second)) {
      fields.emplace_back(name, *real);
    }
  }
  return fields;
}

// The time is in a column of the row, or nowhere.
std::optional<int64_t> time_of(const KindSpec& kind, const std::map<std::string, Value>& row) {
  const auto time = std::ranges::find_if(kind.patterns->columns, [](const ColumnPattern& each) {
    return each.pattern.parts().size() == 1 && each.pattern.uses(Slot::kTime);
  });
  if (time == kind.patterns->columns.end()) return std::nullopt;
  const auto* const text = std::get_if<std::string>(&row.at(time->name));
  return text != nullptr ? parse_time(*text) : std::nullopt;
}

IntentValue literal_of(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* text = std::get_if<std::string>(&value)) return Template::literal(*text);
  return std::monostate{};
}

// Empty where the record has none.
Result<std::string> key_of(Database& database, uint64_t seq) {
  TRY_ASSIGN(Statement row, database.prepare("SELECT key FROM syncline_keys WHERE seq = ?1"));
  TRY_ASSIGN(const bool there, row.bind(1, seq).step());
  return there ? std::string(row.text(0)) : std::string();
}

bool row_shows(const Effects& effects, const std::map<std::string, Value>& row) {
  return std::ranges::all_of(effects.columns, [&](const auto& column) {
    const auto found = row.find(column.first);
    return found != row.end() && found->second == column.second;
  });
}

}  // namespace

Result<KnownIds> read_known_ids(Directory& store_directory, const StoreId& store) {
  KnownIds known;
  TRY(survey_frames(store_directory, store, [&](const SurveyedFrame& surveyed) {
    const FrameView& frame = surveyed.frame;
    if (!surveyed.whole || !is_record(frame.operation)) return;
    const auto intent = decode_intent(frame.operation, frame.payload);
    if (intent) known[intent->table].insert(frame.id);
  }));
  return known;
}

Result<std::optional<FoundFrame>> FrameFinder::find(const LostFrame& lost) {
  return lost.seq != 0 ? find_record(lost) : find_control(lost);
}

Result<std::optional<std::map<std::string, Value>>> FrameFinder::read_row(
    const Candidate& candidate) {
  const KindSpec& kind = *candidate.kind;
  std::string columns;
  for (const ColumnPattern& column : kind.patterns->columns) {
    columns += (columns.empty() ? "" : ", ") + quote_identifier(column.name);
  }
  TRY_ASSIGN(Statement row, database_->prepare(fmt::format("SELECT {} FROM main.{} WHERE {} = ?1",
                                                           columns, quote_identifier(kind.table),
                                                           quote_identifier(kind.id_column))));
  TRY_ASSIGN(const bool there, row.bind(1, candidate.row_id).step());
  if (!there) return std::optional<std::map<std::string, Value>>{};
  std::map<std::string, Value> values;
  for (size_t i = 0; i < kind.patterns->columns.size(); ++i) {
    values.emplace(kind.patterns->columns[i].name, row.value(static_cast<int>(i)));
  }
  return std::optional(std::move(values));
}

// The rows that no readable frame accounts for.
Result<std::vector<uint64_t>> FrameFinder::unknown_ids(const KindSpec& kind) {
  const auto found = known_ids_.find(kind.table);
  TRY_ASSIGN(Statement rows, database_->prepare(fmt::format(
                                 "SELECT {0} FROM main.{1} WHERE {0} > 0 ORDER BY {0}",
                                 quote_identifier(kind.id_column), quote_identifier(kind.table))));
  std::vector<uint64_t> ids;
  while (true) {
    TRY_ASSIGN(const bool row, rows.step());
    if (!row) return ids;
    const auto id = static_cast<uint64_t>(rows.integer(0));
    if (found == known_ids_.end() || !found->second.contains(id)) ids.push_back(id);
  }
}

Result<std::vector<FrameFinder::Candidate>> FrameFinder::candidates(const LostFrame& lost) {
  std::vector<Candidate> found;
  TRY_ASSIGN(const auto outcomes, read_outcomes(*database_, lost.seq, lost.seq));
  const Outcome* const outcome = outcomes.empty() ? nullptr : &outcomes.begin()->second;
  for (const KindSpec& kind : config_.kinds) {
    TRY_ASSIGN(const bool there, database_->has_table(kind.table));
    if (!there || (lost.header && kind.operation != lost.header->operation)) continue;
    if (lost.header) {
      const EffectIds ids(lost.header->id, outcome);
      found.push_back({&kind, ids.row, ids.file, lost.header->time_ms});
      continue;
    }
    TRY_ASSIGN(const std::vector<uint64_t> ids, unknown_ids(kind));
    for (const uint64_t id : ids) {
      Candidate candidate{&kind, id, id, 0};
      TRY_ASSIGN(const auto row, read_row(candidate));
      const auto time_ms = row ? time_of(kind, *row) : std::nullopt;
      if (!time_ms) continue;
      candidate.time_ms = *time_ms;
      found.push_back(candidate);
    }
  }
  return found;
}

Result<std::map<ContentHash, FrameFinder::KnownRow>> FrameFinder::rows_by_content() {
  std::map<ContentHash, KnownRow> found;
  std::set<ContentHash> twice;
  for (const KindSpec& kind : config_.kinds) {
    TRY_ASSIGN(const bool there, database_->has_table(kind.table));
    if (!there) continue;
    TRY_ASSIGN(const std::vector<uint64_t> ids, unknown_ids(kind));
    for (const uint64_t id : ids) {
      TRY_ASSIGN(const auto row, read_row({&kind, id, id, 0}));
      const auto time_ms = row ? time_of(kind, *row) : std::nullopt;
      if (!time_ms) continue;
      // Any key will do: only records with a key have a hash, and the key is not part of it.
      const auto made = make_intent(config_, kind.name, fields_of(kind, *row), "key", store_tag_);
      if (!made) continue;  // some fields are not in the row
      const Effects effects = render_effects(*made, 0, EffectIds(id), *time_ms);
      const KnownRow known{kind.name, kind.table, effects.path, id, *time_ms};
      if (!found.emplace(made->content_hash, known).second) twice.insert(made->content_hash);
    }
  }
  for (const ContentHash& hash : twice) found.erase(hash);
  return found;
}

Result<std::optional<FoundFrame>> FrameFinder::find_record(const LostFrame& lost) {
  if (database_ == nullptr) return std::optional<FoundFrame>{};
  TRY_ASSIGN(const std::vector<Candidate> possible, candidates(lost));
  std::vector<FoundFrame> found;
  for (const Candidate& candidate : possible) {
    TRY_ASSIGN(std::optional<FoundFrame> rebuilt, rebuild(lost, candidate));
    if (!rebuilt) continue;
    if (lost.header && hash_payload(rebuilt->payload) == lost.header->payload_hash) return rebuilt;
    found.push_back(std::move(*rebuilt));
  }
  // If nothing proves which of two rows it is, it is neither.
  if (found.size() != 1) return std::optional<FoundFrame>{};
  return std::optional(std::move(found.front()));
}

Result<std::optional<std::string>> FrameFinder::file_text(const std::string& path) {
  if (commits_ != nullptr) {
    if (auto text = commits_->file(path); text && *text) return std::move(*text);
  }
  auto text = read_file(work_tree_, path, kFileBytesMax);
  if (text) return std::optional(std::move(*text));
  return std::optional<std::string>{};
}

Result<std::optional<FoundFrame>> FrameFinder::rebuild(const LostFrame& lost,
                                                       const Candidate& candidate) {
  const std::optional<FoundFrame> nothing;
  const KindSpec& kind = *candidate.kind;
  TRY_ASSIGN(const auto row, read_row(candidate));
  if (!row) return nothing;
  TRY_ASSIGN(const std::string key, key_of(*database_, lost.seq));
  auto made = make_intent(config_, kind.name, fields_of(kind, *row), key, store_tag_);
  if (!made) return nothing;  // some fields are not in the row
  Intent& intent = *made;
  if (!key.empty()) {
    TRY_ASSIGN(const auto entry, find_key(*database_, key));
    if (entry) intent.content_hash = entry->content_hash;
  }
  const auto frame = [&](const Intent& of, std::string source) {
    const uint64_t id = lost.header ? lost.header->id : candidate.row_id;
    return std::optional(
        FoundFrame{of.operation, id, candidate.time_ms, encode_intent(of), std::move(source)});
  };
  const std::string row_name = fmt::format("row {} of {}", candidate.row_id, kind.table);
  if (lost.header && hash_payload(encode_intent(intent)) == lost.header->payload_hash) {
    return frame(intent, row_name);
  }
  EffectIds ids(candidate.row_id);
  ids.file = candidate.file_id;
  const Effects effects = render_effects(intent, lost.seq, ids, candidate.time_ms);
  TRY_ASSIGN(const std::optional<std::string> text, file_text(effects.path));
  if (!text) return nothing;
  const std::string source = fmt::format("{} and {}", row_name, effects.path);
  if (kind.operation == Operation::kAppend) {
    return text->find(effects.text) != std::string::npos && row_shows(effects, *row)
               ? frame(intent, source)
               : nothing;
  }
  if (*text == effects.text && row_shows(effects, *row)) return frame(intent, source);
  for (IntentColumn& column : intent.columns) column.value = literal_of(row->at(column.name));
  intent.path = Template::literal(effects.path);
  intent.text = Template::literal(*text);
  intent.subject = Template::literal(effects.subject);
  return frame(intent, source);
}

// An outcome is in the database once it is applied.
Result<std::optional<ByteVector>> FrameFinder::outcome_payload(const FrameView& header) {
  TRY_ASSIGN(const auto outcomes, read_outcomes(*database_, 1, INT64_MAX));
  for (const auto& [seq, outcome] : outcomes) {
    ByteVector payload = encode(outcome);
    if (hash_payload(payload) == header.payload_hash) return std::optional(std::move(payload));
  }
  return std::optional<ByteVector>{};
}

// True when the frame was durable before a transaction of the database committed: then its effect
// is applied.
Result<bool> FrameFinder::was_durable_when_applied(const Position& position) {
  if (database_ == nullptr) return false;
  TRY_ASSIGN(const std::optional<Mark> durable, read_durable_mark(*database_));
  return durable && durable->position > position;
}

// Found by the hash in the frame's header. Without the header nothing tells what a control frame
// was.
Result<std::optional<FoundFrame>> FrameFinder::find_control(const LostFrame& lost) {
  std::optional<FoundFrame> found;
  if (!lost.header) return found;
  const FrameView& header = *lost.header;
  std::optional<ByteVector> payload;
  std::string source;
  const auto take = [&](ByteVector candidate, std::string from) {
    if (payload || hash_payload(candidate) != header.payload_hash) return;
    payload = std::move(candidate);
    source = std::move(from);
  };
  switch (header.operation) {
    case Operation::kConfig:
      take(encode(ConfigFrame{config_.text}), "syncline.toml");
      break;
    case Operation::kBatch:
      if (commits_ != nullptr) {
        TRY_ASSIGN(const auto batches, commits_->batches());
        for (const BatchFrame& batch : batches) {
          take(encode(batch), "commit " + batch.commit.hex());
        }
      }
      break;
    case Operation::kRebind:
    case Operation::kSetAside:
      if (database_ != nullptr) {
        TRY_ASSIGN(payload, outcome_payload(header));
        source = "the database";
      }
      break;
    case Operation::kAppendOffsets: {
      // Needed until the sections are applied: without it a half-written section would be written
      // twice.
      TRY_ASSIGN(const bool applied, was_durable_when_applied(lost.position));
      if (!applied) break;
      [[fallthrough]];
    }
    case Operation::kPublish:
    case Operation::kCheckpoint:
      // If these frames are missing, the branch and the disk are looked at again.
      payload = encode(CheckpointFrame{});
      source = "nothing: what it told is looked at anew";
      break;
    default:
      break;
  }
  if (!payload) return found;
  const Operation operation =
      hash_payload(*payload) == header.payload_hash ? header.operation : Operation::kCheckpoint;
  return std::optional(FoundFrame{operation, 0, header.time_ms, std::move(*payload), source});
}

}  // namespace syncline
