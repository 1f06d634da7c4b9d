#include "engine/apply/control_group.h"

#include <algorithm>

namespace syncline {

void ControlGroup::add(Operation operation, ByteVector payload) {
  payloads_.emplace_back(operation, std::move(payload));
}

Result<Appended> ControlGroup::append(AppendTurn& turn, Clock& clock) {
  std::vector<NewFrame> frames;
  frames.reserve(payloads_.size());
  const int64_t time_ms = std::max(clock.now_ms(), turn.last_time_ms());
  for (const auto& [operation, payload] : payloads_) {
    frames.push_back({.operation = operation,
                      .time_ms = time_ms,
                      .payload = payload,
                      .payload_hash = hash_payload(payload)});
  }
  return turn.append(frames);
}

}  // namespace syncline
