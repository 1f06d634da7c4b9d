#include "sync/own/sync_trouble.h"

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/commit_text.h"
#include "sync/git/git_paths.h"

namespace syncline {

Status note_trouble(Directory& store_directory, std::string_view trouble) {
  if (trouble.empty()) return remove_if_there(store_directory, kSyncTroubleFile);
  return replace_file(store_directory, kSyncTroubleFile, as_bytes(trouble), /*durable=*/false);
}

Result<std::string> read_trouble(Directory& store_directory) {
  TRY_ASSIGN(const auto text, read_small_file(store_directory, kSyncTroubleFile));
  return text ? one_line(*text) : std::string();
}

}  // namespace syncline
