// Records as they were handed over, for export.
#include <fmt/format.h>

#include <array>

#include "engine/config/intent_fields.h"
#include "engine/store/store_impl.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/log/reader.h"
#include "journal/record/control_frame.h"

namespace syncline {
namespace {

// The configuration that the frames behind it were made by.
Result<std::shared_ptr<const Config>> config_of(const FrameView& frame) {
  TRY_ASSIGN(ConfigFrame written, at_frame(frame, decode_config(frame.payload)));
  TRY_ASSIGN(Config config, parse_config(std::move(written.text)));
  return std::make_shared<const Config>(std::move(config));
}

}  // namespace

// Read from the beginning: where the configuration was changed nobody else knows.
Status Store::export_records(const ExportFilter& filter,
                             const std::function<bool(const ExportedRecord&)>& visit) {
  Impl& store = *impl_;
  Journal& journal = *store.journal;
  TRY_ASSIGN(ReceiptLookup records, store.lookup());
  TRY_ASSIGN(const Mark begin, journal.begin());
  const Mark end = journal.durable();
  if (filter.from_seq <= begin.seq) {
    store.open_notes.push_back(fmt::format(
        "records up to {} were trimmed from the journal: they are left out", begin.seq));
  }
  TRY_ASSIGN(const auto reader, Reader::open(*store.store_directory, journal.store(), begin));
  std::shared_ptr<const Config> config = store.config;
  const std::array<std::string_view, 2> tags = {"", store.identity.tag};
  const uint64_t last_seq = filter.to_seq.value_or(end.seq);
  while (reader->position().seq < last_seq) {
    TRY_ASSIGN(const auto frame, reader->next(end));
    if (!frame) break;
    if (frame->operation == Operation::kConfig) {
      TRY_ASSIGN(config, config_of(*frame));
    }
    if (!is_record(frame->operation) || frame->seq < filter.from_seq) continue;
    TRY_ASSIGN(Intent intent, at_frame(*frame, decode_intent(frame->operation, frame->payload)));
    if (!filter.kind.empty() && intent.kind != filter.kind) continue;
    TRY_ASSIGN(const std::optional<Outcome> outcome, records.outcome_of(frame->seq));
    if (outcome && !outcome->has_row() && !filter.set_aside) continue;
    ExportedRecord exported{.seq = frame->seq, .record = {intent.kind, {}, intent.key}};
    auto fields = intent_fields(*config, intent, tags);
    exported.whole = fields.has_value();
    if (fields) exported.record.fields = std::move(*fields);
    if (!visit(exported)) break;
  }
  return {};
}

}  // namespace syncline
