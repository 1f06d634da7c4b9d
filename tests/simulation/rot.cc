#include "tests/simulation/rot.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "journal/base/layout.h"
#include "journal/log/control_page.h"
#include "journal/log/segment.h"
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
      const std::optional<EpochMark> durable = ControlPage(std::move(*mapped)).durable();
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

// A bit of the frame, its payload, or all of it. Answers which.
std::string spoil(DiskImage& image, const std::string& segment, const Picture::LastFrame& last,
                  SimulatedRandom& random) {
  if (random.coin()) {
    const uint64_t bit = last.offset * 8 + random.below((last.end - last.offset) * 8);
    image.flip_bit(segment, bit);
    return fmt::format("a flipped bit ({})", bit);
  }
  const bool all = random.coin();
  ByteVector bytes = image.bytes(segment);
  const uint64_t from = last.offset + (all ? 0 : kFrameHeaderBytes);
  for (uint64_t at = from; at < last.end; ++at) {
    bytes[at] = all ? std::byte{0} : static_cast<std::byte>(random.next_u64());
  }
  image.set_bytes(segment, bytes);
  return all ? "a frame of zeros" : "a payload of noise";
}

// What repair makes of it: all is put back, and then everything holds as if nothing had happened;
// or it is said what is left, and nothing has changed.
void salvage(const DiskImage& image, const SimulatedClock& clock, Ledger ledger,
             const std::string& damage, SimulatedRandom& random, RotReport& report) {
  std::optional<Result<RepairReport>> salvaged;
  World world(image, clock, random.next_u64(), {});
  world.start("S", [&](World::Actor& actor) {
    salvaged = Store::salvage(kRoot, /*dry_run=*/false, &actor.platform());
    if (!*salvaged || !(*salvaged)->left.empty()) return;
    Client client(actor.platform(), kRoot, ledger, actor);
    if (!client.open()) return;
    client.sync();
    client.verify();
    client.close();
  });
  world.run();
  if (!*salvaged) {
    report.faults.push_back(
        fmt::format("{}: salvage answers: {}", damage, salvaged->error().message));
    return;
  }
  if (!(*salvaged)->left.empty()) return;
  ++report.salvaged;
  for (const auto& faults :
       {ledger.faults, judge(look_at(world.machine().disk.image()), ledger.told())}) {
    for (const std::string& fault : faults) {
      report.faults.push_back(fmt::format("after the salvage of {}: {}", damage, fault));
    }
  }
}

}  // namespace

RotReport rot_after_acknowledgement(const DiskImage& image, const SimulatedClock& clock,
                                    const Ledger& ledger, const std::set<uint64_t>& certain,
                                    SimulatedRandom& random) {
  RotReport report;
  const std::vector<Told> told = ledger.told();
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
  const std::string segment =
      in_store(std::string(kJournalDirectory) + "/" + segment_name(last.segment));
  DiskImage rotten(image);
  const std::string damage = spoil(rotten, segment, last, random);
  const std::string place = fmt::format("segment {} offset {}", last.segment, last.offset);
  std::optional<Error> refusal;
  World world(rotten, clock, random.next_u64(), {});
  world.start("R", [&](World::Actor& actor) {
    const auto store = Store::open(kRoot, {.platform = &actor.platform()});
    if (!store) {
      refusal = store.error();
      return;
    }
    // What was carried over into a new segment was durable before that had a name, and is looked at
    // when it is read.
    const Status read = (*store)->log(1, /*follow=*/false, [](const LogEntry&) { return true; });
    if (!read) refusal = read.error();
  });
  world.run();
  if (!refusal) {
    ++report.unclaimed;
    if (!claim.empty()) {
      report.faults.push_back(
          fmt::format("{} in {} was cut as a torn tail, though the {} knows that it was durable",
                      damage, place, claim));
    }
    return report;
  }
  if (refusal->code != Code::kCorrupt || refusal->message.find(place) == std::string::npos) {
    report.faults.push_back(
        fmt::format("{} in {} is told as: {}", damage, place, refusal->message));
  }
  ++report.refused;
  salvage(world.machine().disk.image(), world.machine().clock, ledger, damage, random, report);
  return report;
}

}  // namespace syncline::simulation
