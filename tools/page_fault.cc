#include "tools/page_fault.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "journal/base/assert.h"
#include "syncline/store.h"
#include "tools/exit_code.h"
#include "tools/failure.h"
#include "tools/json_output.h"

namespace syncline {
namespace {

// Which side gives the one answer of this run.
enum State : uint32_t { kNobodyYet, kTheRun, kTheRunHas, kTheHandler };

// All that a handler touches: lock-free, and alive as long as the process.
std::atomic<uint32_t> state{kNobodyYet};
std::atomic<int> told_code{0};
std::atomic<pid_t> telling_thread{0};
std::atomic<bool> printed{false};
std::atomic<bool> handler_installed{false};
std::atomic<uint64_t> noted_seq{0};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// Made before any page is mapped: a handler may neither allocate nor format. It puts the file's
// name and the record's seq where these stand for them.
constexpr std::string_view kNamePlace = "@@";
constexpr uint64_t kSeqPlace = UINT64_MAX;
constexpr std::string_view kSeqPlaceText = "18446744073709551615";
std::string* unknown_answer = nullptr;  // of a record that may or may not be in, or of none
std::string* durable_answer = nullptr;
int answer_descriptor = -1;
int note_descriptor = -1;

void write_raw(int descriptor, std::string_view text) {
  // Nobody could be told about a failure.
  while (!text.empty()) {
    const ssize_t count = write(descriptor, text.data(), text.size());
    if (count <= 0) return;
    text.remove_prefix(static_cast<size_t>(count));
  }
}

void write_filled(std::string_view answer, std::string_view name, uint64_t seq) {
  std::array<char, kSeqPlaceText.size()> digits;
  size_t first = digits.size();
  for (uint64_t left = seq; left != 0; left /= 10) {
    digits[--first] = static_cast<char>('0' + left % 10);
  }
  const std::string_view number(digits.data() + first, digits.size() - first);
  while (!answer.empty()) {
    const size_t name_at = answer.find(kNamePlace);
    const size_t seq_at = answer.find(kSeqPlaceText);
    const size_t at = std::min(name_at, seq_at);
    write_raw(answer_descriptor, answer.substr(0, at));
    if (at == std::string_view::npos) return;
    write_raw(answer_descriptor, at == name_at ? name : number);
    answer.remove_prefix(at + (at == name_at ? kNamePlace : kSeqPlaceText).size());
  }
}

// A line of /proc/self/maps: "from-to rights offset device inode   path".
std::string_view path_if_within(std::string_view line, uintptr_t address) {
  uintptr_t bounds[2] = {0, 0};
  size_t at = 0;
  for (const char ending : {'-', ' '}) {
    uintptr_t& bound = bounds[ending == ' '];
    for (; at < line.size() && line[at] != ending; ++at) {
      const char digit = line[at];
      bound = bound << 4 | static_cast<uintptr_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    ++at;
  }
  if (address < bounds[0] || address >= bounds[1]) return {};
  const size_t path = line.find('/', at);
  // A device is "08:01", so that the first slash begins the path.
  return path == std::string_view::npos ? std::string_view() : line.substr(path);
}

// The file that is mapped there, or nothing that can be shown as it is.
std::string_view mapped_file(const void* address) {
  static std::array<char, 8192> lines;
  const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return {};
  size_t held = 0;
  std::string_view found;
  while (found.empty() && held < lines.size()) {
    const ssize_t count = read(maps, lines.data() + held, lines.size() - held);
    if (count <= 0) break;
    held += static_cast<size_t>(count);
    size_t begin = 0;
    for (size_t i = 0; i < held && found.empty(); ++i) {
      if (lines[i] != '\n') continue;
      found =
          path_if_within({lines.data() + begin, i - begin}, reinterpret_cast<uintptr_t>(address));
      begin = i + 1;
    }
    if (!found.empty()) break;
    std::copy(lines.begin() + static_cast<std::ptrdiff_t>(begin),
              lines.begin() + static_cast<std::ptrdiff_t>(held), lines.begin());
    held -= begin;
  }
  close(maps);
  for (const char c : found) {
    if (c < ' ' || c > '~' || c == '"' || c == '\\') return {};
  }
  return found;
}

[[noreturn]] void wait_for_the_end() {
  for (;;) pause();
}

void end_by(int, siginfo_t* info, void*) {
  if (info->si_code != BUS_ADRERR) {
    // No page is missing: somebody sent the signal, or the program has a defect. It ends the
    // process as usual.
    std::signal(SIGBUS, SIG_DFL);
    raise(SIGBUS);
    return;
  }
  uint32_t now = kNobodyYet;
  if (state.compare_exchange_strong(now, kTheHandler)) {
    const std::string_view name = mapped_file(info->si_addr);
    if (printed.load()) write_raw(answer_descriptor, "\n");
    const uint64_t seq = noted_seq.load();
    write_filled(seq != 0 ? *durable_answer : *unknown_answer,
                 name.empty() ? "a mapped file" : name, seq);
    _exit(to_int(seq != 0 ? ExitCode::kTimeLimit : ExitCode::kOutcomeUnknown));
  }
  if (now == kTheHandler) wait_for_the_end();
  if (now == kTheRun && telling_thread.load() == gettid()) {
    _exit(to_int(ExitCode::kOutcomeUnknown));
  }
  while (state.load() == kTheRun) syscall(SYS_futex, &state, FUTEX_WAIT_PRIVATE, kTheRun, nullptr);
  write_raw(note_descriptor,
            "syncline: stopped behind its answer: a page of a mapped file is lost\n");
  _exit(told_code.load());
}

}  // namespace

PageFaultGuard::PageFaultGuard(bool json, const Console& console) {
  SYNCLINE_ASSERT(!handler_installed.exchange(true));
  const std::string lost =
      std::string("a page of ")
          .append(kNamePlace)
          .append(" is lost: its disk is full or refuses, or the file was cut while it was in use");
  Failure failure{
      .error = make_error(
          Code::kOutcomeUnknown, lost,
          "give the disk space or look at the system's log, then run the same command again with "
          "the same --key: it can not be recorded twice"),
      .kept = "everything acknowledged; what was under way may or may not be in",
      .stage = {}};
  // They live until the process ends: a handler may run to the very last moment.
  static std::string unknown, durable;
  unknown = json ? failure_json(failure) : failure_text(failure);
  failure.error =
      make_error(Code::kTimeout, "the record is in, but what comes after it stopped: " + lost,
                 "give the disk space or look at the system's log; the record is not "
                 "lost and comes by `syncline sync`: do not record it again");
  failure.error.seq = kSeqPlace;
  failure.stage = stage_name(Stage::kJournaled);
  durable = json ? failure_json(failure) : failure_text(failure);
  unknown_answer = &unknown;
  durable_answer = &durable;
  answer_descriptor = fileno(json ? console.out : console.err);
  note_descriptor = fileno(console.err);
  state.store(kNobodyYet);
  printed.store(false);
  noted_seq.store(0);
  struct sigaction action{};
  action.sa_sigaction = end_by;
  action.sa_flags = SA_SIGINFO;
  sigfillset(&action.sa_mask);
  sigaction(SIGBUS, &action, &before_);
}

PageFaultGuard::~PageFaultGuard() {
  sigaction(SIGBUS, &before_, nullptr);
  handler_installed.store(false);
}

void PageFaultGuard::note_output() {
  printed.store(true);
}

void PageFaultGuard::note_durable(uint64_t seq) {
  noted_seq.store(seq);
}

uint64_t PageFaultGuard::durable_seq() {
  return noted_seq.load();
}

PageFaultGuard::Answering::Answering() {
  telling_thread.store(gettid());
  uint32_t now = kNobodyYet;
  // If a lost page is being answered already, this thread must not answer too.
  if (!state.compare_exchange_strong(now, kTheRun) && now == kTheHandler) wait_for_the_end();
}

void PageFaultGuard::Answering::told(int exit_code) {
  told_code.store(exit_code);
  state.store(kTheRunHas);
  syscall(SYS_futex, &state, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

}  // namespace syncline
