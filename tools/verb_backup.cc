// syncline backup DIR
// syncline restore DIR --into DIR2
#include <fmt/format.h>

#include "journal/base/clock.h"
#include "tools/json_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

int answer_copy(Session& session, Store& store, const Result<CopyReport>& copied,
                std::string_view verb, std::string_view what, const std::string& into,
                int64_t started_ns) {
  if (!copied && copied.error().code == Code::kExists) {
    return session.fail(copied.error(), "nothing was done");
  }
  if (!copied) {
    return session.fail(copied.error(), fmt::format("the store that was read is untouched; {} is "
                                                    "no store: remove it",
                                                    into));
  }
  session.tell_notes(store);
  const double seconds = static_cast<double>(system_clock().monotonic_ns() - started_ns) / 1e9;
  const std::string text =
      fmt::format("{} {} record{} into {} in {:.2f} s ({})\n", verb, copied->journaled,
                  copied->journaled == 1 ? "" : "s", printable(into), seconds, what);
  return session.answer(copy_json(into, *copied, seconds), text);
}

class BackupVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {
        .name = "backup", .usage = "backup DIR", .summary = "copy the store while others write"};
  }

  void declare(Options& options) override {
    options.argument("DIR", into_, "where; must not exist or be empty");
  }

  int run(Session& session) override {
    if (!into_ || into_->empty()) {
      return session.fail(make_error(Code::kInvalid, "backup needs a directory"),
                          "nothing was done");
    }
    const Watchdog watchdog(session, "the backup did not finish",
                            fmt::format("{} is not complete: remove it and try again", *into_));
    const int64_t started_ns = system_clock().monotonic_ns();
    const auto store = session.open_store_to_read();
    if (!store) return session.fail(store.error(), "nothing was done");
    return answer_copy(session, **store, (*store)->backup_into(*into_), "copied",
                       "to be read by every verb; `syncline restore` makes a store of it", *into_,
                       started_ns);
  }

 private:
  std::optional<std::string> into_;
};

class RestoreVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "restore",
            .usage = "restore DIR --into DIR2",
            .summary = "make a store of a backup"};
  }

  void declare(Options& options) override {
    options.argument("DIR", from_, "the backup");
    options.text("--into", into_, "DIR2", "where; must not exist or be empty");
  }

  int run(Session& session) override {
    if (!from_ || from_->empty() || !into_ || into_->empty()) {
      return session.fail(make_error(Code::kInvalid, "restore needs a backup and --into DIR2"),
                          "nothing was done");
    }
    const Watchdog watchdog(session, "restoring did not finish",
                            fmt::format("{} is not complete: remove it and try again", *into_));
    const int64_t started_ns = system_clock().monotonic_ns();
    GlobalOptions options = session.options();
    options.store = *from_;
    const auto store = Session(std::move(options), session.console()).open_store_to_read();
    if (!store) return session.fail(store.error(), "nothing was done");
    return answer_copy(session, **store, (*store)->restore_into(*into_), "restored",
                       "a store under the name of the one that was backed up: do not use both",
                       *into_, started_ns);
  }

 private:
  std::optional<std::string> from_, into_;
};

}  // namespace

std::unique_ptr<Verb> make_backup_verb() {
  return std::make_unique<BackupVerb>();
}

std::unique_ptr<Verb> make_restore_verb() {
  return std::make_unique<RestoreVerb>();
}

}  // namespace syncline
