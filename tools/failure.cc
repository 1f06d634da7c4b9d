#include "tools/failure.h"

#include <fmt/format.h>

#include "tools/console.h"

namespace syncline {

std::string_view default_hint(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "see --help";
    case Code::kKeyConflict:
      return "use another key for other content; the same content answers with the first receipt";
    case Code::kNoStore:
      return "run `syncline init` where the store should be, or name one by --store DIR";
    case Code::kTimeout:
      return "give a longer --timeout; `syncline status` shows how far things are";
    case Code::kBusy:
      return "try again in a moment";
    case Code::kCorrupt:
    case Code::kDisagree:
      return "`syncline repair --dry-run` says what can be mended; nothing was skipped or cut";
    case Code::kUnsafePath:
      return "take away what is in the way, or change the path pattern in syncline.toml";
    case Code::kOutcomeUnknown:
      return "run the same command again with the same --key: it can not be recorded twice";
    case Code::kRetryLater:
      return "try again later; `syncline status` shows the backlog";
    case Code::kReadOnly:
      return "check the owner of the store and how its file system is mounted";
    case Code::kIo:
      return "look at the disk and the system's log, then try again";
    case Code::kInternal:
      return "this is a defect of syncline: report it with the text above";
    case Code::kNotFound:
      return "check the name: nothing of that name is there";
    case Code::kExists:
      return "name another, or take away what is there";
    case Code::kUnsupported:
      return "it cannot be done with what is there; the README says what is needed";
  }
  return "";
}

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
