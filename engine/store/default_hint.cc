#include "engine/store/default_hint.h"

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

}  // namespace syncline
