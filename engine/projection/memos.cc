#include "engine/projection/memos.h"

#include <xxhash.h>

#include <string_view>
#include <utility>
#include <vector>

#include "journal/base/bytes.h"
#include "journal/base/layout.h"
#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr size_t kWord = 8;

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

// A file that is not there has a fingerprint too. The time of change is left out: SQLite gives its
// log an owner whenever root opens it, and changes nothing by that.
Status add(ByteWriter& writer, Directory& directory, const std::string& name) {
  const Result<FileInfo> info = directory.info(name);
  if (!info && info.error().code != Code::kNotFound) return info.error();
  writer.u64(hash_of(name));
  if (!info) return {};
  for (const uint64_t word : {info->device, info->inode, info->size_bytes,
                              static_cast<uint64_t>(info->mtime_s), uint64_t{info->mtime_ns}}) {
    writer.u64(word);
  }
  return {};
}

uint64_t fingerprint_of(const ByteVector& bytes) {
  return XXH3_64bits(bytes.data(), bytes.size()) | 1;
}

// The words behind the fingerprint, where that is the one; none where there is no such memo.
std::vector<uint64_t> words_of(const Memos& memos, Memo which, uint64_t fingerprint) {
  const auto& bytes = memos[std::to_underlying(which)];
  std::vector<uint64_t> words;
  if (!bytes || bytes->size() < kWord || load_le<uint64_t>(bytes->data()) != fingerprint) {
    return words;
  }
  for (size_t at = kWord; at + kWord <= bytes->size(); at += kWord) {
    words.push_back(load_le<uint64_t>(bytes->data() + at));
  }
  return words;
}

}  // namespace

std::optional<uint64_t> DatabaseMemo::highest_id(const std::string& table) const {
  const auto found = highest_by_hash.find(hash_of(table));
  if (found == highest_by_hash.end()) return std::nullopt;
  return found->second;
}

void DatabaseMemo::note_highest(const std::string& table, uint64_t id) {
  highest_by_hash[hash_of(table)] = id;
}

Result<uint64_t> database_fingerprint(Directory& root, const std::string& database) {
  ByteVector bytes;
  ByteWriter writer(bytes);
  for (const std::string_view suffix : {"", "-wal", "-journal"}) {
    TRY(add(writer, root, database + std::string(suffix)));
  }
  return fingerprint_of(bytes);
}

Result<uint64_t> git_fingerprint(Directory& common, Directory& store_directory,
                                 const StoreId& store) {
  ByteVector bytes;
  ByteWriter writer(bytes);
  TRY(add(writer, store_directory, std::string(kSyncStateFile)));
  TRY(add(writer, common, own_ref_of(store.hex())));
  TRY(add(writer, common, "packed-refs"));  // where git may have put it
  return fingerprint_of(bytes);
}

void remember(Journal& journal, const DatabaseMemo& memo, uint64_t fingerprint) {
  ByteVector bytes;
  ByteWriter writer(bytes);
  writer.u64(fingerprint);
  writer.u64(memo.applied.position.segment);
  writer.u64(memo.applied.position.offset);
  writer.u64(memo.applied.seq);
  for (const auto& [hash, id] : memo.highest_by_hash) {
    if (bytes.size() + 2 * kWord > kMemoBytesMax) break;  // of the others the database is asked
    writer.u64(hash);
    writer.u64(id);
  }
  journal.remember(Memo::kDatabase, bytes);
}

void remember(Journal& journal, const GitMemo& memo, uint64_t fingerprint) {
  ByteVector bytes;
  ByteWriter writer(bytes);
  writer.u64(fingerprint);
  writer.u64(memo.committed);
  writer.u64(memo.published);
  journal.remember(Memo::kGit, bytes);
}

std::optional<DatabaseMemo> database_memo(const Memos& memos, uint64_t fingerprint) {
  const std::vector<uint64_t> words = words_of(memos, Memo::kDatabase, fingerprint);
  if (words.size() < 3) return std::nullopt;
  DatabaseMemo memo{.applied = {{words[0], words[1]}, words[2]}, .highest_by_hash = {}};
  for (size_t i = 3; i + 2 <= words.size(); i += 2) memo.highest_by_hash[words[i]] = words[i + 1];
  return memo;
}

std::optional<GitMemo> git_memo(const Memos& memos, uint64_t fingerprint) {
  const std::vector<uint64_t> words = words_of(memos, Memo::kGit, fingerprint);
  if (words.size() < 2) return std::nullopt;
  return GitMemo{words[0], words[1]};
}

}  // namespace syncline
