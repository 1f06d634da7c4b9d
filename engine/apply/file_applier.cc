#include "engine/apply/file_applier.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/base/try.h"

namespace syncline {
namespace {

// A clock may be set back by less than this without anybody noticing.
constexpr int64_t kClockSlackMs = 60'000;

std::string_view describe(FileInfo::Type type) {
  switch (type) {
    case FileInfo::Type::kDirectory:
      return "a directory";
    case FileInfo::Type::kSymlink:
      return "a symbolic link";
    default:
      return "a special file";
  }
}

}  // namespace

Result<FileApplier::Look> FileApplier::look(std::string_view path, std::string_view content,
                                            int64_t record_time_ms) {
  auto place = parents_.find(path);
  if (!place) {
    if (!is_unusable_path(place.error())) return std::move(place).error();
    return Look{State::kUnusable, fmt::format("{}: {}", path, place.error().message)};
  }
  if (place->directory == nullptr) return Look{State::kAbsent, {}};
  const auto info = place->directory->info(place->name);
  if (!info) {
    if (info.error().code == Code::kNotFound) return Look{State::kAbsent, {}};
    if (!is_unusable_path(info.error())) return info.error();
    return Look{State::kUnusable, fmt::format("{}: {}", path, info.error().message)};
  }
  if (info->type != FileInfo::Type::kRegular) {
    return Look{State::kUnusable,
                fmt::format("{}: the path is taken by {}", path, describe(info->type))};
  }
  TRY_ASSIGN(Look look, compare(*place, *info, content, record_time_ms));
  if (look.state == State::kForeign) {
    look.reason = fmt::format("{}: the path is taken by another file", path);
  }
  return look;
}

Result<FileApplier::Look> FileApplier::compare(const ParentDirectories::Place& place,
                                               const FileInfo& info, std::string_view content,
                                               int64_t record_time_ms) {
  const ByteSpan ours = as_bytes(content);
  if (info.size_bytes <= ours.size()) {
    auto file = place.directory->open_file(place.name, {});
    if (!file) {
      // It is being replaced at this instant; write() notices.
      if (file.error().code == Code::kNotFound) return Look{State::kAbsent, {}};
      return std::move(file).error();
    }
    buffer_.resize(ours.size() + 1);
    TRY_ASSIGN(const size_t count, (*file)->read_at(0, buffer_));
    const ByteSpan found = ByteSpan(buffer_).first(count);
    if (std::ranges::equal(found, ours)) return Look{State::kOurs, {}};
    // With a second name, writing it would change a file elsewhere.
    if (info.links == 1 && is_torn_remnant(found, ours)) return Look{State::kTorn, {}};
  }
  const int64_t changed_ms = info.ctime_s * 1000 + info.ctime_ns / 1'000'000;
  const bool clock_is_past_record = clock_.now_ms() >= record_time_ms;
  if (clock_is_past_record && changed_ms + kClockSlackMs < record_time_ms) {
    return Look{State::kForeign, {}};
  }
  return Look{State::kEdited, {}};
}

Result<Attempt> FileApplier::write(std::string_view path, std::string_view content, State seen) {
  if (seen != State::kAbsent && seen != State::kTorn) return Attempt::kDone;
  auto place = parents_.make(path);
  if (!place) {
    if (is_unusable_path(place.error()) || place.error().code == Code::kBusy) return Attempt::kRedo;
    return std::move(place).error();
  }
  if (seen == State::kAbsent) {
    const auto made = place->directory->create_whole(place->name, as_bytes(content));
    if (made) return Attempt::kDone;
    // Somebody was faster, or took the directory away under the handle.
    if (made.error().code == Code::kExists || made.error().code == Code::kNotFound)
      return Attempt::kRedo;
    return made.error();
  }
  auto file = place->directory->open_file(place->name, {.write = true});
  if (!file) {
    if (file.error().code == Code::kNotFound || is_unusable_path(file.error()))
      return Attempt::kRedo;
    return std::move(file).error();
  }
  TRY_ASSIGN(const FileInfo info, (*file)->info());
  if (info.links != 1 || info.size_bytes > content.size()) return Attempt::kRedo;
  TRY((*file)->write_at(0, as_bytes(content)));
  TRY((*file)->close());
  return Attempt::kDone;
}

Status FileApplier::take_back(std::string_view path, std::string_view content,
                              int64_t record_time_ms) {
  TRY_ASSIGN(const Look there, look(path, content, record_time_ms));
  if (there.state != State::kOurs && there.state != State::kTorn) return {};
  TRY_ASSIGN(const auto place, parents_.find(path));
  if (place.directory == nullptr) return {};
  auto removed = place.directory->remove_file(place.name);
  if (!removed && removed.error().code != Code::kNotFound) return removed;
  // At once, for nobody looks at this path again.
  return place.directory->sync_directory(".");
}

Status FileApplier::write_again(std::string_view path, std::string_view content) {
  TRY_ASSIGN(const auto place, parents_.find(path));
  if (place.directory == nullptr) return {};
  TRY_ASSIGN(auto file, place.directory->open_file(place.name, {.write = true}));
  TRY_ASSIGN(const FileInfo info, file->info());
  if (info.links != 1 || info.size_bytes != content.size()) return {};
  TRY(file->write_at(0, as_bytes(content)));
  return file->close();
}

}  // namespace syncline
