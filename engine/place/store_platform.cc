#include "engine/place/store_platform.h"

namespace syncline {

StorePlatform& system_store_platform() {
  static StorePlatform platform;
  return platform;
}

}  // namespace syncline
