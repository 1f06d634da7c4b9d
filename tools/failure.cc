#include "tools/failure.h"

#include <fmt/format.h>

#include "engine/store/default_hint.h"
#include "tools/console.h"

namespace syncline {

Error hint_beyond_repair(Error error) {
  if (error.code != Code::kCorrupt && error.code != Code::kDisagree) return error;
  constexpr std::string_view kRepair = "syncline repair";
  bool sends_back = error.hint.empty();
  for (size_t at = error.hint.find(kRepair); at != std::string::npos;
       at = error.hint.find(kRepair, at + 1)) {
    const std::string_view rest = std::string_view(error.hint).substr(at + kRepair.size());
    sends_back |= !rest.starts_with(" --accept-loss");
  }
  if (sends_back) error.hint = kBeyondRepairHint;
  return error;
}

std::string failure_text(const Failure& failure) {
  std::string text = fmt::format("syncline: {}\n", printable(failure.error.message));
  if (failure.error.seq != 0) {
    text += fmt::format("  kept: seq {} is durable in the journal{}\n", failure.error.seq,
                        failure.stage.empty() ? "" : fmt::format(" (stage {})", failure.stage));
  } else if (!failure.kept.empty()) {
    text += fmt::format("  kept: {}\n", printable(failure.kept));
  }
  const std::string hint = failure.error.hint.empty()
                               ? std::string(default_hint(failure.error.code))
                               : printable(failure.error.hint);
  if (!hint.empty()) text += fmt::format("  try:  {}\n", hint);
  return text;
}

}  // namespace syncline
