// syncline metrics
#include "tools/json_output.h"
#include "tools/metrics_text.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class MetricsVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "metrics",
            .usage = "metrics",
            .summary = "watermarks, counters and latencies as Prometheus text",
            .only_reads = true};
  }

  void declare(Options&) override {}

  // A breached threshold is a sample here, not an exit code: a scraper drops what fails.
  int run(Session& session) override {
    const Watchdog watchdog(session, "the metrics were not known", "give a longer --timeout");
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error());
    const auto metrics = (*store)->metrics();
    if (!metrics) return session.fail(metrics.error());
    return session.answer(metrics_json(*metrics), metrics_text(*metrics));
  }
};

}  // namespace

std::unique_ptr<Verb> make_metrics_verb() {
  return std::make_unique<MetricsVerb>();
}

}  // namespace syncline
