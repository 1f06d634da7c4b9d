#include "engine/apply/section_applier.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/apply/file_applier.h"
#include "journal/base/try.h"

namespace syncline {

Result<SectionApplier::Target> SectionApplier::look(std::string_view path) {
  auto place = parents_.find(path);
  if (!place) {
    if (!is_unusable_path(place.error())) return std::move(place).error();
    return Target{.unusable = fmt::format("{}: {}", path, place.error().message)};
  }
  if (place->directory == nullptr) return Target{};
  const auto info = place->directory->info(place->name);
  if (!info) {
    if (info.error().code == Code::kNotFound) return Target{};
    if (!is_unusable_path(info.error())) return info.error();
    return Target{.unusable = fmt::format("{}: {}", path, info.error().message)};
  }
  if (info->type != FileInfo::Type::kRegular) {
    return Target{.unusable = fmt::format("{}: the path is not a regular file", path)};
  }
  if (info->links != 1) {
    const std::string reason = fmt::format(
        "{}: the file has {} names (hard links); writing to it would change another file", path,
        info->links);
    return Target{.unusable = reason, .blocked = reason};
  }
  return Target{.exists = true};
}

Result<std::optional<SectionApplier::FilePlan>> SectionApplier::open(std::string_view path) {
  FilePlan plan;
  auto place = parents_.find(path);
  if (!place) {
    if (is_unusable_path(place.error())) return std::optional<FilePlan>();
    return std::move(place).error();
  }
  if (place->directory == nullptr) return std::optional<FilePlan>(std::move(plan));
  auto file = place->directory->open_file(place->name, {.write = true});
  if (!file) {
    if (file.error().code == Code::kNotFound) return std::optional<FilePlan>(std::move(plan));
    if (is_unusable_path(file.error())) return std::optional<FilePlan>();
    return std::move(file).error();
  }
  TRY_ASSIGN(plan.seen, (*file)->info());
  if (plan.seen.type != FileInfo::Type::kRegular || plan.seen.links != 1) {
    return std::optional<FilePlan>();
  }
  plan.file = std::move(*file);
  plan.end = plan.seen.size_bytes;
  return std::optional<FilePlan>(std::move(plan));
}

Result<std::optional<SectionApplier::Plan>> SectionApplier::plan(
    std::span<const Section> sections) {
  plans_.clear();
  in_place_.clear();
  sections_ = sections;
  Plan result;
  for (const Section& section : sections) {
    if (plans_.contains(section.path)) continue;
    TRY_ASSIGN(auto opened, open(section.path));
    if (!opened) return std::optional<Plan>();
    plans_.emplace(std::string(section.path), std::move(*opened));
  }
  TRY(claim_known(sections));
  for (const Section& section : sections) {
    FilePlan& plan = plans_.find(section.path)->second;
    bool in_place = false;
    if (section.known_offset) {
      for (const std::string_view abandoned : section.abandoned) {
        TRY_ASSIGN(const bool reused, take_back(plan, section, abandoned));
        in_place = in_place || reused;
      }
      if (in_place) result.to_write.push_back(section.seq);
    }
    if (in_place || section.text.empty()) continue;
    if (section.known_offset) {
      TRY_ASSIGN(const Found found, find(plan, section));
      if (found == Found::kPlanned) result.to_write.push_back(section.seq);
      if (found != Found::kNo) continue;
      if (section.was_synced && plan.file != nullptr && plan.seen.size_bytes > 0) continue;
    }
    const bool begins = plan.end == 0;
    const uint64_t offset = begins ? section.header.size() : plan.end;
    if (begins && !section.header.empty()) add_write(plan, 0, section.header);
    add_write(plan, offset, section.text);
    plan.claimed.claim(offset, section.text.size());
    if (section.known_offset != offset) result.offsets.push_back({section.seq, offset});
    result.to_write.push_back(section.seq);
  }
  return std::optional<Plan>(std::move(result));
}

Result<SectionApplier::Found> SectionApplier::find(FilePlan& plan, const Section& section) {
  const uint64_t size = plan.seen.size_bytes;
  const uint64_t offset = *section.known_offset;
  const uint64_t header_size = section.header.size();
  const bool there = in_place_.contains(section.seq);

  if (offset < size) {
    TRY_ASSIGN(const std::string found, read_range(plan, offset, section.text.size()));
    // All its bytes, and yet not its place: a longer one's that begins with it.
    const bool torn =
        !there && found != section.text && is_torn_remnant(as_bytes(found), as_bytes(section.text));
    const bool past_end = offset + section.text.size() > size;
    // Past the end it must not run into what is planned there.
    const bool written =
        torn && (!past_end || plan.end == size) && plan.claimed.claim(offset, section.text.size());
    if (written) add_write(plan, offset, section.text);
    if ((there || written) && offset == header_size && header_size > 0) {
      TRY_ASSIGN(const std::string header, read_range(plan, 0, header_size));
      if (header != section.header && is_torn_remnant(as_bytes(header), as_bytes(section.header))) {
        add_write(plan, 0, section.header);
      }
    }
    if (there || written) return there ? Found::kThere : Found::kPlanned;
  }
  if (offset >= size && offset == header_size && header_size > 0 && plan.end == size) {
    // The header may have been cut short together with its section.
    TRY_ASSIGN(const std::string header, read_range(plan, 0, header_size));
    if (is_torn_remnant(as_bytes(header), as_bytes(section.header)) &&
        plan.claimed.claim(offset, section.text.size())) {
      add_write(plan, 0, section.header);
      add_write(plan, offset, section.text);
      return Found::kPlanned;
    }
  }
  if (offset >= size && offset == plan.end && plan.end > 0) {
    plan.claimed.claim(offset, section.text.size());
    add_write(plan, offset, section.text);
    return Found::kPlanned;
  }
  TRY_ASSIGN(const FoundSection::Standing elsewhere, search(plan, section));
  return elsewhere == FoundSection::Standing::kMissing ? Found::kNo : Found::kThere;
}

Result<bool> SectionApplier::take_back(FilePlan& plan, const Section& section,
                                       std::string_view abandoned) {
  if (plan.file == nullptr || abandoned.empty() || abandoned == section.text) return false;
  const bool fits = section.text.size() == abandoned.size();
  const std::string lines(fits ? 0 : abandoned.size(), '\n');
  const std::string_view wanted = fits ? section.text : std::string_view(lines);
  // Where an earlier try put it; half overwritten already where power went.
  TRY_ASSIGN(const std::string found, read_range(plan, *section.known_offset, abandoned.size()));
  bool is_it = found.size() == abandoned.size() && found != wanted;
  for (size_t i = 0; is_it && i < found.size(); ++i) {
    is_it = found[i] == abandoned[i] || found[i] == wanted[i];
  }
  uint64_t offset = *section.known_offset;
  if (!is_it || !plan.claimed.claim(offset, abandoned.size())) {
    if (found == wanted) return false;  // done before; find() sees it
    TRY_ASSIGN(const auto elsewhere, search_abandoned(plan, abandoned));
    if (!elsewhere) return false;
    offset = *elsewhere;
  }
  add_write(plan, offset, wanted);
  plan.takes_back = true;
  return fits;
}

Result<bool> SectionApplier::is_at(const FilePlan& plan, uint64_t offset, std::string_view text) {
  TRY_ASSIGN(const std::string bytes, read_range(plan, offset, text.size()));
  return bytes == text;
}

// Where a person took away what was before, a longer section may have come to lie where the journal
// has one that it begins with: it is not that one.
Status SectionApplier::claim_known(std::span<const Section> sections) {
  for (const Section& section : sections) {
    if (!section.known_offset || section.text.empty()) continue;
    FilePlan& plan = plans_.find(section.path)->second;
    const uint64_t offset = *section.known_offset;
    TRY_ASSIGN(bool there, is_at(plan, offset, section.text));
    for (const Section& other : sections) {
      if (!there) break;
      const bool longer = other.text.size() > section.text.size() && other.path == section.path &&
                          other.text.starts_with(section.text);
      if (!longer) continue;
      TRY_ASSIGN(const bool is_other, is_at(plan, offset, other.text));
      there = !is_other;
    }
    if (there && plan.claimed.claim(offset, section.text.size())) in_place_.insert(section.seq);
  }
  return {};
}

Result<FoundSection::Standing> SectionApplier::search(FilePlan& plan, const Section& section) {
  if (plan.file == nullptr) return FoundSection::Standing::kMissing;
  if (!plan.searched) {
    plan.searched.emplace();
    TRY_ASSIGN(const std::string content, read_range(plan, 0, plan.seen.size_bytes));
    std::vector<uint64_t> seqs;
    std::vector<WantedSection> wanted;
    for (const Section& one : sections_) {
      if (one.path != section.path || !one.known_offset || in_place_.contains(one.seq)) continue;
      seqs.push_back(one.seq);
      wanted.push_back({one.text, one.id});
    }
    const auto found = find_sections(content, wanted, plan.claimed);
    for (size_t i = 0; i < seqs.size(); ++i) plan.searched->emplace(seqs[i], found[i].standing);
  }
  const auto found = plan.searched->find(section.seq);
  return found == plan.searched->end() ? FoundSection::Standing::kMissing : found->second;
}

Result<std::optional<uint64_t>> SectionApplier::search_abandoned(FilePlan& plan,
                                                                 std::string_view text) {
  const std::optional<uint64_t> nowhere;
  if (plan.file == nullptr || plan.seen.size_bytes < text.size()) return nowhere;
  TRY_ASSIGN(const std::string content, read_range(plan, 0, plan.seen.size_bytes));
  for (size_t at = content.find(text); at != std::string::npos; at = content.find(text, at + 1)) {
    if (plan.claimed.claim(at, text.size())) return std::optional<uint64_t>(at);
  }
  return nowhere;
}

Result<std::string> SectionApplier::read_range(const FilePlan& plan, uint64_t offset,
                                               uint64_t count) {
  std::string bytes;
  if (plan.file == nullptr || offset >= plan.seen.size_bytes) return bytes;
  bytes.resize(std::min(count, plan.seen.size_bytes - offset));
  TRY_ASSIGN(
      const size_t got,
      plan.file->read_at(offset, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}));
  bytes.resize(got);
  return bytes;
}

