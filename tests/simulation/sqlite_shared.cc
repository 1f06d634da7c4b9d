#include "tests/simulation/sqlite_shared.h"

#include <algorithm>
#include <utility>

namespace syncline::simulation {

SqliteShared::Image SqliteShared::image() const {
  Image image;
  for (const auto& [inode, node] : nodes_) {
    for (const auto& region : node.regions) image[inode].push_back(*region);
  }
  return image;
}

void SqliteShared::retire(Node& node) {
  retired_.push_back(std::move(node.regions.back()));
  node.regions.pop_back();
}

void SqliteShared::restore(const Image& image) {
  for (auto& [inode, node] : nodes_) {
    const auto was = image.find(inode);
    const size_t count = was == image.end() ? 0 : was->second.size();
    // The connections of others that died still have them mapped.
    while (node.regions.size() > count) retire(node);
    for (size_t i = 0; i < node.regions.size(); ++i) {
      std::ranges::copy(was->second[i], node.regions[i]->begin());
    }
  }
}

}  // namespace syncline::simulation
