#include "engine/apply/attempt.h"

namespace syncline {

Error keeps_changing() {
  return make_error(Code::kBusy, "the work tree keeps changing under what is to be written");
}

}  // namespace syncline
