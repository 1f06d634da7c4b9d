// What each path of the own ref becomes by the records of a batch: FORMAT-projections.md, "Trees".
//
// Effects are gathered by path, in the order in which the paths are first met. The parent's tree is
// read only for a file that is appended to or that a section is taken from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sync/fold/record_source.h"
#include "sync/git/object_reader.h"

namespace syncline {

struct PathContent {
  std::string_view path;
  std::string_view whole;   // a created file's text, borrowed from its effect
  std::string grown;        // a file that sections were appended to, or taken from
  bool is_grown = false;    // `grown` holds the text, else `whole` does
  bool is_removed = false;  // nothing is left of it
};

class ContentBuilder {
 public:
  // `root`: the parent's tree, zero for none. Effects outlive the builder.
  ContentBuilder(ObjectStore& objects, const ObjectId& root) : objects_(objects), root_(root) {}

  Status add(const FileEffect& effect);
  std::vector<PathContent>& contents() { return contents_; }

 private:
  Status append(PathContent& content, bool is_new, const FileEffect& effect);
  Status retract(PathContent& content, bool is_new, const FileEffect& effect);
  // The text of the path before this batch; empty where no file is there.
  Result<std::optional<std::string>> text_so_far(std::string_view path);

  ObjectStore& objects_;
  ObjectId root_;
  std::vector<PathContent> contents_;
  std::unordered_map<std::string_view, size_t> by_path_;
};

// Takes the section out of a text that holds sections of ours alone: the first of its bytes that
// begin a line. False where it is not there.
bool take_section_out(std::string& text, std::string_view section);

}  // namespace syncline
