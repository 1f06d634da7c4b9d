// syncline status
#include "tools/json_output.h"
#include "tools/text_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class StatusVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "status",
            .usage = "status",
            .summary = "how far rows, files and git have come",
            .only_reads = true};
  }

  void declare(Options&) override {}

  int run(Session& session) override {
    const Watchdog watchdog(session, "status was not known", "give a longer --timeout");
    const auto store = session.open_store_to_read(/*tell=*/false);  // it answers them
    if (!store) return session.fail(store.error());
    const auto status = (*store)->status();
    if (!status) return session.fail(status.error());
    const ExitCode code = status->is_breached() ? ExitCode::kThreshold : ExitCode::kDone;
    return session.answer(status_json(*status), status_text(*status), code);
  }
};

}  // namespace

std::unique_ptr<Verb> make_status_verb() {
  return std::make_unique<StatusVerb>();
}

}  // namespace syncline
