// Control frames that are journalled as one group, in the order in which they were added.
//
// The caller holds the append turn. append() does not flush: the group is durable once the caller
// has flushed what it returns. After a death before that, the log holds the whole group or none of
// it.
#pragma once

#include <utility>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/base/clock.h"
#include "journal/log/journal.h"

namespace syncline {

class ControlGroup {
 public:
  void add(Operation operation, ByteVector payload);
  bool empty() const { return payloads_.empty(); }
  Result<Appended> append(AppendTurn& turn, Clock& clock);

 private:
  std::vector<std::pair<Operation, ByteVector>> payloads_;
};

}  // namespace syncline
