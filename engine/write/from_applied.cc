#include "engine/write/from_applied.h"

namespace syncline {

Mark from_applied(const Mark& applied, const Mark& begin) {
  return applied == Mark{} ? begin : applied;
}

Result<Mark> from_applied(const Mark& applied, const Journal& journal) {
  if (applied != Mark{}) return applied;
  return journal.begin();
}

}  // namespace syncline
