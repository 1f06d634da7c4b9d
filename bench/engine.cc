#include "bench/engine.h"

int main(int argc, char** argv) {
  using namespace syncline;
  const Arguments arguments(argc, argv);
  Report report;
  if (arguments.verb() == "append") {
    measure_append(arguments, report);
  } else if (arguments.verb() == "stages") {
    measure_stages(arguments, report);
  } else if (arguments.verb() == "steps") {
    measure_steps(arguments, report);
  } else if (arguments.verb() == "open") {
    measure_open(arguments, report);
  } else if (arguments.verb() == "scan") {
    measure_scan(arguments, report);
  } else {
    stop_benchmark("usage: bench_engine append|stages|steps|open|scan --OPTION VALUE …");
  }
  report.print();
}
