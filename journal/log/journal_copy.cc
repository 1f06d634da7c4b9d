#include "journal/log/journal_copy.h"

#include <algorithm>
#include <memory>
#include <string>

#include "journal/base/block.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "journal/log/segment.h"

namespace syncline {
namespace {

constexpr size_t kPartBytes = 1u << 20;

Status copy_file(Directory& from, Directory& to, const std::string& name, uint64_t size_bytes_max) {
  TRY_ASSIGN(const auto source, from.open_file(name, {}));
  TRY_ASSIGN(const auto target,
             to.open_file(name, {.write = true, .create = true, .exclusive = true}));
  ByteVector part(kPartBytes);
  uint64_t offset = 0;
  while (offset < size_bytes_max) {
    const size_t wanted = std::min<uint64_t>(part.size(), size_bytes_max - offset);
    TRY_ASSIGN(const size_t count, source->read_at(offset, MutableByteSpan(part).first(wanted)));
    if (count == 0) break;
    TRY(target->write_at(offset, ByteSpan(part).first(count)));
    offset += count;
  }
  TRY(target->sync_data());
  return target->close();
}

}  // namespace

Status copy_journal(Directory& from, Directory& to, const Mark& durable) {
  TRY(to.make_directories(kJournalDirectory, /*private_mode=*/true));
  TRY_ASSIGN(const auto source, from.open_directory(kJournalDirectory));
  TRY_ASSIGN(const auto target, to.open_directory(kJournalDirectory));
  TRY_ASSIGN(const auto names, source->list("."));
  for (const std::string& name : names) {
    // One without its name yet holds nothing; a hidden file is half of another.
    if (segment_of_name(name, ".new") != 0 || name.starts_with(kTemporaryPrefix)) continue;
    const uint64_t segment = segment_of_name(name, ".seg");
    if (segment > durable.position.segment) continue;
    const bool is_last = segment == durable.position.segment;
    TRY(copy_file(*source, *target, name, is_last ? durable.position.offset : UINT64_MAX));
  }
  return target->sync_directory(".");
}

}  // namespace syncline
