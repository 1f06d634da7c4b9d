// A file of lines in `info` of the git directory (attributes, exclude), which ours share with a
// person's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "journal/os/file_system.h"
#include "syncline/result.h"

namespace syncline {

// Its text, "" where it is not there; nothing where it is a link or otherwise not to be read.
Result<std::optional<std::string>> read_info_file(Directory& common_dir, std::string_view name);
// Writes what `change` makes of its text, durably, if that is another. Where the file is a link or
// otherwise not to be written it stays as it is.
Status change_info_file(Directory& common_dir, std::string_view name,
                        const std::function<void(std::string& text)>& change);

// Appends the line, behind a line end.
void append_line(std::string& text, std::string_view line);

}  // namespace syncline