void SectionApplier::add_write(FilePlan& plan, uint64_t offset, std::string_view bytes) {
  if (!plan.writes.empty()) {
    Write& last = plan.writes.back();
    if (last.offset + last.bytes.size() == offset) {
      last.bytes += bytes;
      plan.end = std::max(plan.end, offset + bytes.size());
      return;
    }
  }
  plan.writes.push_back({offset, std::string(bytes)});
  plan.end = std::max(plan.end, offset + bytes.size());
}

Result<bool> SectionApplier::write() {
  for (auto& [path, plan] : plans_) {
    if (plan.writes.empty()) continue;
    TRY_ASSIGN(const bool as_seen, write_file(path, plan));
    if (!as_seen) return false;
  }
  plans_.clear();
  return true;
}

Result<bool> SectionApplier::write_file(std::string_view path, FilePlan& plan) {
  auto place = parents_.make(path);
  if (!place) {
    if (is_unusable_path(place.error()) || place.error().code == Code::kBusy) return false;
    return std::move(place).error();
  }
  if (plan.file == nullptr) {
    // Nothing was there, so what is planned is one run of bytes from the start.
    const auto made =
        place->directory->create_whole(place->name, as_bytes(plan.writes.front().bytes));
    if (made) return true;
    if (made.error().code == Code::kExists || made.error().code == Code::kNotFound) return false;
    return made.error();
  }
  const auto there = place->directory->info(place->name);
  if (!there) {
    if (there.error().code == Code::kNotFound || is_unusable_path(there.error())) return false;
    return there.error();
  }
  if (there->inode != plan.seen.inode || there->device != plan.seen.device ||
      there->size_bytes != plan.seen.size_bytes || there->links != 1) {
    return false;
  }
  for (const Write& write : plan.writes) {
    TRY(plan.file->write_at(write.offset, as_bytes(write.bytes)));
  }
  if (plan.takes_back) TRY(plan.file->sync_data());
  TRY(plan.file->close());
  return true;
}

Status SectionApplier::write_again(std::span<const Section> sections) {
  TRY_ASSIGN(const auto planned, plan(sections));
  if (!planned) return {};
  for (auto& [path, plan] : plans_) {
    if (plan.file == nullptr || plan.claimed.empty()) continue;
    for (const auto& [offset, count] : plan.claimed.ranges()) {
      if (offset + count > plan.seen.size_bytes) continue;
      TRY_ASSIGN(const std::string bytes, read_range(plan, offset, count));
      TRY(plan.file->write_at(offset, as_bytes(bytes)));
    }
    TRY(plan.file->close());
  }
  plans_.clear();
  return {};
}

}  // namespace syncline
