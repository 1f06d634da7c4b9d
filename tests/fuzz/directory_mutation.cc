#include "tests/fuzz/directory_mutation.h"

#include <algorithm>
#include <array>
#include <vector>

#include "journal/log/segment.h"
#include "tests/fuzz/forge.h"
#include "tests/journal/log/journal_testing.h"

namespace syncline::fuzz {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr size_t kFileBytesMax = 64u << 10;

// Where a step means a place that matters, it names one of these; else any.
constexpr std::array<uint8_t, 10> kFrameFieldsAt = {4, 5, 6, 24, 32, 40, 44, 48, 56, 16};
constexpr std::array<uint8_t, 14> kHeaderFieldsAt = {8,  12, 16, 24,  32,  48,  56,
                                                     64, 72, 80, 104, 112, 120, 96};

struct Step {
  uint8_t what = 0;
  uint8_t file = 0;
  uint16_t index = 0;  // a frame, a field, another file
  uint32_t offset = 0;
  uint64_t value = 0;
};

class Mutator {
 public:
  Mutator(const JournalHistory& history, MutatedDirectory& directory)
      : history_(history), directory_(directory) {}

  void run(const Step& step) {
    if (directory_.files.empty()) return;
    const size_t what = step.what % 16;
    (what < 9 ? directory_.damaged : directory_.forged) = true;
    switch (what) {
      case 0:
        return flip_bit(step);
      case 1:
        return fill(step);
      case 2:
        return resize(step);
      case 3:
        return copy_sectors(step);
      case 4:
        return remove(step);
      case 5:
        return swap_files(step);
      case 6:
        return add_file(step);
      case 7:
        return overwrite(step);
      case 8:
        return lose_frame(step);
      case 9:
      case 10:
        return forge_frame_field(step);
      case 11:
        return forge_payload(step);
      case 12:
      case 13:
        return forge_header_field(step);
      case 14:
        return forge_base(step);
      default:
        return forge_frame(step);
    }
  }

 private:
  std::string name_of(uint64_t number) const {
    auto at = directory_.files.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(number % directory_.files.size()));
    return at->first;
  }
  ByteVector& file(const Step& step) { return directory_.files.at(name_of(step.file)); }
  static size_t place(const ByteVector& bytes, uint64_t offset) {
    return bytes.empty() ? 0 : offset % bytes.size();
  }
  // A frame of the history that still has its file, and room in it.
  const PlacedFrame* frame_of(const Step& step) const {
    if (history_.frames.empty()) return nullptr;
    const PlacedFrame& frame = history_.frames[step.index % history_.frames.size()];
    const auto found = directory_.files.find(frame.file);
    const bool there =
        found != directory_.files.end() && found->second.size() >= frame.offset + frame.frame_bytes;
    return there ? &frame : nullptr;
  }

