#include "sync/git/work_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "journal/base/try.h"
#include "sync/git/sha1.h"

namespace syncline {
namespace {

constexpr uint64_t kCheckedBytesMax = 512u << 20;

bool same_file(const FileInfo& a, const FileInfo& b) {
  return a.inode == b.inode && a.size_bytes == b.size_bytes && a.mtime_s == b.mtime_s &&
         a.mtime_ns == b.mtime_ns && a.ctime_s == b.ctime_s && a.ctime_ns == b.ctime_ns;
}

bool settled(const FileInfo& info, int64_t now_ms) {
  const auto ms = [](int64_t seconds, uint32_t ns) { return seconds * 1000 + ns / 1'000'000; };
  return std::max(ms(info.mtime_s, info.mtime_ns), ms(info.ctime_s, info.ctime_ns)) + kRacyMs <
         now_ms;
}

Result<std::string> read_whole(File& file, uint64_t size_bytes) {
  std::string text(size_bytes, '\0');
  TRY_ASSIGN(const size_t count,
             file.read_at(0, std::as_writable_bytes(std::span(text.data(), text.size()))));
  text.resize(count);
  return text;
}

}  // namespace

Result<WorkFile> look_at_work_file(Directory& work_tree, std::string_view path, Clock& clock) {
  const int64_t now_ms = clock.now_ms();
  WorkFile seen;
  const Result<std::unique_ptr<File>> file = work_tree.open_file(path, {});
  if (!file && file.error().code == Code::kNotFound) return seen;
  seen.state = WorkFile::State::kUnreadable;
  // A link or a directory, or beneath a link or a file, or not ours to read: git looks for itself.
  if (!file) return seen;
  TRY_ASSIGN(const FileInfo before, (*file)->info());
  if (before.size_bytes > kCheckedBytesMax) return seen;
  TRY_ASSIGN(const std::string text, read_whole(**file, before.size_bytes));
  TRY_ASSIGN(const FileInfo after, (*file)->info());
  seen.state = WorkFile::State::kReadable;
  seen.blob = hash_object(ObjectType::kBlob, text);
  if (same_file(before, after) && settled(after, now_ms)) seen.stat = IndexStat::from(after);
  return seen;
}

Status write_work_file(Directory& work_tree, std::string_view path, std::string_view content) {
  const std::string_view parent = parent_of(path);
  if (parent != ".") TRY(work_tree.make_directories(parent));
  TRY(work_tree.create_whole(path, as_bytes(content)));
  TRY_ASSIGN(const std::unique_ptr<File> file, work_tree.open_file(path, {.write = true}));
  TRY(file->sync_data());
  TRY(file->close());
  for (std::string_view directory = parent;; directory = parent_of(directory)) {
    TRY(work_tree.sync_directory(directory));
    if (directory == ".") return {};
  }
}

namespace {

struct OpenWorkFile {
  std::unique_ptr<File> file;
  FileInfo info;
};

// The file where it is a regular one with one link that holds exactly `content`; else nothing.
Result<std::optional<OpenWorkFile>> open_that_holds(Directory& work_tree, std::string_view path,
                                                    std::string_view content) {
  Result<std::unique_ptr<File>> file = work_tree.open_file(path, {.write = true});
  if (!file) {
    const Error& error = file.error();
    const bool not_ours = error.sys_errno == EACCES || error.sys_errno == EPERM;
    if (error.code == Code::kNotFound || error.code == Code::kUnsafePath || not_ours) {
      return std::optional<OpenWorkFile>();
    }
    return error;
  }
  OpenWorkFile opened{.file = std::move(*file), .info = {}};
  TRY_ASSIGN(opened.info, opened.file->info());
  const FileInfo& info = opened.info;
  if (info.type != FileInfo::Type::kRegular || info.links != 1 ||
      info.size_bytes != content.size()) {
    return std::optional<OpenWorkFile>();
  }
  TRY_ASSIGN(const std::string text, read_whole(*opened.file, info.size_bytes));
  if (text != content) return std::optional<OpenWorkFile>();
  return std::optional(std::move(opened));
}

}  // namespace

Result<bool> grow_work_file(Directory& work_tree, std::string_view path, std::string_view before,
                            std::string_view text) {
  TRY_ASSIGN(const std::optional<OpenWorkFile> opened, open_that_holds(work_tree, path, before));
  if (!opened) return false;
  if (text.empty()) return true;
  TRY(opened->file->write_at(before.size(), as_bytes(text)));
  TRY(opened->file->sync_data());
  TRY(opened->file->close());
  return true;
}

Result<std::string> text_of_work_file(Directory& work_tree, std::string_view path) {
  TRY_ASSIGN(const std::unique_ptr<File> file, work_tree.open_file(path, {}));
  TRY_ASSIGN(const FileInfo info, file->info());
  if (info.type != FileInfo::Type::kRegular || info.size_bytes > kCheckedBytesMax) {
    return make_error(Code::kUnsupported, fmt::format("{} is no file that is read", path));
  }
  return read_whole(*file, info.size_bytes);
}

Result<bool> take_back_growth(Directory& work_tree, std::span<const GrownFile> files) {
  std::vector<OpenWorkFile> opened;
  for (const GrownFile& grown : files) {
    TRY_ASSIGN(std::optional<OpenWorkFile> held,
               open_that_holds(work_tree, grown.path, grown.after));
    const bool added = !grown.before || grown.after.starts_with(*grown.before);
    if (!held || !added) return false;
    opened.push_back(std::move(*held));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].before) {
      TRY(opened[i].file->truncate(files[i].before->size()));
      TRY(opened[i].file->close());
    } else {
      TRY(work_tree.remove_file(files[i].path));
    }
  }
  return true;
}

Result<bool> replace_work_file(Directory& work_tree, std::string_view path, std::string_view before,
                               std::string_view after) {
  TRY_ASSIGN(const std::optional<OpenWorkFile> seen, open_that_holds(work_tree, path, before));
  if (!seen) return false;
  return replace_file_if(work_tree, path, as_bytes(after), [&] {
    const Result<FileInfo> now = work_tree.info(path);
    return now && same_file(*now, seen->info);
  });
}

Result<bool> remove_work_file(Directory& work_tree, std::string_view path,
                              std::string_view content) {
  TRY_ASSIGN(const std::optional<OpenWorkFile> seen, open_that_holds(work_tree, path, content));
  if (!seen) return false;
  TRY(work_tree.remove_file(path));
  TRY(work_tree.sync_directory(parent_of(path)));
  return true;
}

}  // namespace syncline
