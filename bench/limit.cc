#include "bench/limit.h"

int main(int argc, char** argv) {
  using namespace syncline;
  const std::map<std::string, void (*)(const Arguments&, Report&)> verbs{
      {"append", limit_append}, {"sequential", limit_sequential},
      {"read", limit_read},     {"files", limit_files},
      {"rows", limit_rows},     {"pack", limit_pack},
      {"spawn", limit_spawn},
  };
  const Arguments arguments(argc, argv);
  const auto verb = verbs.find(arguments.verb());
  if (verb == verbs.end()) stop_benchmark("bench_limits has no verb '" + arguments.verb() + "'");
  Report report;
  verb->second(arguments, report);
  report.print();
}
