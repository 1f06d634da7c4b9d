// TOML text → Config as written: shapes, types, unknown keys and the range of each number. What the
// settings mean together is checked by engine/config/config.cc. The only file that knows the TOML
// library is config_parser.cc.
#pragma once

#include <map>
#include <string>

#include "engine/config/config.h"
#include "syncline/result.h"

namespace syncline {

struct ParsedConfig {
  Config config;
  // Where each setting stands: "database", "kind.note", "kind.note.file.path" → line, from 1.
  std::map<std::string, unsigned, std::less<>> lines;
};

// kInvalid names the line.
Result<ParsedConfig> parse_config_text(std::string text);

// An error at a line of syncline.toml; line 0 is "unknown".
Error config_error(unsigned line, std::string_view message, std::string hint = {});

}  // namespace syncline
