#include <csignal>
#include <string>
#include <vector>

#include "tools/cli.h"

int main(int argc, char** argv) {
  // A reader that went away shows as a failed write, not as death in the middle of a verb.
  std::signal(SIGPIPE, SIG_IGN);
  // So does a file that reaches the limit of file sizes (ulimit -f).
  std::signal(SIGXFSZ, SIG_IGN);
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return syncline::run_cli(arguments, syncline::Console{});
}
