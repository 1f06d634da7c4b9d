#include "journal/os/file_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "journal/base/block.h"
#include "journal/base/try.h"
#include "journal/os/read_queue.h"
#include "journal/os/whole_file.h"

namespace syncline {

Result<uint64_t> File::links() {
  TRY_ASSIGN(const FileInfo known, info());
  return known.links;
}

std::unique_ptr<ReadQueue> File::read_queue() {
  return nullptr;
}

Status File::reserve(uint64_t from, uint64_t to) {
  return write_zeros(*this, from, to);
}

Status write_zeros(File& file, uint64_t from, uint64_t to) {
  static constexpr uint64_t kChunkBytes = 256u << 10;
  // Never written; not const, so that it takes no room in the program.
  alignas(kBlockBytes) static std::array<std::byte, kChunkBytes> zeros;
  while (from < to) {
    const uint64_t count = std::min(kChunkBytes, to - from);
    TRY(file.write_at(from, {zeros.data(), count}));
    from += count;
  }
  return {};
}

Status Directory::exchange(std::string_view one, std::string_view other) {
  return make_error(Code::kUnsupported,
                    fmt::format("exchange of {} and {} in {}: not known here", one, other, path()));
}

Result<uint64_t> Directory::free_bytes() {
  return make_error(Code::kUnsupported, "the free space of " + path() + " cannot be told");
}

// For a Directory that has no better way: the name is there before its bytes are durable.
Status Directory::create_whole_synced(std::string_view name, ByteSpan content) {
  TRY(create_whole(name, content));
  const Status synced = [&]() -> Status {
    TRY_ASSIGN(const auto file, open_file(name, {.write = true}));
    TRY(file->sync_data());
    return file->close();
  }();
  // The caller is told that the file was not made, so it must not be there; the first error is the
  // one to report.
  if (!synced) static_cast<void>(remove_file(name));
  return synced;
}

namespace {

class FileMadeAtOnce final : public PreparedFile {
 public:
  FileMadeAtOnce(Directory& directory, std::string_view name, ByteSpan content)
      : directory_(directory), name_(name), content_(content.begin(), content.end()) {}
  Status create() override { return directory_.create_whole_synced(name_, content_); }

 private:
  Directory& directory_;
  std::string name_;
  ByteVector content_;
};

}  // namespace

// For a Directory that has no better way: all is done by create().
Result<std::unique_ptr<PreparedFile>> Directory::prepare_whole_synced(std::string_view name,
                                                                      ByteSpan content) {
  return std::make_unique<FileMadeAtOnce>(*this, name, content);
}

namespace {

struct Temporary {
  std::unique_ptr<File> file;
  std::string name;
};

Result<Temporary> create_temporary(Directory& directory, std::string_view name, bool private_mode) {
  const size_t leaf_begin = name.rfind('/') + 1;
  const OpenFlags flags{
      .write = true, .create = true, .exclusive = true, .private_mode = private_mode};
  for (unsigned attempt = 0;; ++attempt) {
    Temporary temporary;
    temporary.name = name.substr(0, leaf_begin);
    temporary.name += temporary_name(name.substr(leaf_begin), attempt);
    auto opened = directory.open_file(temporary.name, flags);
    if (opened) {
      temporary.file = std::move(*opened);
      return temporary;
    }
    if (opened.error().code != Code::kExists || attempt >= kTemporaryAttemptsMax) {
      return std::move(opened).error();
    }
  }
}

Status write_and_close(File& file, ByteSpan content, bool durable) {
  TRY(file.write_at(0, content));
  if (durable) TRY(file.sync_data());
  return file.close();
}

}  // namespace

std::string_view parent_of(std::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? "." : name.substr(0, slash);
}

Result<std::string> read_file(Directory& directory, std::string_view name,
                              uint64_t size_bytes_max) {
  TRY_ASSIGN(const std::unique_ptr<File> file, directory.open_file(name, {}));
  TRY_ASSIGN(const FileInfo info, file->info());
  if (info.size_bytes > size_bytes_max) {
    return make_error(Code::kInvalid,
                      fmt::format("{}/{} is {} bytes long, more than the {} allowed",
                                  directory.path(), name, info.size_bytes, size_bytes_max));
  }
  std::string content(info.size_bytes, '\0');
  TRY_ASSIGN(const size_t count,
             file->read_at(0, {reinterpret_cast<std::byte*>(content.data()), content.size()}));
  content.resize(count);
  return content;
}

namespace {

Result<bool> replace(Directory& directory, std::string_view name, ByteSpan content, bool durable,
                     const std::function<bool()>& may_replace) {
  // A file that only its owner could read stays that way.
  const auto old = directory.info(name);
  if (!old && old.error().code != Code::kNotFound) return old.error();
  const bool private_mode = old && (old->mode & 077) == 0;

  TRY_ASSIGN(Temporary temporary, create_temporary(directory, name, private_mode));
  Status done = write_and_close(*temporary.file, content, durable);
  const bool wanted = !may_replace || may_replace();
  if (done && wanted) done = directory.rename(temporary.name, name);
  if (!done || !wanted) {
    // The error that matters is known already; a hidden file that stays is litter, not damage.
    static_cast<void>(directory.remove_file(temporary.name));
    if (!done) return std::move(done).error();
    return false;
  }
  if (durable) TRY(directory.sync_directory(parent_of(name)));
  return true;
}

}  // namespace

Status replace_file(Directory& directory, std::string_view name, ByteSpan content, bool durable) {
  TRY_ASSIGN([[maybe_unused]] const bool replaced, replace(directory, name, content, durable, {}));
  return {};
}

Result<bool> replace_file_if(Directory& directory, std::string_view name, ByteSpan content,
                             const std::function<bool()>& may_replace) {
  return replace(directory, name, content, /*durable=*/true, may_replace);
}

}  // namespace syncline
