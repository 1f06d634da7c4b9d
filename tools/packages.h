// Debian package stanzas (as `apt-cache dumpavail` prints them) → records of kind `package`.
//
// Total: every stanza with a Package field becomes one line, whatever bytes it holds: invalid UTF-8
// becomes U+FFFD, and so do NULs; fields that are one line stay one. Stable: the same stanza gives
// the same bytes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "syncline/result.h"
#include "tools/line_reader.h"

namespace syncline {

// One paragraph of "Name: value" lines; names are kept as written, values unfolded: of each
// continuation line the first space is dropped, and " ." is an empty line.
struct Stanza {
  std::vector<std::pair<std::string, std::string>> fields;
  const std::string* find(std::string_view name) const;  // names compare without case
};

class StanzaReader {
 public:
  explicit StanzaReader(LineReader::Source source);
  // Nothing at the end. kInvalid names the line that is neither a field nor a continuation.
  Result<std::optional<Stanza>> next();

 private:
  LineReader lines_;
};

// {"kind":"package","key":"<name>/<version>/<architecture>","fields":{…}}, without a newline;
// nothing for a stanza without a Package field.
std::optional<std::string> package_line(const Stanza& stanza);

}  // namespace syncline
