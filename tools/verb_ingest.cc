// syncline ingest [FILE|-] [--wait STAGE] [--rejects FILE] [--strict]
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tools/ingest.h"
#include "tools/input_file.h"
#include "tools/json_output.h"
#include "tools/progress.h"
#include "tools/rejects_file.h"
#include "tools/signals.h"
#include "tools/text_output.h"
#include "tools/verb.h"

namespace syncline {
namespace {

constexpr uint64_t kBadLinesShown = 20;
// How long the user's git state may delay the publishing at the end of an ingest.
constexpr int64_t kPublishTimeoutMs = 10'000;

class StoreTarget final : public IngestTarget {
 public:
  explicit StoreTarget(Store& store) : store_(store) {}
  Result<Ticket> submit(const Record& record, Deadline deadline) override {
    return store_.submit(record, deadline);
  }
  Result<Receipt> wait(const Ticket& ticket, Stage stage, Deadline deadline) override {
    return store_.wait(ticket, stage, deadline);
  }

 private:
  Store& store_;
};

// Reads, but never sleeps through a stop or the time limit. Either is an error of the read, not the
// end of the input: half a line must not be taken for a whole one.
LineReader::Source stoppable_source(int descriptor, const StopSignals& signals, Deadline deadline,
                                    uint64_t& bytes_read) {
  return [descriptor, &signals, deadline, &bytes_read](MutableByteSpan into) -> Result<size_t> {
    while (true) {
      pollfd waited[] = {{.fd = descriptor, .events = POLLIN, .revents = 0},
                         {.fd = signals.descriptor(), .events = POLLIN, .revents = 0}};
      int limit_ms = -1;
      if (!deadline.forever()) {
        const int64_t left_ms =
            (deadline.monotonic_ns - system_clock().monotonic_ns()) / 1'000'000 + 1;
        limit_ms = static_cast<int>(std::clamp<int64_t>(left_ms, 0, 1'000'000));
      }
      const int ready = poll(waited, 2, limit_ms);
      if (signals.received() != 0 || system_clock().passed(deadline)) {
        return make_error(Code::kTimeout, "reading was stopped");
      }
      if (ready < 0 && errno != EINTR) return errno_error(errno, "poll of the input");
      if (ready <= 0 || waited[0].revents == 0) continue;
      const ssize_t got = ::read(descriptor, into.data(), into.size());
      if (got >= 0) {
        bytes_read += static_cast<uint64_t>(got);
        return static_cast<size_t>(got);
      }
      if (errno != EINTR && errno != EAGAIN) return errno_error(errno, "cannot read the input");
    }
  };
}

class IngestVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "ingest",
            .usage = "ingest [FILE|-]",
            .summary = "write records from NDJSON, a line each"};
  }

  void declare(Options& options) override {
    options.argument("FILE", file_, "NDJSON; - or nothing is standard input");
    options.text("--wait", wait_, "STAGE",
                 "journaled, applied (default), committed, published or pushed");
    options.text("--rejects", rejects_, "FILE",
                 "keeps the lines that were not accepted, with number and reason");
    options.flag("--strict", strict_, "stop at the first line that is not accepted");
  }

  int run(Session& session) override {
    const auto stage = parse_wait(wait_.value_or("applied"));
    if (!stage) return session.fail(stage.error(), "nothing was written");
    stage_ = *stage;
    auto input = InputFile::open(file_.value_or("-"));
    if (!input) return session.fail(input.error(), "nothing was written");
    std::optional<RejectsFile> rejects;
    const auto store = session.open_store({.background = true});
    if (!store) return session.fail(store.error(), "nothing was written");
    if (rejects_) {
      auto opened = RejectsFile::open(*rejects_, input->descriptor());
      if (!opened) return session.fail(opened.error(), "nothing was written");
      rejects.emplace(std::move(*opened));
    }
    return ingest(session, **store, *input, rejects ? &*rejects : nullptr);
  }

 private:
  int ingest(const Session& session, Store& store, const InputFile& input, RejectsFile* rejects) {
    const int64_t started_ns = system_clock().monotonic_ns();
    const Deadline deadline = session.deadline();
    const StopSignals signals;
    Progress progress(session.console(), "ingest");
    uint64_t bytes_read = 0;
    LineReader lines(stoppable_source(input.descriptor(), signals, deadline, bytes_read));
    if (rejects != nullptr) {
      lines.set_overflow_sink([&](std::string_view piece) { return rejects->add_piece(piece); });
    }
    StoreTarget target(store);
    const uint64_t size_bytes = input.size_bytes();
    IngestHooks hooks;
    hooks.reject = [&](uint64_t line, const std::string& reason, std::string_view raw) -> Status {
      say_capped(progress, fmt::format("line {}: {}", line, reason));
      return rejects != nullptr ? rejects->add(line, reason, raw) : Status();
    };
    hooks.remark = [&](uint64_t line, const std::string& text) {
      say_capped(progress, fmt::format("line {}: {}", line, text));
    };
    hooks.waiting = [&](const std::string& reason) { progress.remark(reason); };
    hooks.progress = [&](const IngestReport& report) {
      progress.update(report.read, bytes_read, size_bytes);
    };
    hooks.stop = [&] { return signals.received() != 0; };
    Ingest run(target, lines, system_clock(),
               {.wait = std::min(stage_, Stage::kApplied), .strict = strict_, .deadline = deadline},
               std::move(hooks));
    IngestReport report = run.run();
    ExitCode code = exit_code_of(report, run);
    if (rejects != nullptr) {
      if (const Status closed = rejects->close(); !closed) {
        progress.say(closed.error().message);
        code = worse(code, ExitCode::kRejected);
      }
    }
    if (signals.received() == 0 && !run.failure() && !run.timed_out()) {
      const Deadline published_by =
          deadline.forever() ? system_clock().after_ms(kPublishTimeoutMs) : deadline;
      code = worse(code, publish(store, report, progress, published_by));
    }
    progress.clear();
    if (lines_not_shown_ != 0) {
      session.note(fmt::format("{} more lines like these", lines_not_shown_));
    }
    session.tell_notes(store);
    if (run.failure()) tell_failure(session, *run.failure(), report);
    report.seconds = static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
    const int answered =
        signals.received() != 0 ? exit_code_for_signal(signals.received()) : to_int(code);
    return session.answer(ingest_json(report), ingest_text(report), answered);
  }

  void say_capped(Progress& progress, const std::string& line) {
    if (lines_shown_ == kBadLinesShown) {
      ++lines_not_shown_;
      return;
    }
    ++lines_shown_;
    progress.say(line);
  }

  // The stages beyond `applied` are reached once for all records; and in any case the records are
  // published before the command ends, as far as the user's git state allows it.
  ExitCode publish(Store& store, const IngestReport& report, Progress& progress,
                   Deadline deadline) {
    const bool asked_for = stage_ >= Stage::kCommitted;
    if (!asked_for && report.accepted == 0) return ExitCode::kDone;
    const auto synced = store.sync(stage_ == Stage::kPushed, deadline);
    if (!synced) {
      const bool late = synced.error().code == Code::kTimeout;
      progress.say("everything accepted is applied; " +
                   (late ? std::string("committing it is not done yet and goes on")
                         : fmt::format("git waits: {}", synced.error().message)));
      return asked_for ? ExitCode::kTimeLimit : ExitCode::kDone;
    }
    if (synced->waiting.empty()) return ExitCode::kDone;
    progress.say(
        fmt::format("everything accepted is committed; publishing waits: {}", synced->waiting));
    return stage_ >= Stage::kPublished ? ExitCode::kTimeLimit : ExitCode::kDone;
  }

  static void tell_failure(const Session& session, const Error& error, const IngestReport& report) {
    Error told = error;
    told.seq = 0;
    const std::string kept = fmt::format(
        "{} records up to seq {} are in; run it again once mended: lines with a key are not "
        "recorded twice",
        report.accepted, report.last_seq);
    write_text(session.console().err, failure_text({.error = told, .kept = kept, .stage = {}}));
  }

  static ExitCode exit_code_of(const IngestReport& report, const Ingest& run) {
    if (report.unknown != 0) return ExitCode::kOutcomeUnknown;
    if (run.failure()) {
      const ExitCode code = exit_code(*run.failure());
      const bool says_nothing_written = code == ExitCode::kFailed;
      return says_nothing_written && report.accepted != 0 ? ExitCode::kRejected : code;
    }
    if (run.timed_out()) return ExitCode::kTimeLimit;
    if (report.rejected != 0) return ExitCode::kRejected;
    if (report.set_aside != 0) return ExitCode::kSetAside;
    return ExitCode::kDone;
  }

  static ExitCode worse(ExitCode first, ExitCode second) {
    return first == ExitCode::kDone ? second : first;
  }

  std::optional<std::string> file_;
  std::optional<std::string> wait_;
  std::optional<std::string> rejects_;
  bool strict_ = false;
  Stage stage_ = Stage::kApplied;
  uint64_t lines_shown_ = 0;
  uint64_t lines_not_shown_ = 0;
};

}  // namespace

std::unique_ptr<Verb> make_ingest_verb() {
  return std::make_unique<IngestVerb>();
}

}  // namespace syncline
