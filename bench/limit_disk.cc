// append --dir DIR --target raw|flock [what load.h takes]
//   raw    O_DIRECT pwrite + fdatasync into a file that was written before; each producer for
//   itself
//          in its own part of the file, with no checksum and no order between them
//   flock  flock + pwrite + fdatasync at the end of one file: what a script's author would write
// sequential --dir DIR --megabytes N: O_DIRECT writes of 4 MiB over written blocks, one fdatasync
// read --dir DIR: every file in it by io_uring, O_DIRECT, two reads of 4 MiB in flight, none looked
// at
#include <fcntl.h>
#include <liburing.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "bench/limit.h"

namespace syncline {
namespace {

constexpr size_t kBlock = 4096;
constexpr size_t kLarge = 4u << 20;
constexpr size_t kPart = 256u << 10;

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : descriptor_(open(path.c_str(), flags, 0600)) {
    if (descriptor_ < 0) stop_benchmark("cannot open " + path + ": " + std::strerror(errno));
  }
  ~Descriptor() { close(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }
  void write_at(const void* data, size_t bytes, uint64_t offset) const {
    require(
        pwrite(descriptor_, data, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes),
        "pwrite");
  }
  void sync() const { require(fdatasync(descriptor_) == 0, "fdatasync"); }

 private:
  int descriptor_;
};

// Aligned as O_DIRECT wants it.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : bytes_((bytes + kBlock - 1) / kBlock * kBlock) {
    data_.reset(static_cast<char*>(std::aligned_alloc(kBlock, bytes_)));
    std::memset(data_.get(), 'x', bytes_);
  }
  char* data() const { return data_.get(); }
  size_t size() const { return bytes_; }

 private:
  struct Free {
    void operator()(char* data) const { std::free(data); }
  };
  size_t bytes_;
  std::unique_ptr<char, Free> data_;
};

class RawClient final : public Client {
 public:
  RawClient(const Descriptor& file, size_t bytes, uint64_t base, uint64_t part_bytes)
      : file_(file), block_(bytes), base_(base), part_bytes_(part_bytes) {}
  void write(std::span<const std::string> records, uint64_t) override {
    size_t used = 0;
    for (const std::string& record : records) {
      std::memcpy(block_.data() + used, record.data(), record.size());
      used += record.size();
    }
    file_.write_at(block_.data(), block_.size(), base_ + offset_);
    file_.sync();
    offset_ = (offset_ + block_.size()) % part_bytes_;
  }

 private:
  const Descriptor& file_;
  Buffer block_;
  uint64_t base_, part_bytes_, offset_ = 0;
};

class FlockClient final : public Client {
 public:
  explicit FlockClient(const std::string& path) : file_(path, O_RDWR | O_CREAT | O_CLOEXEC) {}
  void write(std::span<const std::string> records, uint64_t) override {
    require(flock(file_.get(), LOCK_EX) == 0, "flock");
    struct stat status{};
    require(fstat(file_.get(), &status) == 0, "fstat");
    auto end = static_cast<uint64_t>(status.st_size);
    for (const std::string& record : records) {
      file_.write_at(record.data(), record.size(), end);
      end += record.size();
    }
    file_.sync();
    require(flock(file_.get(), LOCK_UN) == 0, "flock");
  }

 private:
  Descriptor file_;
};

struct Read {
  int file;
  uint64_t offset;
};

std::vector<Read> reads_of(const std::string& directory,
                           std::vector<std::unique_ptr<Descriptor>>& files, uint64_t& bytes) {
  std::vector<Read> reads;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    files.push_back(
        std::make_unique<Descriptor>(entry.path().string(), O_RDONLY | O_CLOEXEC | O_DIRECT));
    bytes += entry.file_size();
    for (uint64_t offset = 0; offset < entry.file_size(); offset += kLarge) {
      reads.push_back({files.back()->get(), offset});
    }
  }
  return reads;
}

}  // namespace

void limit_append(const Arguments& arguments, Report& report) {
  const Load load(arguments);
  const std::string path = arguments.text("dir") + "/limit";
  if (arguments.text("target") == "flock") {
    run_load(load, [&](int) { return std::make_unique<FlockClient>(path); }, report);
    return;
  }
  const Descriptor file(path, O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT);
  const size_t bytes = load.bytes * static_cast<size_t>(load.batch);
  const size_t block = (bytes + kBlock - 1) / kBlock * kBlock;
  // Room for at least 16 writes of each producer, which then begins anew.
  const uint64_t part = block * std::max<uint64_t>(16, kPart / block);
  const Buffer filling(part);
  for (int producer = 0; producer < load.producers; ++producer) {
    file.write_at(filling.data(), part, part * static_cast<uint64_t>(producer));
  }
  file.sync();
  run_load(
      load,
      [&](int producer) {
        return std::make_unique<RawClient>(file, bytes, part * static_cast<uint64_t>(producer),
                                           part);
      },
      report);
}

void limit_sequential(const Arguments& arguments, Report& report) {
  const Descriptor file(arguments.text("dir") + "/limit", O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT);
  const uint64_t bytes = arguments.number("megabytes", 256) << 20;
  const Buffer buffer(kLarge);
  const auto write_all = [&] {
    for (uint64_t at = 0; at < bytes; at += kLarge) file.write_at(buffer.data(), kLarge, at);
    file.sync();
  };
  write_all();
  const int64_t start_ns = now_ns();
  write_all();
  report.add("megabytes_per_second", static_cast<double>(bytes) / seconds_since(start_ns) / 1e6);
}

void limit_read(const Arguments& arguments, Report& report) {
  std::vector<std::unique_ptr<Descriptor>> files;
  uint64_t bytes = 0;
  const std::vector<Read> reads = reads_of(arguments.text("dir"), files, bytes);
  io_uring ring{};
  if (io_uring_queue_init(4, &ring, 0) != 0) stop_benchmark("io_uring is refused here");
  const Buffer buffers[2] = {Buffer(kLarge), Buffer(kLarge)};
  const int64_t start_ns = now_ns();
  size_t next = 0, done = 0;
  const auto start_read = [&](uint64_t slot) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_read(entry, reads[next].file, buffers[slot].data(), kLarge, reads[next].offset);
    io_uring_sqe_set_data64(entry, slot);
    require(io_uring_submit(&ring) == 1, "io_uring_submit");
    ++next;
  };
  for (uint64_t slot = 0; slot < 2 && next < reads.size(); ++slot) start_read(slot);
  for (; done < reads.size(); ++done) {
    io_uring_cqe* completed = nullptr;
    require(io_uring_wait_cqe(&ring, &completed) == 0 && completed->res >= 0, "a read failed");
    const uint64_t slot = io_uring_cqe_get_data64(completed);
    io_uring_cqe_seen(&ring, completed);
    if (next < reads.size()) start_read(slot);
  }
  report.add("megabytes_per_second", static_cast<double>(bytes) / seconds_since(start_ns) / 1e6);
  io_uring_queue_exit(&ring);
}

}  // namespace syncline
