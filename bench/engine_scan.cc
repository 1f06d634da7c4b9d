// bench_engine scan --dir DIR --megabytes N [--bytes B]
//
// Makes a journal of that size unless there is one, takes it out of the page cache
// (posix_fadvise DONTNEED, after everything is on the disk), and reads it from its first frame to
// its last, checking each as recovery does.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "bench/engine.h"
#include "journal/log/journal.h"
#include "journal/log/reader.h"

namespace syncline {
namespace {

std::unique_ptr<Journal> open_journal(Directory& directory) {
  return must(Journal::open(directory, StoreId{}, system_clock(), make_best_ring(), {}));
}

void fill(Directory& directory, uint64_t bytes, size_t record_bytes) {
  must(Journal::create(directory, StoreId{}, system_clock(), {}));
  const std::unique_ptr<Journal> journal = open_journal(directory);
  const ByteVector payload(record_bytes, std::byte{'x'});
  const NewFrame frame{.operation = Operation::kCreate,
                       .id = 1,
                       .payload = payload,
                       .payload_hash = hash_payload(payload)};
  const std::vector<NewFrame> group(std::max<uint64_t>(1, (1u << 20) / record_bytes), frame);
  for (uint64_t written = 0; written < bytes; written += group.size() * record_bytes) {
    AppendTurn turn = must(journal->begin_append());
    must(turn.append(group));
  }
  must(journal->flush_all());
}

void forget_pages(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const int file = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    require(file >= 0, "cannot open a segment");
    require(fdatasync(file) == 0 && posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0,
            "cannot take a segment out of the page cache");
    close(file);
  }
}

}  // namespace

void measure_scan(const Arguments& arguments, Report& report) {
  const std::string path = arguments.text("dir");
  const size_t record_bytes = arguments.number("bytes", 1024);
  const std::unique_ptr<Directory> directory = must(open_posix_directory(path));
  if (!std::filesystem::exists(path + "/journal")) {
    fill(*directory, arguments.number("megabytes", 256) << 20, record_bytes);
  }
  const std::unique_ptr<Journal> journal = open_journal(*directory);
  const Mark limit = journal->durable();
  forget_pages(path + "/journal");

  const int64_t start_ns = now_ns();
  const std::unique_ptr<Reader> reader =
      must(Reader::open(*directory, StoreId{}, Mark{}, Reading::kThrough));
  uint64_t frames = 0, bytes = 0;
  while (const auto frame = must(reader->next(limit))) {
    ++frames;
    bytes += frame->frame_bytes;
  }
  const double seconds = seconds_since(start_ns);
  require(frames == limit.seq, "the scan did not find every record");
  report.add("records", static_cast<double>(limit.seq));
  report.add("megabytes_per_second", static_cast<double>(bytes) / seconds / 1e6);
  report.add("rate", static_cast<double>(limit.seq) / seconds);
}

}  // namespace syncline
