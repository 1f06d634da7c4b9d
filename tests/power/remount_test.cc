// A store is bound to its file system, not to the device it happens to be attached as.
#include <gtest/gtest.h>

#include "tests/e2e/store_under_test.h"
#include "tests/power/loop_image.h"

namespace syncline {
namespace {

void remount_on_another_device(const std::string& type) {
  if (const std::string reason = enter_private_mounts(); !reason.empty()) GTEST_SKIP() << reason;
  if (!program_exists("mkfs." + type)) GTEST_SKIP() << "mkfs." << type << " is not installed";
  const TemporaryDirectory directory;
  make_file_system(type, directory / "image");
  LoopImage image(directory / "image", type, directory / "mounted");
  image.mount();
  const StoreUnderTest store("notes", directory / "mounted/store");
  store.json({"record", "note", "--title", "before"});
  const std::string device_before = image.device();
  image.unmount();

  // Another image takes the device that ours had, as disks do that are found in another order.
  make_file_system("ext4", directory / "other");
  LoopImage other(directory / "other", "ext4", directory / "other-mounted");
  other.mount();
  image.mount();
  if (image.device() == device_before) GTEST_SKIP() << "got the same device again";
  store.json({"record", "note", "--title", "after"});
  store.json({"sync"});
  expect_agreement(store, 2);
  image.unmount();
  other.unmount();
}

TEST(Remount, Ext4OnAnotherDeviceIsTheSameStore) {
  remount_on_another_device("ext4");
}
TEST(Remount, XfsOnAnotherDeviceIsTheSameStore) {
  remount_on_another_device("xfs");
}

}  // namespace
}  // namespace syncline
