#include "tests/power/loop_image.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "tests/power/throw_errno.h"
#include "tests/support/subprocess.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

// From the kernel's ext4 and xfs headers, which are not installed: both use the same number.
constexpr unsigned long kShutdown = _IOR('X', 125, uint32_t);
constexpr uint32_t kShutdownWithoutLogFlush = 2;

constexpr int kUnmountTriesMax = 2000;

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : descriptor_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0) throw_errno("open " + path.string());
  }
  ~Descriptor() { close(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

void run(const std::vector<std::string>& arguments) {
  const ProcessResult result = run_process(arguments);
  if (!result.ok()) throw std::runtime_error(arguments[0] + ": " + result.describe());
}

void copy_extent(int from, int to, off_t begin, off_t end) {
  constexpr size_t kChunk = 1 << 16;
  std::vector<char> buffer(kChunk);
  const std::vector<char> zeros(kChunk);
  for (off_t at = begin; at < end;) {
    const size_t wanted = std::min<size_t>(kChunk, static_cast<size_t>(end - at));
    const ssize_t got = pread(from, buffer.data(), wanted, at);
    if (got <= 0) throw_errno("read of an image");
    const auto count = static_cast<size_t>(got);
    const bool nothing = std::memcmp(buffer.data(), zeros.data(), count) == 0;
    if (!nothing && pwrite(to, buffer.data(), count, at) != got) throw_errno("write of an image");
    at += got;
  }
}

}  // namespace

std::string enter_private_mounts() {
  if (geteuid() != 0) return "needs root to mount images";
  if (unshare(CLONE_NEWNS) != 0) {
    return std::string("cannot have mounts of its own: ") + std::strerror(errno);
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return std::string("cannot make mounts private: ") + std::strerror(errno);
  }
  if (access("/dev/loop-control", R_OK | W_OK) != 0) return "has no loop devices";
  return {};
}

void make_file_system(const std::string& type, const fs::path& file) {
  const bool ext4 = type == "ext4";
  run({"truncate", "-s", ext4 ? "64M" : "300M", file.string()});
  // Everything is written now, so that no background thread of ext4 adds writes to later workloads.
  if (!ext4) {
    run({"mkfs." + type, "-q", "-K", file.string()});
  } else {
    run({"mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard",
         file.string()});
  }
}

void copy_image(const fs::path& from, const fs::path& to) {
  const Descriptor source(from, O_RDONLY);
  const Descriptor target(to, O_RDWR | O_CREAT | O_TRUNC);
  struct stat info{};
  if (fstat(source.get(), &info) != 0) throw_errno("stat of an image");
  if (ftruncate(target.get(), info.st_size) != 0) throw_errno("size of an image");
  off_t begin = 0;
  while ((begin = lseek(source.get(), begin, SEEK_DATA)) >= 0) {
    const off_t end = lseek(source.get(), begin, SEEK_HOLE);
    if (end < 0) throw_errno("hole of an image");
    copy_extent(source.get(), target.get(), begin, end);
    begin = end;
  }
  if (errno != ENXIO) throw_errno("data of an image");
}

LoopImage::LoopImage(fs::path file, std::string type, fs::path point)
    : file_(std::move(file)), type_(std::move(type)), point_(std::move(point)) {
  fs::create_directories(point_);
}

LoopImage::~LoopImage() {
  if (root_ >= 0) close(root_);
  // A test that failed may leave it mounted; the namespace's end would do the same later.
  umount2(point_.c_str(), MNT_DETACH);
  if (loop_ >= 0) close(loop_);
}

void LoopImage::attach() {
  const Descriptor control("/dev/loop-control", O_RDWR);
  const Descriptor backing(file_, O_RDWR);
  loop_config config{};
  config.fd = static_cast<uint32_t>(backing.get());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  while (true) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) throw_errno("a free loop device");
    device_ = "/dev/loop" + std::to_string(number);
    loop_ = open(device_.c_str(), O_RDWR | O_CLOEXEC);
    if (loop_ < 0) throw_errno("open " + device_);
    if (ioctl(loop_, LOOP_CONFIGURE, &config) == 0) return;
    // Another test was given the same device and was quicker.
    if (errno != EBUSY) throw_errno("loop device " + device_);
    close(loop_);
  }
}

void LoopImage::mount() {
  attach();
  const char* options = type_ == "xfs" ? "nouuid" : "";
  if (::mount(device_.c_str(), point_.c_str(), type_.c_str(), 0, options) != 0) {
    throw_errno("mount of " + file_.string());
  }
  root_ = open(point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root_ < 0) throw_errno("open " + point_.string());
  // From here on the mount alone holds the device.
  close(loop_);
  loop_ = -1;
}

void LoopImage::cut() {
  uint32_t how = kShutdownWithoutLogFlush;
  if (ioctl(root_, kShutdown, &how) != 0) throw_errno("shutdown of " + point_.string());
}

void LoopImage::unmount() {
  close(root_);
  root_ = -1;
  // The kernel frees a dead process's ring in its own time and tells nobody when it has.
  for (int attempt = 0; umount2(point_.c_str(), 0) != 0; ++attempt) {
    if (errno != EBUSY || attempt == kUnmountTriesMax) throw_errno("unmount of " + point_.string());
    poll(nullptr, 0, 1);
  }
}

}  // namespace syncline
