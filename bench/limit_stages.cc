// files --dir DIR --records N [--bytes B]: a bare loop of open(O_CREAT|O_EXCL), write and close in
//   directories of a thousand; nothing is synced
// rows --dir DIR --records N [--bytes B]: rows with no durability at all: no journal, no sync,
// pages
//   of 16 KiB, a thousand a transaction
// pack --dir DIR --records N [--bytes B]: SHA-1, deflate at level 1 and a pack file for each
//   thousand blobs, with three syncs: what a commit that survives a power cut costs at least
#include <fcntl.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "bench/limit.h"

namespace syncline {
namespace {

constexpr uint64_t kThousand = 1000;

std::string body_of(uint64_t number, size_t bytes) {
  std::string body = std::to_string(number) + " ";
  while (body.size() < bytes) body += "the quick brown fox jumps over the lazy dog\n";
  body.resize(bytes);
  return body;
}

void report_rate(Report& report, uint64_t records, int64_t start_ns) {
  const double seconds = seconds_since(start_ns);
  report.add("seconds", seconds);
  report.add("rate", static_cast<double>(records) / seconds);
}

void write_all(int file, std::string_view bytes) {
  require(write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
}

class Packer {
 public:
  Packer() : compressor_(libdeflate_alloc_compressor(1)) {
    require(compressor_ != nullptr, "libdeflate");
  }
  ~Packer() { libdeflate_free_compressor(compressor_); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  void add(const std::string& body) {
    const std::string object = "blob " + std::to_string(body.size()) + '\0' + body;
    std::array<unsigned char, EVP_MAX_MD_SIZE> id{};
    unsigned length = 0;
    require(EVP_Digest(object.data(), object.size(), id.data(), &length, EVP_sha1(), nullptr) == 1,
            "SHA-1");
    const size_t bound = libdeflate_zlib_compress_bound(compressor_, body.size());
    const size_t start = pack_.size();
    pack_.resize(start + 2 + bound);
    const size_t bytes = libdeflate_zlib_compress(compressor_, body.data(), body.size(),
                                                  pack_.data() + start + 2, bound);
    require(bytes > 0, "deflate");
    pack_.resize(start + 2 + bytes);
    index_.append(reinterpret_cast<const char*>(id.data()), length);
  }

  void write(const std::string& directory, uint64_t number) {
    const std::string name = directory + "/pack-" + std::to_string(number);
    write_file(name + ".pack", pack_);
    write_file(name + ".idx", index_);
    write_file(directory + "/ref", index_.substr(0, 20));
    pack_.clear();
    index_.clear();
  }

 private:
  static void write_file(const std::string& path, const std::string& bytes) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(file >= 0, "cannot make a file");
    write_all(file, bytes);
    require(fdatasync(file) == 0, "fdatasync");
    close(file);
  }

  libdeflate_compressor* compressor_;
  std::string pack_, index_;
};

}  // namespace

void limit_files(const Arguments& arguments, Report& report) {
  const std::string directory = arguments.text("dir");
  const uint64_t records = arguments.number("records", 10'000);
  const std::string body = body_of(0, arguments.number("bytes", 1024));
  const int64_t start_ns = now_ns();
  std::string folder;
  for (uint64_t number = 0; number < records; ++number) {
    if (number % kThousand == 0) {
      folder = directory + "/" + std::to_string(number / kThousand);
      require(mkdir(folder.c_str(), 0700) == 0, "mkdir");
    }
    const std::string path = folder + "/" + std::to_string(number);
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    require(file >= 0, "cannot make a file");
    write_all(file, body);
    close(file);
  }
  report_rate(report, records, start_ns);
}

void limit_rows(const Arguments& arguments, Report& report) {
  const uint64_t records = arguments.number("records", 10'000);
  const size_t bytes = arguments.number("bytes", 1024);
  sqlite3* database = nullptr;
  require(sqlite3_open((arguments.text("dir") + "/limit.db").c_str(), &database) == SQLITE_OK,
          "sqlite3_open");
  const auto run = [&](const char* sql) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      stop_benchmark(sqlite3_errmsg(database));
    }
  };
  run("PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
      "CREATE TABLE lines(id INTEGER PRIMARY KEY, title TEXT, body TEXT)");
  sqlite3_stmt* insert = nullptr;
  require(sqlite3_prepare_v2(database, "INSERT INTO lines VALUES(?1, ?2, ?3)", -1, &insert,
                             nullptr) == SQLITE_OK,
          "prepare");
  const std::string body = body_of(0, bytes);
  const int64_t start_ns = now_ns();
  for (uint64_t number = 0; number < records; ++number) {
    if (number % kThousand == 0) run(number == 0 ? "BEGIN" : "COMMIT; BEGIN");
    const std::string title = "note " + std::to_string(number);
    sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(number) + 1);
    sqlite3_bind_text(insert, 2, title.data(), static_cast<int>(title.size()), SQLITE_STATIC);
    sqlite3_bind_text(insert, 3, body.data(), static_cast<int>(body.size()), SQLITE_STATIC);
    require(sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK, "insert");
  }
  run("COMMIT");
  report_rate(report, records, start_ns);
  sqlite3_finalize(insert);
  sqlite3_close(database);
}

void limit_pack(const Arguments& arguments, Report& report) {
  const std::string directory = arguments.text("dir");
  const uint64_t records = arguments.number("records", 10'000);
  const size_t bytes = arguments.number("bytes", 1024);
  Packer packer;
  const int64_t start_ns = now_ns();
  for (uint64_t number = 1; number <= records; ++number) {
    packer.add(body_of(number, bytes));
    if (number % kThousand == 0 || number == records) packer.write(directory, number);
  }
  report_rate(report, records, start_ns);
}

}  // namespace syncline
