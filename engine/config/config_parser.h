// TOML text → Config as written: checks shapes, types, unknown keys and the range of each number.
// engine/config/config.cc checks what the settings mean together. Only config_parser.cc knows the
// TOML library.
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

// An error at a line of syncline.toml; line 0 means that the line is unknown.
Error config_error(unsigned line, std::string_view message, std::string hint = {});

}  // namespace syncline
