#include "sync/fold/content_builder.h"

#include "journal/base/try.h"
#include "sync/git/tree.h"

namespace syncline {

bool take_section_out(std::string& text, std::string_view section) {
  for (size_t at = text.find(section); at != std::string::npos; at = text.find(section, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    text.erase(at, section.size());
    return true;
  }
  return false;
}

Status ContentBuilder::add(const FileEffect& effect) {
  if (effect.path.empty()) return {};  // a row alone
  const auto [known, is_new] = by_path_.emplace(effect.path, contents_.size());
  if (is_new) contents_.push_back({.path = effect.path, .whole = {}, .grown = {}});
  PathContent& content = contents_[known->second];
  if (effect.retracted) return retract(content, is_new, effect);
  if (effect.operation == Operation::kAppend) return append(content, is_new, effect);
  content.whole = effect.text;
  content.is_grown = content.is_removed = false;
  return {};
}

Status ContentBuilder::append(PathContent& content, bool is_new, const FileEffect& effect) {
  if (is_new) {
    TRY_ASSIGN(std::optional<std::string> before, text_so_far(effect.path));
    content.grown = before ? std::move(*before) : effect.header;
  } else if (content.is_removed) {
    content.grown = effect.header;
  } else if (!content.is_grown) {
    content.grown = content.whole;
  }
  content.is_grown = true;
  content.is_removed = false;
  content.grown += effect.text;
  return {};
}

Status ContentBuilder::retract(PathContent& content, bool is_new, const FileEffect& effect) {
  if (effect.retracted->operation == Operation::kAppend && !content.is_removed) {
    if (is_new) {
      TRY_ASSIGN(std::optional<std::string> before, text_so_far(effect.path));
      content.grown = before.value_or(std::string());
    } else if (!content.is_grown) {
      content.grown = content.whole;
    }
    content.is_grown = true;
    take_section_out(content.grown, effect.text);
    if (!content.grown.empty() && content.grown != effect.header) return {};
  }
  content.is_removed = true;
  content.is_grown = false;
  content.whole = {};
  content.grown.clear();
  return {};
}

Result<std::optional<std::string>> ContentBuilder::text_so_far(std::string_view path) {
  TRY_ASSIGN(const std::optional<FoundEntry> found, find_in_tree(objects_, root_, path));
  if (!found || found->mode == kModeDirectory) return std::optional<std::string>();
  TRY_ASSIGN(const ObjectStore::Content text, objects_.require(found->id, ObjectType::kBlob));
  return std::optional<std::string>(*text);
}

}  // namespace syncline
