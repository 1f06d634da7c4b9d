// The bytes of an index file, read in pieces: an index has about a hundred bytes for each file of
// the work tree, so a program that held all of it in memory would grow with the store.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "journal/base/bytes.h"
#include "sync/git/sha1.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr size_t kIndexPieceBytes = 256u << 10;

struct IndexBytes {
  // Fills `into` from `offset`; fewer bytes only at the end.
  std::function<Result<size_t>(uint64_t offset, MutableByteSpan into)> read_at;
  uint64_t size = 0;
  size_t piece_bytes = kIndexPieceBytes;

  static IndexBytes of(std::string bytes, size_t piece_bytes = kIndexPieceBytes);
  // Appends bytes [offset, offset + count); kCorrupt where they end before.
  Status append_to(std::string& out, uint64_t offset, size_t count) const;
};

// A window that moves forward over the bytes before `limit`. It holds one piece, or one entry where
// that is larger.
class IndexWindow {
 public:
  // `hashed`, where given, is fed with every byte that the window passes.
  IndexWindow(const IndexBytes& bytes, uint64_t begin, uint64_t limit, Sha1* hashed = nullptr)
      : bytes_(bytes), base_(begin), limit_(limit), hashed_(hashed) {}

  // The bytes from `offset` on: `count` at least, unless the limit comes first. Valid until the
  // next call, which must not ask for an earlier offset.
  Result<std::string_view> from(uint64_t offset, size_t count);

 private:
  const IndexBytes& bytes_;
  uint64_t base_;  // the offset of held_'s first byte
  uint64_t limit_;
  Sha1* hashed_;
  std::string held_;
};

}  // namespace syncline
