// One run of the command: its global options, where it writes, and the ways in which verbs open a
// store, answer and fail. Every verb ends by one answer() or one fail().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "syncline/store.h"
#include "tools/arguments.h"
#include "tools/console.h"
#include "tools/exit_code.h"

namespace syncline {

class Session {
 public:
  Session(GlobalOptions options, Console console);

  const GlobalOptions& options() const { return options_; }
  const Console& console() const { return console_; }
  bool json() const { return options_.json; }
  void expect_only_reading() { only_reads_ = true; }

  // --store, otherwise SYNCLINE_STORE, otherwise found upward from the current directory.
  Result<std::string> store_root() const;
  Result<std::unique_ptr<Store>> open_store(StoreOptions options = {}) const;
  // For verbs that only look: opens for reading only where this user may not write.
  Result<std::unique_ptr<Store>> open_store_to_read(bool tell = true) const;

  // --timeout from the beginning of the call; without one `default_ms` from now, or never.
  Deadline deadline(std::optional<int64_t> default_ms = std::nullopt) const;

  // Writes the answer to standard output: JSON or text, whichever was asked for. An answer that
  // cannot be written makes `code` kOutcomeUnknown: the caller does not know what was done.
  int answer(const std::string& json, const std::string& text,
             ExitCode code = ExitCode::kDone) const;
  int answer(const std::string& json, const std::string& text, int code) const;
  // Reports the failure: JSON on standard output with --json, otherwise text on standard error.
  // `kept` says what is safe; for a durable record (error.seq) that is said in any case.
  int fail(const Error& error, std::string kept = {}, std::string stage = {}) const;
  // A sentence on standard error beside the answer.
  void note(std::string_view text) const;
  // Prints the store's notes, once: a torn tail cut, a database rebuilt.
  void tell_notes(Store& store) const;
  // Others may have left their work to this call, even where its own record failed; but a caller
  // whose time is up is not kept any longer. For a store opened with one_shot.
  void lend_a_hand(Store& store, Deadline deadline) const;

 private:
  GlobalOptions options_;
  Console console_;
  const Deadline time_limit_;
  bool only_reads_ = false;
};

}  // namespace syncline
