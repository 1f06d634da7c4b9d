// The file that keeps what ingest did not accept, as NDJSON: {"line":…,"reason":…,"raw":…}.
//
// A line too long to hold in memory arrives in pieces before its number and reason are known, so
// its object has "raw" first. Not thread-safe. After a failed write every call returns its error: a
// line that cannot be kept must stop the ingest.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "syncline/result.h"

namespace syncline {

class RejectsFile {
 public:
  // Empties an existing file. kInvalid when it is the very file at `input_descriptor`.
  static Result<RejectsFile> open(const std::string& path, int input_descriptor);

  // A piece of the long line that the next add() is about.
  Status add_piece(std::string_view piece);
  Status add(uint64_t line_number, const std::string& reason, std::string_view raw);
  Status close();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  RejectsFile(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  Status write(std::string_view text);

  std::unique_ptr<std::FILE, Closer> file_;
  std::string path_;
  bool in_long_line_ = false;
  std::string split_character_;  // the beginning of a UTF-8 character that the next piece ends
};

// How many bytes at the end of `text` begin a UTF-8 character without ending it.
size_t split_utf8_bytes(std::string_view text);

}  // namespace syncline
