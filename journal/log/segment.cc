#include "journal/log/segment.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "journal/base/aligned_buffer.h"
#include "journal/base/assert.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kUnbornSuffix = ".new";
constexpr size_t kSegmentDigits = 16;
constexpr size_t kHeaderChecksumAt = kSegmentHeaderBytes - 8;

constexpr std::string_view kBaseMagic{"SYNCLB1\n", 8};
constexpr size_t kBaseBytes = 40;

// Flags this program knows. An unknown incompatible one forbids reading; unknown compatible ones
// do not matter to it.
constexpr uint64_t kIncompatibleKnown = 0;

// The limit of every number in a header from which counting continues. Counting never comes near
// it, so a number beyond it is forged, and arithmetic on the others does not overflow.
constexpr uint64_t kHeaderNumberMax = (uint64_t{1} << 62) - 1;

Error corrupt_header(uint64_t segment, std::string_view fault) {
  return make_error(Code::kCorrupt,
                    fmt::format("segment {} offset 0: segment header: {}", segment, fault),
                    kDamageHint);
}

Error missing(uint64_t segment) {
  return make_error(Code::kCorrupt,
                    fmt::format("segment {} offset 0: the segment is missing", segment),
                    kDamageHint);
}

}  // namespace

uint64_t segment_of_name(std::string_view name, std::string_view suffix) {
  if (name.size() != kSegmentDigits + suffix.size() || !name.ends_with(suffix)) return 0;
  uint64_t segment = 0;
  const char* const end = name.data() + kSegmentDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, segment, 16);
  const bool canonical = error == std::errc{} && stop == end &&
                         fmt::format("{:016x}", segment) == name.substr(0, kSegmentDigits);
  return canonical ? segment : 0;
}

void encode_segment_header(const SegmentHeader& header, std::byte* to) {
  std::memset(to, 0, kSegmentHeaderBytes);
  std::memcpy(to, kSegmentMagic.data(), kSegmentMagic.size());
  store_le(to + 8, header.format_version);
  store_le(to + 12, kSegmentHeaderBytes);
  store_le(to + 16, header.compatible_flags);
  store_le(to + 24, header.incompatible_flags);
  std::memcpy(to + 32, header.store.bytes.data(), 16);
  store_le(to + 48, header.segment);
  store_le(to + 56, header.epoch);
  store_le(to + 64, header.first_seq);
  store_le(to + 72, header.previous_segment);
  store_le(to + 80, header.previous_end);
  store_le(to + 88, header.created_ms);
  store_le(to + 96, header.last_time_ms);
  store_le(to + 104, header.durable_end);
  store_le(to + 112, header.durable_seq);
  store_le(to + 120, header.capacity_bytes);
  store_le(to + 128, kBlockBytes);
  store_le(to + 132, kFrameAlignBytes);
  store_le(to + kHeaderChecksumAt, uint64_t{XXH3_64bits(to, kHeaderChecksumAt)});
}

