#include "sync/publish/put_back_message.h"

#include <fmt/format.h>

#include <algorithm>

#include "sync/git/commit_message.h"
#include "sync/git/commit_text.h"

namespace syncline {
namespace {

std::string files_text(size_t count) {
  return fmt::format("{} file{}", count, count == 1 ? "" : "s");
}

}  // namespace

std::string put_back_message(const std::vector<PlannedChange>& changes, size_t released,
                             std::string_view store_hex) {
  const auto taken = static_cast<size_t>(std::ranges::count_if(
      changes, [](const PlannedChange& each) { return each.removes() || each.is_cut(); }));
  const size_t put_back = changes.size() - taken;
  std::string message = "syncline: ";
  if (put_back > 0) {
    message += files_text(put_back);
    message += released == changes.size() ? " ignored no more" : " put back";
  }
  if (put_back > 0 && taken > 0) message += ", ";
  if (taken > 0) message += files_text(taken) + " without what was retracted";
  message += "\n\n";
  for (size_t i = 0; i < std::min(changes.size(), kListedSubjectsMax); ++i) {
    message += fmt::format("- {}\n", one_line(changes[i].path));
  }
  return message + '\n' + store_trailer(store_hex);
}

}  // namespace syncline
