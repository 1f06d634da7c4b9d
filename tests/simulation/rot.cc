#include "tests/simulation/rot.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "journal/control_page.h"
#include "journal/segment.h"
#include "tests/simulation/world.h"

namespace syncline::simulation {
namespace {

std::string in_store(const std::string& path) {
  return kRoot.substr(1) + "/.git/syncline/" + path;
}

// Who still knows that the frame was durable, in words; empty when nobody does.
std::string claim_on(const DiskImage& image, const Picture& picture) {
  const Picture::LastFrame& last = *picture.last_frame;
  FaultPlan plan;
  SimulatedClock clock;
  Disk disk(image, plan, clock);
  const auto root = disk.open(0);
  if (root) {
    if (auto mapped = (*root)->map_page(in_store("control"), kControlPageBytes); mapped) {
      const std::optional<LogMark> durable = ControlPage(std::move(*mapped)).durable();
      if (durable && durable->position() > Position{last.segment, last.offset}) {
        return "control page";
      }
    }
  }
  if (picture.applied > Position{last.segment, last.offset}) return "database";
  const bool in_commit =
      last.seq != 0 && !picture.commits.empty() && picture.commits.back().last_seq >= last.seq;
  return in_commit ? "store's ref" : "";
}

}  // namespace

RotReport rot_after_acknowledgement(const DiskImage& image, const SimulatedClock& clock,
                                    const std::vector<Told>& told,
                                    const std::set<uint64_t>& certain, SimulatedRandom& random) {
  RotReport report;
  const Picture picture = look_at(image, kRoot, /*thorough=*/false);
  if (!picture.last_frame || !picture.faults.empty()) return report;
  const Picture::LastFrame& last = *picture.last_frame;
  const bool acknowledged = std::ranges::any_of(
      told, [&](const Told& each) { return each.acknowledged && each.seq == last.seq; });
  const std::string claim = claim_on(image, picture);
  if (last.seq != 0 && certain.contains(last.seq) && claim.empty()) {
    report.faults.push_back(
        fmt::format("record {} was acknowledged, and nothing claims it", last.seq));
  }
  if (claim.empty() && !acknowledged) return report;

  report.tried = 1;
  DiskImage rotten(image);
  const uint64_t bit = last.offset * 8 + random.below((last.end - last.offset) * 8);
  rotten.flip_bit(in_store(std::string(kJournalFolder) + "/" + segment_name(last.segment)), bit);
  std::optional<Error> refusal;
  World world(rotten, clock, random.next_u64(), {});
  world.start("R", [&](World::Actor& actor) {
    const auto store = Store::open(kRoot, {.platform = &actor.platform()});
    if (!store) refusal = store.error();
  });
  world.run();
  if (!refusal) {
    ++report.unclaimed;
    if (!claim.empty()) {
      report.faults.push_back(
          fmt::format("rot in segment {} offset {} (bit {}) was cut as a torn tail, though the {} "
                      "knows that it was durable",
                      last.segment, last.offset, bit, claim));
    }
    return report;
  }
  const std::string place = fmt::format("segment {} offset {}", last.segment, last.offset);
  if (refusal->code != Code::kCorrupt || refusal->message.find(place) == std::string::npos) {
    report.faults.push_back(fmt::format("rot in {} is told as: {}", place, refusal->message));
  }
  ++report.refused;
  return report;
}

}  // namespace syncline::simulation
