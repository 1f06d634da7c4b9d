#include "journal/os/ring.h"

#include <cstdlib>
#include <cstring>

namespace syncline {
namespace {

class PlainRing final : public Ring {
 public:
  Status write(File& file, uint64_t offset, ByteSpan from) override {
    return file.write_at(offset, from);
  }
  std::string_view name() const override { return "pwrite"; }
};

}  // namespace

std::unique_ptr<Ring> make_plain_ring() {
  return std::make_unique<PlainRing>();
}

bool uring_is_wanted() {
  const char* const asked = std::getenv("SYNCLINE_IO");
  return asked == nullptr || std::strcmp(asked, "pwrite") != 0;
}

std::unique_ptr<Ring> make_best_ring() {
  if (uring_is_wanted()) {
    auto ring = make_uring();
    if (ring) return std::move(*ring);
  }
  return make_plain_ring();
}

}  // namespace syncline
