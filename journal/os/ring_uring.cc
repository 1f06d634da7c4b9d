#include <liburing.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "journal/base/assert.h"
#include "journal/base/block.h"
#include "journal/os/ring.h"

namespace syncline {
namespace {

// One operation is in flight at a time; more would gain nothing at the depth of one group.
constexpr unsigned kRingEntries = 4;
// The length of a submission is 32 bits, and a single write moves less than 2 GiB.
constexpr size_t kSubmissionBytesMax = 1u << 30;
// A kernel that goes on answering "again" is short of something that pwrite may do without.
constexpr unsigned kTriesMax = 16;

// Files without a descriptor (simulation) go by their own methods. So does everything in a child
// of the process that made the ring, since both would share one queue; and everything after the
// kernel refused a submission, since that one must never be found in the queue and run later.
class UringRing final : public Ring {
 public:
  explicit UringRing(const io_uring& ring) : ring_(ring), owner_(getpid()) {}
  ~UringRing() override { close_ring(); }
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  Status write(File& file, uint64_t offset, ByteSpan from) override {
    if (!usable_for(file)) return file.write_at(offset, from);
    size_t done = 0;
    for (unsigned tries = 0; done < from.size();) {
      // A direct write resumes at a block boundary, even if the kernel stopped between two.
      const size_t begin = file.direct() ? done / kBlockBytes * kBlockBytes : done;
      const ByteSpan rest = from.subspan(begin);
      const auto size = static_cast<unsigned>(std::min(rest.size(), kSubmissionBytesMax));
      const std::optional<int> result = run([&](io_uring_sqe* entry) {
        io_uring_prep_write(entry, file.descriptor(), rest.data(), size, offset + begin);
      });
      if (!result || tries >= kTriesMax) return file.write_at(offset + begin, rest);
      if (*result == -EINTR || *result == -EAGAIN) {
        ++tries;
        continue;
      }
      if (*result < 0) return write_failed(-*result);
      const size_t reached = begin + static_cast<size_t>(*result);
      if (reached <= done) return write_failed(EIO);
      done = reached;
    }
    return {};
  }

  std::string_view name() const override { return open_ ? "io_uring" : "pwrite"; }

 private:
  bool usable_for(const File& file) const {
    return open_ && file.descriptor() >= 0 && getpid() == owner_;
  }

  void close_ring() {
    if (open_) io_uring_queue_exit(&ring_);
    open_ = false;
  }

  static Error write_failed(int sys_errno) { return errno_error(sys_errno, "write by io_uring"); }

  // Submits one operation and waits for it. Its result (-errno on failure), or nothing when it
  // could not be submitted; the ring is closed then.
  template <typename Prepare>
  std::optional<int> run(Prepare prepare) {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    SYNCLINE_ASSERT(entry != nullptr);
    prepare(entry);
    const uint64_t ticket = ++last_ticket_;
    entry->user_data = ticket;

    // A negative answer means that the kernel took nothing; after a positive one only the wait can
    // have been cut short.
    int submitted = 0;
    do {
      submitted = io_uring_submit_and_wait(&ring_, 1);
    } while (submitted == -EINTR);
    if (submitted < 1) {
      close_ring();
      return std::nullopt;
    }

    io_uring_cqe* completion = nullptr;
    int waited = 0;
    do {
      waited = io_uring_wait_cqe(&ring_, &completion);
    } while (waited == -EINTR || waited == -EAGAIN);
    // The kernel still holds the caller's buffer: returning would let it write from freed memory.
    SYNCLINE_ASSERT(waited == 0 && completion->user_data == ticket);
    const int result = completion->res;
    io_uring_cqe_seen(&ring_, completion);
    return result;
  }

  io_uring ring_;
  pid_t owner_;
  bool open_ = true;
  uint64_t last_ticket_ = 0;
};

Status check_write(io_uring& ring) {
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  const bool complete = probe != nullptr && io_uring_opcode_supported(probe, IORING_OP_WRITE);
  if (probe != nullptr) io_uring_free_probe(probe);
  if (complete) return {};
  return make_error(Code::kUnsupported, "io_uring of this kernel lacks write",
                    "use SYNCLINE_IO=pwrite");
}

}  // namespace

Result<std::unique_ptr<Ring>> make_uring() {
  io_uring ring;
  const int made = io_uring_queue_init(kRingEntries, &ring, 0);
  if (made < 0) return errno_error(-made, "set up io_uring");
  if (Status complete = check_write(ring); !complete) {
    io_uring_queue_exit(&ring);
    return std::move(complete).error();
  }
  return std::make_unique<UringRing>(ring);
}

}  // namespace syncline
