// What `metrics` prints: the Prometheus text exposition format, version 0.0.4, for a scraper's
// textfile collector or a page that serves it.
//
// Pure: a value in, text out. A name once given here is part of the interface: dashboards and
// alerts are built on it. Seconds and bytes are the base units, counters end in _total, and every
// family has its HELP and TYPE line even where it holds nothing yet.
#pragma once

#include <string>

#include "syncline/store.h"

namespace syncline {

std::string metrics_text(const StoreMetrics& metrics);

}  // namespace syncline
