// syncline export [--kind K] [--from SEQ] [--to SEQ] [--set-aside]
#include <fmt/format.h>

#include "tools/ndjson.h"
#include "tools/page_fault.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class ExportVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "export",
            .usage = "export",
            .summary = "records as NDJSON, a line each, as ingest takes them",
            .only_reads = true};
  }

  void declare(Options& options) override {
    options.text("--kind", kind_, "KIND", "records of this kind only");
    options.number("--from", from_, "SEQ", "begin with this record; the first when not given");
    options.number("--to", to_, "SEQ", "end with this record; the last when not given");
    options.flag("--set-aside", set_aside_, "also records that could not be applied");
    options.flag("--retracted", retracted_, "also records that were taken away");
  }

  int run(Session& session) override {
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error());
    const Watchdog watchdog(session, "the export did not end",
                            "give a longer --timeout, or --from SEQ and --to SEQ");
    ExportFilter filter{.kind = kind_.value_or(""), .from_seq = from_.value_or(1), .to_seq = to_};
    filter.set_aside = set_aside_;
    filter.retracted = retracted_;
    std::FILE* const out = session.console().out;
    PageFaultGuard::note_output();
    uint64_t untold = 0, first_untold = 0;
    const Status read = (*store)->export_records(filter, [&](const ExportedRecord& exported) {
      if (!exported.whole) {
        if (untold++ == 0) first_untold = exported.seq;
        return true;
      }
      const Watchdog::Hold hold;
      write_text(out, ndjson_line(exported.record));
      return std::ferror(out) == 0;
    });
    session.tell_notes(**store);
    if (!read) return session.fail(read.error());
    if (untold != 0) {
      return session.fail(make_error(
          Code::kUnsupported,
          fmt::format(
              "{} of the records, the first of them {}, cannot be exported: what their kind "
              "made of them does not tell their fields",
              untold, first_untold),
          "`syncline show SEQ` says where their rows and files are"));
    }
    return session.answer({}, {});
  }

 private:
  std::optional<std::string> kind_;
  std::optional<uint64_t> from_;
  std::optional<uint64_t> to_;
  bool set_aside_ = false;
  bool retracted_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_export_verb() {
  return std::make_unique<ExportVerb>();
}

}  // namespace syncline
