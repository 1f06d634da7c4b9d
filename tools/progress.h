// A line of progress on standard error, drawn at most ten times a second and cleared at the end.
// Nothing is drawn where standard error is no terminal.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "tools/console.h"

namespace syncline {

struct ProgressState {
  std::string label;  // "ingest"
  uint64_t records = 0;
  // Of the same work, in any unit (bytes, records): gives the share done and the time left. A total
  // of 0 is unknown.
  uint64_t done = 0;
  uint64_t total = 0;
  double seconds = 0;
  std::string remark;  // "waiting: the backlog is full"
};

// One line of at most `columns` characters, without an end of line.
std::string render_progress(const ProgressState& state, size_t columns);

class Progress {
 public:
  Progress(const Console& console, std::string label);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap when it is not yet time to draw.
  void update(uint64_t records, uint64_t done, uint64_t total);
  // Shown at once, until it changes. Without a terminal it is printed as a line of its own; a
  // remark that comes and goes with every attempt is printed again after longer and longer pauses.
  void remark(const std::string& text);
  void clear();
  // Writes a line above the bar.
  void say(std::string_view line);

 private:
  void draw(int64_t now_ns);
  bool is_news(const std::string& remark);

  std::FILE* stream_;
  bool enabled_;
  bool drawn_ = false;
  size_t columns_ = 80;
  int64_t started_ns_;
  int64_t drawn_ns_ = 0;
  std::string said_;  // the last remark without a terminal
  int64_t say_again_ns_ = 0;
  int64_t silence_ns_ = 0;
  ProgressState state_;
};

}  // namespace syncline
