#include "engine/apply/section_applier.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/apply/file_applier.h"
#include "journal/base/try.h"

namespace syncline {

Result<Attempt> SectionApplier::open(std::string_view path) {
  FilePlan plan;
  auto place = parents_.find(path);
  if (!place) {
    if (is_unusable_path(place.error())) return Attempt::kRedo;
    return std::move(place).error();
  }
  if (place->directory != nullptr) {
    auto file = place->directory->open_file(place->name, {.write = true});
    if (file) {
      TRY_ASSIGN(plan.seen, (*file)->info());
      if (plan.seen.type != FileInfo::Type::kRegular || plan.seen.links != 1) {
        return Attempt::kRedo;
      }
      plan.file = std::move(*file);
      plan.end = plan.seen.size_bytes;
    } else if (is_unusable_path(file.error())) {
      return Attempt::kRedo;
    } else if (file.error().code != Code::kNotFound) {
      return std::move(file).error();
    }
  }
  plans_.emplace(std::string(path), std::move(plan));
  return Attempt::kDone;
}

Result<Attempt> SectionApplier::plan(std::span<const Section> sections) {
  plans_.clear();
  in_place_.clear();
  sections_ = sections;
  planned_ = {};
  for (const Section& section : sections) {
    if (plans_.contains(section.path)) continue;
    TRY_ASSIGN(const Attempt opened, open(section.path));
    if (opened == Attempt::kRedo) return opened;
  }
  TRY(claim_known(sections));
  for (const Section& section : sections) TRY(plan_section(section));
  return Attempt::kDone;
}

Status SectionApplier::plan_section(const Section& section) {
  FilePlan& plan = plans_.find(section.path)->second;
  bool in_place = false;
  if (section.known_offset) {
    for (const std::string_view abandoned : section.abandoned) {
      TRY_ASSIGN(const bool reused, take_back(plan, section, abandoned));
      in_place = in_place || reused;
    }
    if (in_place) planned_.to_write.push_back(section.seq);
  }
  if (in_place || section.text.empty()) return {};
  if (section.known_offset) {
    TRY_ASSIGN(const Found found, find(plan, section));
    if (found == Found::kPlanned) planned_.to_write.push_back(section.seq);
    if (found != Found::kNo) return {};
    const bool was_there = section.was_synced || section.found_in_place;
    if (was_there && plan.file != nullptr && plan.seen.size_bytes > 0) return {};
  }
  if (!section.known_offset && (section.may_be_there || section.found_in_place)) {
    TRY_ASSIGN(const FoundSection found, search(plan, section));
    if (found.standing == FoundSection::Standing::kWhole) {
      planned_.offsets.push_back({section.seq, found.offset});
    }
    if (found.standing != FoundSection::Standing::kMissing) return {};
    if (section.found_in_place && plan.seen.size_bytes > 0) return {};
  }
  const bool begins = plan.end == 0;
  const uint64_t offset = begins ? section.header.size() : plan.end;
  if (begins && !section.header.empty()) add_write(plan, 0, section.header);
  add_write(plan, offset, section.text);
  plan.claimed.claim(offset, section.text.size());
  if (section.known_offset != offset) planned_.offsets.push_back({section.seq, offset});
  planned_.to_write.push_back(section.seq);
  return {};
}

Result<SectionApplier::Found> SectionApplier::find(FilePlan& plan, const Section& section) {
  const uint64_t size = plan.seen.size_bytes;
  const uint64_t offset = *section.known_offset;
  const uint64_t header_size = section.header.size();
  const bool there = in_place_.contains(section.seq);

  if (offset < size) {
    TRY_ASSIGN(const std::string found, read_range(plan, offset, section.text.size()));
    // Where all its bytes are found and it is still not there, the bytes are those of a longer
    // section that begins with it.
    const bool torn =
        !there && found != section.text && is_torn_remnant(as_bytes(found), as_bytes(section.text));
    const bool past_end = offset + section.text.size() > size;
    // What reaches past the end must not run into what is planned there.
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
  // One with a number in its heading may have moved up behind another one that was retracted. One
  // without is known by its bytes alone, which another record may have made.
  const bool at_end = offset >= size && offset == plan.end && plan.end > 0;
  const bool is_numbered = !heading_prefix(section.text, section.id).empty();
  FoundSection elsewhere;
  if (!at_end || is_numbered) {
    TRY_ASSIGN(elsewhere, search(plan, section));
  }
  if (elsewhere.standing != FoundSection::Standing::kMissing) return Found::kThere;
  if (at_end) {
    plan.claimed.claim(offset, section.text.size());
    add_write(plan, offset, section.text);
    return Found::kPlanned;
  }
  return Found::kNo;
}

Result<bool> SectionApplier::take_back(FilePlan& plan, const Section& section,
                                       std::string_view abandoned) {
  if (plan.file == nullptr || abandoned.empty() || abandoned == section.text) return false;
  const bool fits = section.text.size() == abandoned.size();
  const std::string lines(fits ? 0 : abandoned.size(), '\n');
  const std::string_view wanted = fits ? section.text : std::string_view(lines);
  // First where an earlier attempt put it. It may be half overwritten, if power went meanwhile.
  TRY_ASSIGN(const std::string found, read_range(plan, *section.known_offset, abandoned.size()));
  bool is_it = found.size() == abandoned.size() && found != wanted;
  for (size_t i = 0; is_it && i < found.size(); ++i) {
    is_it = found[i] == abandoned[i] || found[i] == wanted[i];
  }
  uint64_t offset = *section.known_offset;
  if (!is_it || !plan.claimed.claim(offset, abandoned.size())) {
    if (found == wanted) return false;  // taken back before; find() sees it
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

// A person who deletes text in a file moves what is behind it. A longer section may so come to lie
// where the journal has a shorter one that it begins with: the shorter one is not there then.
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

Result<FoundSection> SectionApplier::search(FilePlan& plan, const Section& section) {
  if (plan.file == nullptr) return FoundSection{};
  if (!plan.searched) {
    plan.searched.emplace();
    TRY_ASSIGN(const std::string content, read_range(plan, 0, plan.seen.size_bytes));
    std::vector<uint64_t> seqs;
    std::vector<WantedSection> wanted;
    for (const Section& one : sections_) {
      const bool wanted_here =
          one.path == section.path && (one.known_offset || one.may_be_there || one.found_in_place);
      if (!wanted_here || in_place_.contains(one.seq)) continue;
      seqs.push_back(one.seq);
      wanted.push_back({one.text, one.id});
    }
    const auto found = find_sections(content, wanted, plan.claimed);
    for (size_t i = 0; i < seqs.size(); ++i) plan.searched->emplace(seqs[i], found[i]);
  }
  const auto found = plan.searched->find(section.seq);
  return found == plan.searched->end() ? FoundSection{} : found->second;
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

Result<Attempt> SectionApplier::write() {
  for (auto& [path, plan] : plans_) {
    if (plan.writes.empty()) continue;
    TRY_ASSIGN(const Attempt written, write_file(path, plan));
    if (written == Attempt::kRedo) return written;
  }
  plans_.clear();
  return Attempt::kDone;
}

Result<Attempt> SectionApplier::write_file(std::string_view path, FilePlan& plan) {
  auto place = parents_.make(path);
  if (!place) {
    if (is_unusable_path(place.error()) || place.error().code == Code::kBusy) return Attempt::kRedo;
    return std::move(place).error();
  }
  if (plan.file == nullptr) {
    // No file was there, so all that is planned is one run of bytes from the start.
    const auto made =
        place->directory->create_whole(place->name, as_bytes(plan.writes.front().bytes));
    if (made) return Attempt::kDone;
    if (made.error().code == Code::kExists || made.error().code == Code::kNotFound)
      return Attempt::kRedo;
    return made.error();
  }
  const auto there = place->directory->info(place->name);
  if (!there) {
    if (there.error().code == Code::kNotFound || is_unusable_path(there.error()))
      return Attempt::kRedo;
    return there.error();
  }
  if (there->inode != plan.seen.inode || there->device != plan.seen.device ||
      there->size_bytes != plan.seen.size_bytes || there->links != 1) {
    return Attempt::kRedo;
  }
  for (const Write& write : plan.writes) {
    TRY(plan.file->write_at(write.offset, as_bytes(write.bytes)));
  }
  if (plan.takes_back) TRY(plan.file->sync_data());
  TRY(plan.file->close());
  return Attempt::kDone;
}

Status SectionApplier::write_again(std::span<const Section> sections) {
  TRY_ASSIGN(const Attempt planned, plan(sections));
  if (planned == Attempt::kRedo) return {};
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
