// apt-cache dumpavail | dumpavail2ndjson | syncline ingest
//
// Package stanzas on standard input, one record of kind `package` a line on standard output.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "tools/packages.h"

namespace {

using namespace syncline;

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 64;

int report(const Error& error) {
  fmt::print(stderr, "dumpavail2ndjson: {}{}{}\n", error.message, error.hint.empty() ? "" : "; ",
             error.hint);
  return kExitFailed;
}

int convert() {
  StanzaReader reader(descriptor_source(STDIN_FILENO));
  uint64_t skipped = 0;
  for (;;) {
    auto stanza = reader.next();
    if (!stanza) return report(stanza.error());
    if (!*stanza) break;
    const auto line = package_line(**stanza);
    if (!line) {
      ++skipped;
      continue;
    }
    if (std::fwrite(line->data(), 1, line->size(), stdout) != line->size() ||
        std::fputc('\n', stdout) == EOF) {
      return report(errno_error(errno, "write"));
    }
  }
  if (std::fflush(stdout) != 0) return report(errno_error(errno, "write"));
  if (skipped > 0) {
    return report(make_error(Code::kInvalid,
                             fmt::format("{} stanzas without a Package field left out", skipped)));
  }
  return kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return convert();
  const std::string_view argument = argv[1];
  constexpr std::string_view kUsage =
      "usage: apt-cache dumpavail | dumpavail2ndjson > packages.ndjson\n"
      "Turns Debian package stanzas into records of kind 'package', one a line.\n";
  if (argc == 2 && (argument == "--help" || argument == "-h")) {
    fmt::print("{}", kUsage);
    return kExitDone;
  }
  fmt::print(stderr, "dumpavail2ndjson: takes no arguments\n{}", kUsage);
  return kExitUsage;
}