Result<SegmentHeader> decode_segment_header(ByteSpan bytes, const StoreId& store,
                                            uint64_t segment) {
  if (bytes.size() < kSegmentHeaderBytes) return corrupt_header(segment, "the file is too short");
  const std::byte* from = bytes.data();
  if (as_text(bytes.first(kSegmentMagic.size())) != kSegmentMagic) {
    return corrupt_header(segment, "it does not begin with the magic bytes");
  }
  // Magic, version, header length and the checksum's place are the same in every version, so that
  // damage can be told from a newer format.
  if (load_le<uint64_t>(from + kHeaderChecksumAt) != XXH3_64bits(from, kHeaderChecksumAt)) {
    return corrupt_header(segment, "its checksum does not hold");
  }
  SegmentHeader header;
  header.format_version = load_le<uint32_t>(from + 8);
  header.compatible_flags = load_le<uint64_t>(from + 16);
  header.incompatible_flags = load_le<uint64_t>(from + 24);
  if (header.format_version > kFormatVersion ||
      (header.incompatible_flags & ~kIncompatibleKnown) != 0) {
    return make_error(
        Code::kUnsupported,
        fmt::format("segment {} was written by a newer program (format {}, flags {:#x})", segment,
                    header.format_version, header.incompatible_flags),
        "use the syncline that wrote this store, or a newer one");
  }
  std::memcpy(header.store.bytes.data(), from + 32, 16);
  header.segment = load_le<uint64_t>(from + 48);
  header.epoch = load_le<uint64_t>(from + 56);
  header.first_seq = load_le<uint64_t>(from + 64);
  header.previous_segment = load_le<uint64_t>(from + 72);
  header.previous_end = load_le<uint64_t>(from + 80);
  header.created_ms = load_le<int64_t>(from + 88);
  header.last_time_ms = load_le<int64_t>(from + 96);
  header.durable_end = load_le<uint64_t>(from + 104);
  header.durable_seq = load_le<uint64_t>(from + 112);
  header.capacity_bytes = load_le<uint64_t>(from + 120);
  if (header.store != store) {
    return make_error(Code::kDisagree,
                      fmt::format("segment {} belongs to store {}, not to {}", segment,
                                  header.store.hex(), store.hex()),
                      "put this store's own segment back");
  }
  if (header.segment != segment) {
    return corrupt_header(segment, fmt::format("it is that of segment {}", header.segment));
  }
  const bool whole =
      header.format_version != 0 && load_le<uint32_t>(from + 12) == kSegmentHeaderBytes &&
      load_le<uint32_t>(from + 128) == kBlockBytes &&
      load_le<uint32_t>(from + 132) == kFrameAlignBytes && header.epoch != 0 &&
      header.first_seq != 0 && header.previous_segment < header.segment &&
      header.previous_end % kFrameAlignBytes == 0 && header.durable_end >= kSegmentHeaderBytes &&
      header.durable_end % kBlockBytes == 0 && header.durable_seq >= header.first_seq - 1 &&
      std::max({header.segment, header.epoch, header.first_seq, header.previous_end,
                header.durable_end, header.durable_seq}) <= kHeaderNumberMax;
  if (!whole) return corrupt_header(segment, "its fields contradict each other");
  return header;
}

std::string segment_name(uint64_t segment) {
  return fmt::format("{:016x}.seg", segment);
}
std::string unborn_segment_name(uint64_t segment) {
  return fmt::format("{:016x}.new", segment);
}

Result<std::vector<SegmentEntry>> list_segments(Directory& journal_directory, const StoreId& store,
                                                bool* unborn) {
  // The base is read first: trim raises it before it removes anything.
  TRY_ASSIGN(const uint64_t base, read_base(journal_directory, store));
  TRY_ASSIGN(const auto names, journal_directory.list("."));
  std::vector<SegmentEntry> entries;
  for (const std::string& name : names) {
    if (unborn != nullptr && name.ends_with(kUnbornSuffix)) *unborn = true;
    const uint64_t segment = segment_of_name(name, kSegmentSuffix);
    if (segment == 0) continue;
    auto info = journal_directory.info(name);
    if (!info && info.error().code == Code::kNotFound) continue;  // trimmed meanwhile
    if (!info) return std::move(info).error();
    entries.push_back({segment, info->size_bytes});
  }
  std::ranges::sort(entries, {}, &SegmentEntry::segment);
  for (size_t i = 1; i < entries.size(); ++i) {
    // A trim under way removes from the front, so what lies before a gap there is no loss.
    if (entries[i].segment == entries[i - 1].segment + 1) continue;
    TRY_ASSIGN(const uint64_t base_now, read_base(journal_directory, store));
    if (entries[i].segment > base_now)
      return missing(std::max(entries[i - 1].segment + 1, base_now));
    entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(i));
    i = 0;
  }
  if (entries.empty()) {
    if (base > 1) return missing(base);
    return entries;
  }
  // The last segment is never trimmed, so a base above it names a segment that was lost.
  if (entries.back().segment < base) return missing(base);
  if (entries.front().segment > base) {
    TRY_ASSIGN(const uint64_t base_now, read_base(journal_directory, store));
    if (entries.front().segment > base_now) return missing(base_now);
  }
  return entries;
}

Result<SegmentHeader> read_segment_header(File& file, const StoreId& store, uint64_t segment) {
  AlignedBuffer buffer;
  std::byte* const bytes = buffer.reserve(kSegmentHeaderBytes);
  auto got = file.read_at(0, {bytes, kSegmentHeaderBytes});
  if (!got) {
    return Error{got.error().code, got.error().sys_errno,
                 fmt::format("segment {} offset 0: {}", segment, got.error().message),
                 got.error().hint};
  }
  return decode_segment_header({bytes, *got}, store, segment);
}

