#include "sync/git/merge_driver.h"

#include <fmt/format.h>

#include "journal/base/shell_word.h"
#include "journal/base/try.h"
#include "journal/os/whole_file.h"
#include "sync/git/git_config.h"
#include "sync/git/owned_lock.h"

namespace syncline {
namespace {

constexpr std::string_view kConfig = "config";
constexpr std::string_view kConfigLock = "config.lock";
constexpr std::string_view kCommandKey = "\tdriver = ";

std::string heading() {
  return fmt::format("[merge \"{}\"]\n\tname = sections of records, each once\n", kMergeDriver);
}

// %P is quoted by git; the other names are its own, and plain.
std::string command_of(std::string_view program) {
  return fmt::format(
      "s={}; command -v \"$s\" >/dev/null || s=syncline; "
      "if command -v \"$s\" >/dev/null && \"$s\" --store . merge-sections %O %A %B %P; "
      "then exit 0; fi; "
      "git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B",
      quoted_for_shell(program));
}

std::string quoted_for_config(std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

std::string with_merge_driver(std::string config, std::string_view program) {
  const std::string line = std::string(kCommandKey) + quoted_for_config(command_of(program));
  const std::string before = heading() + std::string(kCommandKey);
  if (const size_t at = config.find(before); at != std::string::npos) {
    const size_t begin = at + heading().size();
    config.replace(begin, config.find('\n', begin) - begin, line);
    return config;
  }
  if (!config.empty() && !config.ends_with('\n')) config += '\n';
  return config + heading() + line + '\n';
}

Result<bool> merge_driver_is_set(Directory& common_dir, const std::string& owner,
                                 std::string_view program) {
  TRY_ASSIGN(const bool is_left, is_owned_lock(common_dir, kConfigLock, owner));
  if (is_left) return false;
  const Result<std::string> config = read_file(common_dir, kConfig);
  if (config) {
    return GitConfig::parse(*config).get(fmt::format("merge.{}.driver", kMergeDriver)) ==
           command_of(program);
  }
  const Code code = config.error().code;
  if (code == Code::kNotFound || code == Code::kUnsafePath) return true;
  return config.error();
}

Result<bool> set_merge_driver(Directory& common_dir, const std::string& owner,
                              std::string_view program) {
  TRY_ASSIGN([[maybe_unused]] const bool left, remove_left_lock(common_dir, kConfigLock, owner));
  TRY_ASSIGN(const bool is_set, merge_driver_is_set(common_dir, owner, program));
  if (is_set) return true;
  TRY_ASSIGN(PreparedLock prepared,
             PreparedLock::prepare(common_dir, std::string(kConfigLock), owner, ""));
  Result<OwnedLock> lock = prepared.take();
  if (!lock) {
    if (lock.error().code == Code::kBusy) return false;
    return std::move(lock).error();
  }
  TRY(remove_temporaries(common_dir, kConfig));
  TRY_ASSIGN(std::string config, read_file(common_dir, kConfig));
  TRY(replace_file(common_dir, kConfig, as_bytes(with_merge_driver(std::move(config), program))));
  TRY(lock->release());
  TRY(common_dir.sync_directory("."));  // or a power cut could bring the lock back
  return true;
}

}  // namespace syncline
