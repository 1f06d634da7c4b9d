#include "tools/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "journal/base/clock.h"

namespace syncline {
namespace {

constexpr int64_t kRedrawNs = 100'000'000;
constexpr size_t kBarColumns = 20;
constexpr int64_t kFirstSilenceNs = 60'000'000'000;
constexpr int64_t kLongestSilenceNs = 3'600'000'000'000;

size_t terminal_columns(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool draws_on(std::FILE* stream) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return !dumb && isatty(fileno(stream)) == 1;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<uint64_t>(std::min(seconds, 359'999.0));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

std::string render_progress(const ProgressState& state, size_t columns) {
  std::string line = state.label;
  const bool known = state.total > 0;
  const double share =
      known ? std::min(1.0, static_cast<double>(state.done) / static_cast<double>(state.total)) : 0;
  if (known) {
    const auto filled = static_cast<size_t>(share * kBarColumns);
    line += fmt::format(" [{:#<{}}{:.<{}}] {:3.0f}%", "", filled, "", kBarColumns - filled,
                        share * 100);
  }
  line += fmt::format(" {} records", state.records);
  if (state.seconds > 0) {
    line += fmt::format(", {:.0f}/s", static_cast<double>(state.records) / state.seconds);
  }
  if (known && share > 0 && share < 1) {
    line += fmt::format(", {} left", duration_text(state.seconds * (1 - share) / share));
  } else {
    line += fmt::format(", {}", duration_text(state.seconds));
  }
  if (!state.remark.empty()) line += fmt::format(" ({})", printable(state.remark));
  if (line.size() > columns) line.resize(columns);
  return line;
}

Progress::Progress(const Console& console, std::string label)
    : stream_(console.err),
      enabled_(draws_on(console.err)),
      started_ns_(system_clock().monotonic_ns()) {
  state_.label = std::move(label);
  if (enabled_) columns_ = terminal_columns(fileno(stream_));
}

Progress::~Progress() {
  clear();
}

void Progress::update(uint64_t records, uint64_t done, uint64_t total) {
  state_.records = records;
  state_.done = done;
  state_.total = total;
  if (!enabled_) return;
  const int64_t now_ns = system_clock().monotonic_ns();
  if (now_ns - drawn_ns_ >= kRedrawNs) draw(now_ns);
}

void Progress::remark(const std::string& text) {
  if (text == state_.remark) return;
  state_.remark = text;
  if (enabled_) {
    draw(system_clock().monotonic_ns());
  } else if (!text.empty() && is_news(text)) {
    say(text);
  }
}

bool Progress::is_news(const std::string& remark) {
  const int64_t now_ns = system_clock().monotonic_ns();
  if (remark != said_) {
    said_ = remark;
    silence_ns_ = kFirstSilenceNs;
  } else if (now_ns < say_again_ns_) {
    return false;
  } else {
    silence_ns_ = std::min(silence_ns_ * 2, kLongestSilenceNs);
  }
  say_again_ns_ = now_ns + silence_ns_;
  return true;
}

void Progress::clear() {
  if (!drawn_) return;
  write_text(stream_, "\r\033[K");
  std::fflush(stream_);
  drawn_ = false;
}

void Progress::say(std::string_view line) {
  clear();
  write_text(stream_, fmt::format("syncline: {}\n", printable(line)));
  std::fflush(stream_);
}

void Progress::draw(int64_t now_ns) {
  state_.seconds = static_cast<double>(now_ns - started_ns_) / 1e9;
  // One column is left free: a full line would wrap on some terminals.
  write_text(stream_, "\r\033[K" + render_progress(state_, columns_ - 1));
  std::fflush(stream_);
  drawn_ = true;
  drawn_ns_ = now_ns;
}

}  // namespace syncline
