#include "tools/session.h"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "journal/base/clock.h"
#include "journal/base/try.h"
#include "tools/failure.h"
#include "tools/json_output.h"
#include "tools/page_fault.h"

namespace syncline {
namespace {

constexpr int64_t kReaderPatienceMs = 1000;

// Of a pipe: which write failed, and with what, nobody has kept.
bool reader_is_gone(std::FILE* stream) {
  pollfd pipe{.fd = fileno(stream), .events = POLLOUT, .revents = 0};
  return poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR) != 0;
}

}  // namespace

Session::Session(GlobalOptions options, Console console)
    : options_(std::move(options)),
      console_(console),
      time_limit_(options_.timeout_ms ? system_clock().after_ms(*options_.timeout_ms) : kForever) {}

Result<std::string> Session::store_root() const {
  if (options_.store) {
    if (options_.store->empty()) return make_error(Code::kInvalid, "--store is empty");
    return *options_.store;
  }
  const char* environment = std::getenv("SYNCLINE_STORE");
  if (environment != nullptr && *environment != '\0') return std::string(environment);
  return Store::discover(".");
}

Result<std::unique_ptr<Store>> Session::open_store(StoreOptions options) const {
  TRY_ASSIGN(const std::string root, store_root());
  options.open_deadline = deadline();
  options.on_wait = [this](const std::string& why) { note("publishing waits: " + why); };
  options.on_lock_wait = [this](const std::string& why) { note("waiting: " + why); };
  auto store = Store::open(root, options);
  if (store) tell_notes(**store);
  return store;
}

Result<std::unique_ptr<Store>> Session::open_store_to_read(bool tell) const {
  TRY_ASSIGN(const std::string root, store_root());
  // No longer than this for whoever writes: it may be stopped, or hang.
  const Deadline patience = sooner(deadline(), system_clock().after_ms(kReaderPatienceMs));
  auto store = Store::open(root, {.open_deadline = patience});
  if (store && tell) tell_notes(**store);
  if (store) return store;
  const Error& error = store.error();
  if (error.code == Code::kTimeout) {
    note("read as it was durable just now, beside whoever writes: " + error.message);
    store = Store::open(root, {.read_only = true, .beside_writers = true});
    if (store && tell) tell_notes(**store);
    return store;
  }
  // kDisagree: a copy of a store is read all the same.
  const bool may_not_write = error.code == Code::kReadOnly || error.code == Code::kDisagree ||
                             error.sys_errno == EACCES || error.sys_errno == EPERM ||
                             error.sys_errno == EROFS;
  if (!may_not_write) return store;
  store = Store::open(root, {.read_only = true, .open_deadline = deadline()});
  if (store && tell) tell_notes(**store);
  return store;
}

Deadline Session::deadline(std::optional<int64_t> default_ms) const {
  if (!time_limit_.forever() || !default_ms) return time_limit_;
  return system_clock().after_ms(*default_ms);
}

int Session::answer(const std::string& json, const std::string& text, ExitCode code) const {
  return answer(json, text, to_int(code));
}

int Session::answer(const std::string& json, const std::string& text, int code) const {
  PageFaultGuard::Answering answering;
  write_text(console_.out, options_.json ? json : text);
  if (std::fflush(console_.out) == 0 && std::ferror(console_.out) == 0) {
    answering.told(code);
    return code;
  }
  const int failed = errno;
  if (only_reads_ && reader_is_gone(console_.out)) {
    answering.told(exit_code_for_signal(SIGPIPE));
    return exit_code_for_signal(SIGPIPE);
  }
  note(fmt::format("the answer could not be written to standard output: {}; what was done stays",
                   std::strerror(failed)));
  answering.told(to_int(ExitCode::kOutcomeUnknown));
  return to_int(ExitCode::kOutcomeUnknown);
}

int Session::fail(const Error& error, std::string kept, std::string stage) const {
  const Failure failure{.error = error, .kept = std::move(kept), .stage = std::move(stage)};
  const int code = to_int(exit_code(error));
  if (options_.json) return answer(failure_json(failure), {}, code);
  PageFaultGuard::Answering answering;
  write_text(console_.err, failure_text(failure));
  answering.told(code);
  return code;
}

void Session::note(std::string_view text) const {
  write_text(console_.err, fmt::format("syncline: {}\n", printable(text)));
}

void Session::lend_a_hand(Store& store, Deadline deadline) const {
  if (system_clock().passed(deadline)) return;
  if (const Status lent = store.lend_a_hand(); !lent) {
    note(fmt::format("what is recorded is safe; what comes after waits: {}", lent.error().message));
  }
}

void Session::tell_notes(Store& store) const {
  for (const std::string& told : store.take_notes()) note(told);
}

}  // namespace syncline