  void flip_bit(const Step& step) {
    ByteVector& bytes = file(step);
    if (bytes.empty()) return;
    bytes[place(bytes, step.offset)] ^= std::byte{1} << (step.value % 8);
  }
  void fill(const Step& step) {
    ByteVector& bytes = file(step);
    uint64_t from = place(bytes, step.offset);
    uint64_t count = step.index;
    if ((step.value & 0x100) != 0) {  // whole sectors, as a disk loses them
      from = from / kSectorBytes * kSectorBytes;
      count = (count % 16 + 1) * kSectorBytes;
    }
    const uint64_t to = std::min<uint64_t>(from + count, bytes.size());
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from),
              bytes.begin() + static_cast<std::ptrdiff_t>(to), static_cast<std::byte>(step.value));
  }
  void resize(const Step& step) {
    ByteVector& bytes = file(step);
    const uint64_t grown = bytes.size() + step.index % (8u << 10);
    const uint64_t size = (step.value & 0x100) != 0 ? grown : place(bytes, step.offset);
    bytes.resize(std::min<uint64_t>(size, kFileBytesMax), static_cast<std::byte>(step.value));
  }
  // A write that went to another place, or another file.
  void copy_sectors(const Step& step) {
    const ByteVector from = file(step);
    ByteVector& to = directory_.files.at(name_of(step.index >> 8));
    const uint64_t unit = (step.value & 0x100) != 0 ? kFrameAlignBytes : kSectorBytes;
    const uint64_t read_at = place(from, step.offset) / unit * unit;
    const uint64_t write_at = place(to, step.value >> 16) / unit * unit;
    uint64_t count = (step.index % 16 + 1) * unit;
    count = std::min({count, from.size() - read_at, to.size() - write_at});
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(read_at), count,
                to.begin() + static_cast<std::ptrdiff_t>(write_at));
  }
  void remove(const Step& step) { directory_.files.erase(name_of(step.file)); }
  void swap_files(const Step& step) {
    ByteVector& one = file(step);
    ByteVector& other = directory_.files.at(name_of(step.index));
    std::swap(one, other);
  }
  void add_file(const Step& step) {
    const uint64_t segment = step.value % 2 == 0 ? step.value >> 1 : (step.value >> 1) % 8;
    const std::array<std::string, 4> names = {segment_name(segment), unborn_segment_name(segment),
                                              "base", "notes.txt"};
    const ByteVector content = file(step);
    directory_.files[names[step.index % names.size()]] = content;
  }
  void overwrite(const Step& step) {
    ByteVector& bytes = file(step);
    std::array<std::byte, 8> value;
    store_le(value.data(), step.value);
    const size_t at = place(bytes, step.offset);
    std::copy_n(value.begin(), std::min(value.size(), bytes.size() - at),
                bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  // Zeros where a frame stood: a lost write.
  void lose_frame(const Step& step) {
    const PlacedFrame* const frame = frame_of(step);
    if (frame == nullptr) return;
    std::fill_n(
        directory_.files.at(frame->file).begin() + static_cast<std::ptrdiff_t>(frame->offset),
        frame->frame_bytes, std::byte{0});
  }

  FrameContext context_of(const PlacedFrame& frame) const {
    return {test_store(), frame.segment, frame.epoch};
  }
  void note_forged(ByteSpan header) {
    const auto operation = static_cast<Operation>(header[4]);
    if (is_record(operation)) {
      directory_.forged_seqs.insert(load_le<uint64_t>(header.data() + 24));
    } else {
      directory_.forged_controls = true;
    }
  }
  void forge_frame_field(const Step& step) {
    const PlacedFrame* const frame = frame_of(step);
    if (frame == nullptr) return;
    ByteVector& bytes = directory_.files.at(frame->file);
    const MutableByteSpan span = MutableByteSpan(bytes).subspan(frame->offset);
    const size_t at = kFrameFieldsAt[step.file % kFrameFieldsAt.size()];
    const size_t width = at < 6 ? 1 : at == 6 ? 2 : at == 40 || at == 44 ? 4 : 8;
    // Small differences are the ones that come near to being right.
    uint64_t value = step.value;
    if (step.what >= 128) {
      std::memcpy(&value, span.data() + at, width);
      value += step.value % 16 - 8;
    }
    std::memcpy(span.data() + at, &value, width);
    repair_frame(span, context_of(*frame), frame->offset, at != 16);
    note_forged(span);
  }
  void forge_payload(const Step& step) {
    const PlacedFrame* const frame = frame_of(step);
    if (frame == nullptr) return;
    ByteVector& bytes = directory_.files.at(frame->file);
    const MutableByteSpan span = MutableByteSpan(bytes).subspan(frame->offset, frame->frame_bytes);
    const size_t room = frame->frame_bytes - kFrameHeaderBytes;
    if (room != 0) {
      span[kFrameHeaderBytes + step.offset % room] = static_cast<std::byte>(step.value);
    }
    repair_frame(span, context_of(*frame), frame->offset);
    note_forged(span);
  }
  void forge_header_field(const Step& step) {
    ByteVector& bytes = file(step);
    if (bytes.size() < kSegmentHeaderBytes) return;
    const size_t at = kHeaderFieldsAt[step.index % kHeaderFieldsAt.size()];
    uint64_t value = step.value;
    if (step.what >= 128) value = load_le<uint64_t>(bytes.data() + at) + (step.value % 16 - 8);
    if (step.what >= 192) value = load_le<uint64_t>(bytes.data() + at) + (step.value % 16 - 8) * 64;
    store_le(bytes.data() + at, value);
    repair_segment_header(bytes);
  }
  void forge_base(const Step& step) {
    ByteVector base;
    ByteWriter writer(base);
    writer.raw(as_bytes("SYNCLB1\n"));
    writer.raw(test_store(static_cast<uint8_t>(1 + step.file / 128)).bytes);
    writer.u64(step.value);
    writer.u64(0);
    repair_base(base);
    directory_.files["base"] = base;
  }
  // A frame that nobody wrote, valid where it stands.
  void forge_frame(const Step& step) {
    ByteVector& bytes = file(step);
    const size_t at = place(bytes, step.offset) / kFrameAlignBytes * kFrameAlignBytes;
    if (bytes.size() < kSegmentHeaderBytes || bytes.size() - at < kFrameHeaderBytes + 64) return;
    const FrameContext context{test_store(), load_le<uint64_t>(bytes.data() + 48),
                               load_le<uint64_t>(bytes.data() + 56)};
    const bool control = (step.index & 0x8000) != 0;
    const std::string payload(step.index % 64, 'f');
    ByteVector frame;
    encode_frame({control ? Operation::kBatch : Operation::kCreate, 1, 1000, as_bytes(payload),
                  hash_payload(as_bytes(payload))},
                 context,
                 {.offset = at,
                  .seq = control ? 0 : std::max<uint64_t>(step.value % 256, 1),
                  .durable_seq = step.value >> 8 & 0xff,
                  .durable_offset = (step.value >> 16 & 0xff) * kBlockBytes,
                  .frame_bytes = frame_bytes_for(payload.size())},
                 frame);
    std::ranges::copy(frame, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    note_forged(frame);
  }

  const JournalHistory& history_;
  MutatedDirectory& directory_;
};

}  // namespace

MutatedDirectory mutate(const JournalHistory& history, InputReader& input) {
  MutatedDirectory directory;
  directory.files = history.files;
  Mutator mutator(history, directory);
  for (size_t i = 0; i < kMutationsMax && !input.empty(); ++i) {
    Step step;
    step.what = input.u8();
    step.file = input.u8();
    step.index = input.u16();
    step.offset = input.take<uint32_t>();
    step.value = input.u64();
    mutator.run(step);
  }
  return directory;
}

}  // namespace syncline::fuzz
