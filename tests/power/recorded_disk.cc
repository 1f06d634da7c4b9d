#include "tests/power/recorded_disk.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "tests/power/loop_image.h"
#include "tests/power/throw_errno.h"

namespace syncline {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kDiskNode = 2;
constexpr uint32_t kWriteBytesMax = 1 << 17;
constexpr uint64_t kSectorBytes = 512;

}  // namespace

// The file system of one file, in the kernel's own protocol. One thread: requests are answered in
// the order in which they are recorded.
class RecordedDisk::Server {
 public:
  Server(int fuse, int image, int log, Shared& shared)
      : fuse_(fuse), image_(image), log_(log), shared_(shared) {
    struct stat info{};
    if (fstat(image_, &info) == 0) size_ = static_cast<uint64_t>(info.st_size);
  }

  int run() {
    std::vector<char> buffer(kWriteBytesMax + 65'536);
    while (true) {
      const ssize_t got = read(fuse_, buffer.data(), buffer.size());
      if (got < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
      if (got < 0) return errno == ENODEV ? 0 : 1;  // unmounted
      fuse_in_header header{};
      std::memcpy(&header, buffer.data(), sizeof header);
      if (!serve(header, buffer.data() + sizeof header)) return 1;
    }
  }

 private:
  bool reply(const fuse_in_header& to, int error, const void* data = nullptr, size_t length = 0) {
    fuse_out_header header{};
    header.unique = to.unique;
    header.error = -error;
    header.len = static_cast<uint32_t>(sizeof header + length);
    const iovec parts[] = {{&header, sizeof header}, {const_cast<void*>(data), length}};
    return writev(fuse_, parts, length == 0 ? 1 : 2) >= 0 || errno == ENOENT;
  }
  template <typename Answer>
  bool answer(const fuse_in_header& to, const Answer& data) {
    return reply(to, 0, &data, sizeof data);
  }
  template <typename Body>
  static Body body_of(const char* data) {
    Body body{};
    std::memcpy(&body, data, sizeof body);
    return body;
  }

  fuse_attr attributes(uint64_t node) const {
    fuse_attr attr{};
    attr.ino = node;
    attr.nlink = 1;
    attr.mode = node == kDiskNode ? S_IFREG | 0600 : S_IFDIR | 0700;
    attr.size = node == kDiskNode ? size_ : 0;
    attr.blocks = attr.size / kSectorBytes;
    attr.blksize = 4096;
    return attr;
  }

  bool serve(const fuse_in_header& header, const char* body) {
    switch (header.opcode) {
      case FUSE_INIT:
        return greet(header, body);
      case FUSE_LOOKUP:
        return look_up(header, body);
      case FUSE_GETATTR:
      case FUSE_SETATTR: {
        fuse_attr_out out{};
        out.attr = attributes(header.nodeid);
        return answer(header, out);
      }
      case FUSE_OPEN:
      case FUSE_OPENDIR:
        return answer(header, fuse_open_out{});
      case FUSE_READ:
        return read_disk(header, body_of<fuse_read_in>(body));
      case FUSE_WRITE:
        return write_disk(header, body_of<fuse_write_in>(body), body + sizeof(fuse_write_in));
      case FUSE_FSYNC:
        if (refuses()) return reply(header, EIO);
        return note({}, nullptr) && reply(header, 0);
      case FUSE_FLUSH:
      case FUSE_RELEASE:
      case FUSE_RELEASEDIR:
        return reply(header, 0);
      case FUSE_STATFS:
        return answer(header, fuse_statfs_out{});
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return true;  // these have no answer
      case FUSE_DESTROY:
        reply(header, 0);
        return true;
      default:
        return reply(header, ENOSYS);
    }
  }

  bool greet(const fuse_in_header& header, const char* body) {
    const auto in = body_of<fuse_init_in>(body);
    fuse_init_out out{};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = std::min<uint32_t>(in.minor, FUSE_KERNEL_MINOR_VERSION);
    out.max_readahead = in.max_readahead;
    out.flags = FUSE_BIG_WRITES & in.flags;
    out.max_background = 16;
    out.congestion_threshold = 12;
    out.max_write = kWriteBytesMax;
    out.time_gran = 1;
    return answer(header, out);
  }

  bool look_up(const fuse_in_header& header, const char* name) {
    if (std::strcmp(name, "disk") != 0) return reply(header, ENOENT);
    fuse_entry_out out{};
    out.nodeid = kDiskNode;
    out.attr = attributes(kDiskNode);
    out.entry_valid = out.attr_valid = 3600;
    return answer(header, out);
  }

  bool refuses() const { return shared_.events.load() >= shared_.refused_from.load(); }

  bool read_disk(const fuse_in_header& header, const fuse_read_in& in) {
    if (refuses() && shared_.reads_refused.load()) return reply(header, EIO);
    std::vector<char> data(in.size);
    const ssize_t got = pread(image_, data.data(), in.size, static_cast<off_t>(in.offset));
    if (got < 0) return reply(header, errno);
    return reply(header, 0, data.data(), static_cast<size_t>(got));
  }

  bool write_disk(const fuse_in_header& header, const fuse_write_in& in, const char* data) {
    if (refuses()) return reply(header, EIO);
    const ssize_t put = pwrite(image_, data, in.size, static_cast<off_t>(in.offset));
    if (put != static_cast<ssize_t>(in.size)) return reply(header, EIO);
    if (!note(in, data)) return false;
    fuse_write_out out{};
    out.size = in.size;
    return answer(header, out);
  }

  // {offset, length} and the data; a flush has no length.
  bool note(const fuse_write_in& in, const char* data) {
    uint64_t head[2] = {in.offset, in.size};
    const iovec parts[] = {{head, sizeof head}, {const_cast<char*>(data), in.size}};
    const ssize_t length = static_cast<ssize_t>(sizeof head + in.size);
    if (writev(log_, parts, in.size == 0 ? 1 : 2) != length) return false;
    shared_.events.fetch_add(1);
    return true;
  }

  int fuse_;
  int image_;
  int log_;
  Shared& shared_;
  uint64_t size_ = 0;
};

RecordedDisk::RecordedDisk(const fs::path& base, const fs::path& log, const fs::path& point)
    : log_(log), point_(point) {
  fs::create_directories(point_);
  const fs::path live = log_.string() + ".live";
  copy_image(base, live);
  void* const shared =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw_errno("mmap");
  shared_ = new (shared) Shared;
  const int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  const int image = open(live.c_str(), O_RDWR | O_CLOEXEC);
  const int log_file =
      open(log_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (fuse < 0 || image < 0 || log_file < 0) throw_errno("the recorded disk's files");
  const std::string options = "fd=" + std::to_string(fuse) + ",rootmode=40000,user_id=0,group_id=0";
  if (mount("recorded-disk", point_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    throw_errno("mount of the recorded disk");
  }
  server_ = fork();
  if (server_ < 0) throw_errno("fork");
  if (server_ == 0) {
    _exit(Server(fuse, image, log_file, *shared_).run());
  }
  for (const int descriptor : {fuse, image, log_file}) close(descriptor);
}

RecordedDisk::~RecordedDisk() {
  if (server_ > 0) {
    umount2(point_.c_str(), MNT_DETACH);
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
  }
  munmap(shared_, sizeof(Shared));
}

uint64_t RecordedDisk::events() const {
  return shared_->events.load();
}

void RecordedDisk::refuse(uint64_t after, bool reads) {
  shared_->reads_refused.store(reads);
  shared_->refused_from.store(events() + after);
}

void RecordedDisk::accept() {
  shared_->refused_from.store(kNever);
}

void RecordedDisk::stop() {
  if (umount2(point_.c_str(), 0) != 0) throw_errno("unmount of the recorded disk");
  int status = 0;
  waitpid(server_, &status, 0);
  server_ = -1;
  if (status != 0) throw std::runtime_error("the recorded disk's server failed");
}

std::vector<RecordedDisk::Event> RecordedDisk::read_log() const {
  std::vector<Event> events;
  const int log = open(log_.c_str(), O_RDONLY | O_CLOEXEC);
  if (log < 0) throw_errno("open of the block log");
  uint64_t at = 0;
  uint64_t head[2];
  while (pread(log, head, sizeof head, static_cast<off_t>(at)) == ssize_t{sizeof head}) {
    at += sizeof head;
    events.push_back({.offset = head[0], .length = head[1], .data_at = at});
    at += head[1];
  }
  close(log);
  return events;
}

void RecordedDisk::apply_state(const fs::path& image, uint64_t events, Chance& chance) const {
  std::vector<Event> log = read_log();
  log.resize(std::min<size_t>(log.size(), events));
  const auto flush = std::ranges::find(log.rbegin(), log.rend(), 0U, &Event::length);
  const size_t durable = static_cast<size_t>(log.rend() - flush);
  std::vector<Event> kept(log.begin(), log.begin() + static_cast<ptrdiff_t>(durable));
  // Of the rest all, none, or any: a later write without an earlier one is what reordering leaves.
  std::vector<Event> loose(log.begin() + static_cast<ptrdiff_t>(durable), log.end());
  const uint64_t keep_of_eight = chance.below(9);
  std::erase_if(loose, [&](const Event&) { return chance.below(8) >= keep_of_eight; });
  for (Event& event : loose) {
    if (event.length > kSectorBytes && chance.one_in(4)) {
      const uint64_t sectors = chance.between(1, event.length / kSectorBytes - 1);
      event.length = sectors * kSectorBytes;
    }
  }
  kept.insert(kept.end(), loose.begin(), loose.end());
  const int from = open(log_.c_str(), O_RDONLY | O_CLOEXEC);
  const int to = open(image.c_str(), O_WRONLY | O_CLOEXEC);
  if (from < 0 || to < 0) throw_errno("open of a state");
  std::vector<char> data;
  for (const Event& event : kept) {
    data.resize(event.length);
    const auto length = static_cast<ssize_t>(event.length);
    if (pread(from, data.data(), event.length, static_cast<off_t>(event.data_at)) != length ||
        pwrite(to, data.data(), event.length, static_cast<off_t>(event.offset)) != length) {
      throw_errno("copy of a write");
    }
  }
  close(from);
  close(to);
}

}  // namespace syncline
