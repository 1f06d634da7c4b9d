#include "sync/git/redundant_packs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "journal/base/try.h"
#include "sync/git/git_paths.h"
#include "sync/git/pack_index.h"

namespace syncline {
namespace {

constexpr std::array<std::string_view, 4> kReasonsToStay = {".keep", ".promisor", ".bitmap",
                                                            ".mtimes"};
// A pack that is not redundant shows it by its first names.
constexpr uint32_t kFirstNames = 16;
constexpr uint32_t kNamesAtOnce = 4096;

struct Pack {
  PackIndex index;
  bool may_go = false;
  bool relied_on = false;
};

bool contains(const std::vector<std::string>& sorted, const std::string& name) {
  return std::ranges::binary_search(sorted, name);
}

// Those that can be read, the largest first. `names`: what the directory holds, sorted.
Result<std::vector<Pack>> open_packs(Directory& common_dir, const std::vector<std::string>& names) {
  std::vector<Pack> packs;
  for (const std::string& name : names) {
    if (!name.ends_with(".idx")) continue;
    const std::string stem = name.substr(0, name.size() - 4);
    Result<PackIndex> index =
        PackIndex::open(common_dir, fmt::format("{}/{}", kPackDirectory, stem));
    if (!index) {
      const Code code = index.error().code;
      if (code == Code::kUnsupported || code == Code::kNotFound) continue;
      return std::move(index).error();
    }
    const bool may_go = std::ranges::none_of(kReasonsToStay, [&](std::string_view reason) {
      return contains(names, stem + std::string(reason));
    });
    packs.push_back({.index = std::move(*index), .may_go = may_go});
  }
  std::ranges::sort(packs, [](const Pack& a, const Pack& b) {
    return std::tuple(b.index.count(), a.index.base()) <
           std::tuple(a.index.count(), b.index.base());
  });
  return packs;
}

// Whether every object of `pack` is in `larger`; those that it takes for this are marked.
Result<bool> is_redundant(const PackIndex& pack, std::vector<Pack>& larger) {
  std::vector<size_t> used;
  uint32_t at = 0;
  while (at < pack.count()) {
    TRY_ASSIGN(std::vector<ObjectId> left, pack.names(at, at == 0 ? kFirstNames : kNamesAtOnce));
    at += static_cast<uint32_t>(left.size());
    // The nearest in size first: the pack just made is one of these.
    for (size_t i = larger.size(); i-- > 0 && !left.empty();) {
      TRY_ASSIGN(const bool any, larger[i].index.strike_out(left));
      if (any) used.push_back(i);
    }
    if (!left.empty()) return false;
  }
  for (const size_t i : used) larger[i].relied_on = true;
  return true;
}

}  // namespace

Status remove_redundant_packs(Directory& common_dir) {
  TRY_ASSIGN(const std::vector<std::string> names, common_dir.list(kPackDirectory));
  // A chain of several: of a newer git, whose order of removal is not known here.
  if (contains(names, "multi-pack-index.d")) return {};
  TRY_ASSIGN(std::vector<Pack> packs, open_packs(common_dir, names));
  std::vector<Pack> staying;
  std::vector<std::string> going;
  for (Pack& pack : packs) {
    bool redundant = false;
    if (pack.may_go) {
      TRY_ASSIGN(redundant, is_redundant(pack.index, staying));
    }
    if (redundant) {
      going.push_back(pack.index.base());
    } else {
      staying.push_back(std::move(pack));
    }
  }
  if (going.empty()) return {};

  for (const Pack& pack : staying) {
    if (pack.relied_on) TRY(pack.index.make_durable());
  }
  TRY(common_dir.sync_directory(kPackDirectory));
  if (contains(names, "multi-pack-index")) {
    TRY(remove_if_there(common_dir, fmt::format("{}/multi-pack-index", kPackDirectory)));
    TRY(common_dir.sync_directory(kPackDirectory));
  }
  for (const std::string& base : going) {
    for (const char* const part : {".pack", ".idx", ".rev"}) {
      TRY(remove_if_there(common_dir, base + part));
    }
  }
  return common_dir.sync_directory(kPackDirectory);
}

}  // namespace syncline
