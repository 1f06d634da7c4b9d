// A file system of its own in a sparse file, whose power a test can cut.
//
// cut() is the shutdown ioctl of ext4 and XFS (btrfs has none) without a flush of their log: what
// the file system had not yet written is gone as in a power cut, and every call on it fails until
// it is mounted again. It takes away what was not flushed but does not reorder what was already
// written; block_log.h does.
//
// Mounts are made in a mount namespace of the test's own and loop devices clear themselves, so the
// kernel takes both away however the test ends. Nothing here touches the machine's own file
// systems.
#pragma once

#include <filesystem>
#include <string>

namespace syncline {

// Call once, before any thread is started. The reason why images cannot be mounted here, or
// nothing.
std::string enter_private_mounts();

// An empty file system of `type` ("ext4", "xfs", "btrfs") of its least useful size in a new sparse
// file.
void make_file_system(const std::string& type, const std::filesystem::path& file);
// The data of `from` as a sparse file, zeros left out.
void copy_image(const std::filesystem::path& from, const std::filesystem::path& to);

class LoopImage {
 public:
  // `file` holds a file system of `type`; `point` is made where it is not there. Errors throw: the
  // machine is broken then, not the product.
  LoopImage(std::filesystem::path file, std::string type, std::filesystem::path point);
  ~LoopImage();
  LoopImage(const LoopImage&) = delete;
  LoopImage& operator=(const LoopImage&) = delete;

  void mount();
  // The descriptor that cut() needs is opened by mount(); cut() is one call and may run in a thread
  // of its own.
  void cut();
  // Lets go of the device as well: the kernel's cache of it still holds what the cut took away, and
  // a mount that finds it there is damaged as no power cut would. Waits, within reason, until what
  // the killed clients' rings held is let go of.
  void unmount();
  const std::filesystem::path& point() const { return point_; }
  const std::string& device() const { return device_; }  // as it was attached last

 private:
  void attach();

  std::filesystem::path file_;
  std::string type_;
  std::filesystem::path point_;
  std::string device_;
  int loop_ = -1;
  int root_ = -1;
};

}  // namespace syncline
