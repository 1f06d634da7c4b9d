// Records as they were handed over, for export.
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "engine/config/intent_fields.h"
#include "engine/store/store_impl.h"
#include "journal/base/try.h"
#include "journal/contents/frame_check.h"
#include "journal/log/reader.h"
#include "journal/record/again_key.h"
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

Result<std::optional<Fields>> Store::Impl::fields_of(uint64_t seq) {
  TRY_ASSIGN(const auto database, open_to_read(database_file(places, *config)));
  TRY_ASSIGN(const auto record,
             find_record(*store_directory, *journal, database.get(), seq, journal->durable()));
  if (!record || record->intent.retracted) return std::optional<Fields>();
  const std::array<std::string_view, 2> tags = {"", identity.tag};
  if (auto fields = intent_fields(*config, record->intent, tags)) return fields;
  TRY_ASSIGN(const Configurations known, configurations(seq));
  return fields_by(known, seq, record->intent);
}

Result<Configurations> Store::Impl::configurations(uint64_t up_to_seq) {
  TRY_ASSIGN(const Mark begin, journal->begin());
  TRY_ASSIGN(const auto reader, Reader::open(*store_directory, journal->store(), begin));
  Configurations known;
  while (reader->position().seq < up_to_seq) {
    TRY_ASSIGN(const auto frame, reader->next(journal->durable()));
    if (!frame) break;
    if (frame->operation != Operation::kConfig) continue;
    TRY_ASSIGN(known[reader->position().seq], config_of(*frame));
  }
  return known;
}

std::optional<Fields> Store::Impl::fields_by(const Configurations& known, uint64_t seq,
                                             const Intent& intent) const {
  const auto behind = known.lower_bound(seq);
  if (behind == known.begin()) return std::nullopt;
  const std::array<std::string_view, 2> tags = {"", identity.tag};
  return intent_fields(*std::prev(behind)->second, intent, tags);
}

// Read from the beginning: where the configuration was changed nobody else knows.
Status Store::export_records(const ExportFilter& filter,
                             const std::function<bool(const ExportedRecord&)>& visit) {
  TRY(impl_->check_process());
  Impl& store = *impl_;
  Journal& journal = *store.journal;
  TRY_ASSIGN(ReceiptLookup records, store.lookup());
  TRY_ASSIGN(const Mark begin, journal.begin());
  const Mark end = journal.durable();
  if (filter.from_seq <= begin.seq) {
    store.notes.add(fmt::format("records up to {} were trimmed from the journal: they are left out",
                                begin.seq));
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
    if (intent.retracted || (!filter.kind.empty() && intent.kind != filter.kind)) continue;
    TRY_ASSIGN(const std::optional<Outcome> outcome, records.outcome_of(frame->seq));
    // What was taken in anew is exported as the later record.
    const bool set_aside = outcome && outcome->is_set_aside();
    if (set_aside && (!filter.set_aside || outcome->again_as != 0)) continue;
    if (outcome && outcome->is_retracted() && !filter.retracted) continue;
    ExportedRecord exported{.seq = frame->seq, .record = {intent.kind, {}, intent.key}};
    if (set_aside_seq_of(intent.key) != 0) exported.record.key.clear();  // no person gave it
    auto fields = intent_fields(*config, intent, tags);
    exported.whole = fields.has_value();
    if (fields) exported.record.fields = std::move(*fields);
    if (!visit(exported)) break;
  }
  return {};
}

}  // namespace syncline
