// Why records wait, in the words in which `record` says it: for status and verify.
#include <fmt/format.h>

#include "engine/store/default_hint.h"
#include "engine/store/store_impl.h"

namespace syncline {

std::string Store::Impl::holder_of(std::string_view lock_name) {
  const auto lock = journal->open_role(lock_name);
  return lock ? (*lock)->held_by() : std::string();
}

std::string Store::Impl::why_applying_waits() {
  const auto is_behind = [this] {
    return journal->watermark(Watermark::kApplied) < journal->durable().seq;
  };
  if (!is_behind() || !check_writable()) return {};
  const auto tried = roles->apply.try_turns_in_passing();
  if (tried) return *tried || !is_behind() ? std::string() : holder_of(kApplyLockName);
  const Error& error = tried.error();
  const std::string hint = error.hint.empty() ? std::string(default_hint(error.code)) : error.hint;
  return fmt::format("{}; {}", error.message, hint);
}

std::string Store::Impl::why_committing_waits() {
  const uint64_t applied = journal->watermark(Watermark::kApplied);
  if (journal->watermark(Watermark::kCommitted) < applied) return holder_of(kSyncLockName);
  // What is not applied cannot be committed: the reason for that is told there.
  return {};
}

}  // namespace syncline
