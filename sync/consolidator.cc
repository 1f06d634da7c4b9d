#include "sync/consolidator.h"

#include <fmt/format.h>

#include <charconv>

#include "journal/base/layout.h"
#include "journal/base/try.h"
#include "sync/git/git_paths.h"
#include "sync/git/redundant_packs.h"
#include "sync/git/subprocess.h"

namespace syncline {
namespace {

constexpr int64_t kTimeLimitMs = 600'000;

uint64_t parse_count(std::string_view text) {
  uint64_t count = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
  return fault == std::errc{} && end == text.data() + text.size() ? count : 0;
}

}  // namespace

Result<Consolidator::Packs> Consolidator::look() {
  Packs packs;
  TRY_ASSIGN(const std::vector<std::string> names, context_.common_dir.list(kPackDirectory));
  for (const std::string& name : names) {
    if (name.ends_with(".pack")) ++packs.count;
    if (!name.ends_with(".keep")) continue;
    TRY_ASSIGN(const std::optional<std::string> owner,
               read_small_file(context_.common_dir, fmt::format("{}/{}", kPackDirectory, name)));
    if (owner && owner->find(context_.store().hex()) != std::string::npos) packs.kept_by_us = true;
  }
  return packs;
}

Status Consolidator::run_if_due() {
  TRY_ASSIGN(const Packs before, look());
  TRY_ASSIGN(const std::optional<std::string> noted,
             read_small_file(context_.store_directory, kConsolidatedFile));
  // A user's gc may have left fewer packs than were counted then.
  const uint64_t left_then = std::min(parse_count(noted.value_or("")), before.count);
  if (before.count - left_then < std::max<uint64_t>(2, context_.options.consolidate_packs)) {
    return {};
  }
  if (before.kept_by_us || context_.common_dir.info("gc.pid")) return {};

  const Status done = consolidate();
  TRY_ASSIGN(const Packs after, look());
  const std::string note = fmt::format("{}\n", after.count);
  TRY(replace_file(context_.store_directory, kConsolidatedFile, as_bytes(note), /*durable=*/false));
  return done;
}

Status Consolidator::consolidate() {
  std::vector<std::string> command = {"nice", "-n", "10"};
  for (std::string& word : git_command(context_.work_tree)) command.push_back(std::move(word));
  command.insert(command.end(), {"-c", "pack.window=0", "-c", "core.fsync=all", "-c", "gc.auto=0",
                                 "repack", "--geometric=2", "-q"});
  TRY_ASSIGN(const CommandResult result,
             context_.platform.run_command(command, {}, context_.clock.after_ms(kTimeLimitMs)));
  if (result.exit_code != 0) {
    return make_error(Code::kRetryLater, fmt::format("git repack answered {}: {}", result.exit_code,
                                                     result.error_text));
  }
  return remove_redundant_packs(context_.common_dir);
}

}  // namespace syncline