Result<OpenSegment> open_segment(Directory& journal_directory, const StoreId& store,
                                 uint64_t segment, OpenFlags flags) {
  OpenSegment opened;
  TRY_ASSIGN(opened.file, journal_directory.open_file(segment_name(segment), flags));
  TRY_ASSIGN(opened.header, read_segment_header(*opened.file, store, segment));
  return opened;
}

Result<OpenSegment> open_first_segment(Directory& journal_directory, const StoreId& store) {
  uint64_t gone = 0;
  while (true) {
    TRY_ASSIGN(const auto entries, list_segments(journal_directory, store));
    if (entries.empty()) return missing(1);
    const uint64_t segment = entries.front().segment;
    auto first = open_segment(journal_directory, store, segment, {});
    if (first || first.error().code != Code::kNotFound || segment == gone) return first;
    gone = segment;
  }
}

Status check_chain(const SegmentHeader& before, const SegmentHeader& next) {
  if (next.segment != before.segment + 1 || next.previous_segment != before.segment) {
    return corrupt_header(next.segment, fmt::format("it follows segment {}, not {}",
                                                    next.previous_segment, before.segment));
  }
  if (next.epoch < before.epoch || next.first_seq < before.first_seq ||
      next.previous_end < before.durable_end || next.first_seq - 1 < before.durable_seq) {
    return corrupt_header(next.segment, fmt::format("it does not continue segment {} (epoch {} "
                                                    "after {}, first record {} after {})",
                                                    before.segment, next.epoch, before.epoch,
                                                    next.first_seq, before.durable_seq));
  }
  return {};
}

Status write_unborn_segment(Directory& journal_directory, const SegmentHeader& header,
                            ByteSpan carried, uint64_t size_bytes, bool direct) {
  SYNCLINE_ASSERT(carried.size() % kBlockBytes == 0);
  const std::string name = unborn_segment_name(header.segment);
  if (auto removed = journal_directory.remove_file(name);
      !removed && removed.error().code != Code::kNotFound) {
    return removed;
  }
  TRY_ASSIGN(const auto file,
             journal_directory.open_file(
                 name, {.write = true, .create = true, .exclusive = true, .direct = direct}));
  AlignedBuffer block;
  encode_segment_header(header, block.reserve(kSegmentHeaderBytes));
  TRY(file->write_at(0, {block.data(), kSegmentHeaderBytes}));
  if (!carried.empty()) TRY(file->write_at(kSegmentHeaderBytes, carried));
  TRY(write_zeros(*file, kSegmentHeaderBytes + carried.size(), size_bytes));
  TRY(file->sync_data());
  return file->close();
}

Result<uint64_t> read_base(Directory& journal_directory, const StoreId& store) {
  auto text = read_file(journal_directory, kBaseName, kBaseBytes * 2);
  if (!text && text.error().code == Code::kNotFound) return uint64_t{1};
  if (!text) return std::move(text).error();
  const ByteSpan bytes = as_bytes(*text);
  if (bytes.size() != kBaseBytes || !text->starts_with(kBaseMagic) ||
      std::memcmp(bytes.data() + 8, store.bytes.data(), 16) != 0 ||
      load_le<uint64_t>(bytes.data() + 24) == 0 ||
      load_le<uint64_t>(bytes.data() + 32) != XXH3_64bits(bytes.data(), 32)) {
    return make_error(Code::kCorrupt, "journal/base, which names the first segment, is damaged",
                      kDamageHint);
  }
  return load_le<uint64_t>(bytes.data() + 24);
}

Status write_base(Directory& journal_directory, const StoreId& store, uint64_t segment) {
  std::array<std::byte, kBaseBytes> bytes{};
  std::memcpy(bytes.data(), kBaseMagic.data(), kBaseMagic.size());
  std::memcpy(bytes.data() + 8, store.bytes.data(), 16);
  store_le(bytes.data() + 24, segment);
  store_le(bytes.data() + 32, uint64_t{XXH3_64bits(bytes.data(), 32)});
  return replace_file(journal_directory, kBaseName, bytes);
}

}  // namespace syncline
