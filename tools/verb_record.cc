// syncline record KIND --FIELD VALUE … [--FIELD-file PATH|-] [--key K] [--wait STAGE]
//                                      [--replaces SEQ]
#include <fmt/format.h>

#include <algorithm>

#include "journal/base/clock.h"
#include "journal/log/format.h"
#include "tools/input_file.h"
#include "tools/json_output.h"
#include "tools/page_fault.h"
#include "tools/record_arguments.h"
#include "tools/record_call.h"
#include "tools/text_output.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr uint64_t kFieldFileBytesMax = kPayloadBytesMax;

constexpr std::string_view kRecordHelp =
    "Usage: syncline record KIND --FIELD VALUE ... [OPTIONS]\n\n"
    "Writes one record: a row, a file or a section of one, and a place in git's history.\n\n"
    "  --FIELD VALUE           a field of the kind, also as --FIELD=VALUE\n"
    "  --FIELD-file PATH       the field's value from a file; - is standard input\n"
    "  --field NAME=VALUE      a field whose name is one of the options here\n"
    "  --field-file NAME=PATH  the same, from a file\n"
    "  --key KEY               idempotency key: the same content again answers with the first\n"
    "                          receipt, other content is refused\n"
    "  --wait STAGE            journaled, applied (default), committed, published, pushed\n"
    "  --replaces SEQ          once this record is applied, retract that one\n"
    "A value that looks like an option is joined by '=': --title=--json. After -- only KIND "
    "stands.\n\n"
    "Options of every verb: --store DIR, --json, --timeout SECONDS, --help, --version\n";

std::string record_help(const RecordArguments& arguments) {
  std::string text(kRecordHelp);
  // If there is a store its kinds are shown, otherwise the general text.
  const Session session(arguments.globals, {});
  const auto store = session.open_store_to_read();
  if (!store) return text;
  for (const KindSpec& kind : (*store)->config().kinds) {
    if (!arguments.kind.empty() && kind.name != arguments.kind) continue;
    text += fmt::format("\nFields of {}:\n{}", printable(kind.name), kind_text(kind));
  }
  return text;
}

int replace(Store& store, const Session& session, uint64_t seq, const Record& record, Stage wait,
            Deadline deadline) {
  const auto report = store.replace(seq, record, wait, deadline);
  if (!report) return fail_record(session, store, report.error());
  if (report->receipt.timed_out) {
    const std::string besides =
        report->retracted
            ? fmt::format("; record {} takes record {} away", report->retracted->receipt.seq, seq)
            : fmt::format("; record {0} is still there beside it, until `syncline retract {0}`",
                          seq);
    return fail_short_of_stage(session, store, report->receipt, std::max(wait, Stage::kApplied),
                               besides);
  }
  return session.answer(replaced_json(*report), replaced_text(*report),
                        report->retracted ? ExitCode::kDone : ExitCode::kSetAside);
}

int record_into(Store& store, const Session& session, const RecordArguments& arguments,
                Deadline deadline) {
  auto fields =
      resolve_fields(arguments, store.config().find_kind(arguments.kind),
                     [](const std::string& path) { return read_input(path, kFieldFileBytesMax); });
  if (!fields) return session.fail(fields.error(), "nothing was written");
  const Record record{.kind = arguments.kind, .fields = std::move(*fields), .key = arguments.key};
  if (arguments.replaces) {
    return replace(store, session, *arguments.replaces, record, arguments.wait, deadline);
  }
  const auto receipt = store.record(record, arguments.wait, deadline);
  if (!receipt) return fail_record(session, store, receipt.error());
  if (receipt->timed_out) return fail_short_of_stage(session, store, *receipt, arguments.wait);
  const bool set_aside = !receipt->set_aside.empty();
  return session.answer(recorded_json(*receipt), recorded_text(*receipt),
                        set_aside ? ExitCode::kSetAside : ExitCode::kDone);
}

// The flags are a kind's fields, so the verb reads its arguments itself (tools/record_arguments.h).
class RecordVerb final : public Verb {
 public:
  VerbInfo info() const override {
    return {.name = "record",
            .usage = "record KIND --FIELD VALUE ...",
            .summary = "write one record",
            .untouched = "nothing was written"};
  }

  Status parse(const std::vector<std::string>& arguments, GlobalOptions& globals) override {
    auto parsed = parse_record_arguments(arguments, globals);
    if (!parsed) {
      Error error = std::move(parsed).error();
      if (error.hint.empty()) error.hint = "see syncline record --help";
      return error;
    }
    arguments_ = std::move(*parsed);
    globals = arguments_.globals;
    return {};
  }

  std::string help() override { return record_help(arguments_); }
  std::vector<OptionInfo> own_options() override {
    return {{.name = "--key", .takes_value = true, .help = "idempotency key"},
            {.name = "--wait", .takes_value = true, .help = "the stage to wait for"},
            {.name = "--replaces", .takes_value = true, .help = "retract that record"},
            {.name = "--field", .takes_value = true, .help = "a field, as NAME=VALUE"},
            {.name = "--field-file", .takes_value = true, .help = "a field, as NAME=PATH"}};
  }

  int run(Session& session) override {
    const auto store =
        session.open_store({.one_shot = true, .on_durable = PageFaultGuard::note_durable});
    if (!store) return session.fail(store.error(), "nothing was written");
    // The answer comes first: the caller's record has reached its stage.
    const Deadline deadline = session.deadline();
    const int code = record_into(**store, session, arguments_, deadline);
    session.lend_a_hand(**store, deadline);
    session.tell_notes(**store);
    return code;
  }

 private:
  RecordArguments arguments_;
};

}  // namespace

std::unique_ptr<Verb> make_record_verb() {
  return std::make_unique<RecordVerb>();
}

}  // namespace syncline
