// syncline config check|show [FILE]
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "engine/config/database_fit.h"
#include "engine/place/ignored_kinds.h"
#include "engine/place/store_platform.h"
#include "journal/base/try.h"
#include "tools/input_file.h"
#include "tools/json_output.h"
#include "tools/text_output.h"
#include "tools/verb.h"

namespace syncline {
namespace {

class ConfigVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "config",
            .usage = "config check|show [FILE]",
            .summary = "check or show syncline.toml"};
  }

  void declare(Options& options) override {
    options.argument("ACTION", action_, "check: is it valid; show: every setting and kind", true);
    options.argument("FILE", file_,
                     "a file of its own (- is standard input) instead of the "
                     "store's syncline.toml");
  }

  // The journal is not opened: a file that stops the store from opening must be checkable.
  int run(Session& session) override {
    if (*action_ != "check" && *action_ != "show") {
      return session.fail(make_error(Code::kInvalid,
                                     fmt::format("config does not know '{}'", *action_),
                                     "write `config check` or `config show`"));
    }
    std::string path;
    if (file_) {
      path = *file_;
    } else {
      const auto root = session.store_root();
      if (!root) return session.fail(root.error());
      path = *root + "/syncline.toml";
    }
    auto text = read_input(path, kConfigBytesMax);
    if (!text) {
      Error error = text.error();
      if (error.code == Code::kNotFound && !file_) error.code = Code::kNoStore;
      return session.fail(error);
    }
    const auto config = parse_config(std::move(*text));
    const Status fit = config ? check_outside_config(*config) : Status();
    if (!config || !fit) {
      Error error = config ? fit.error() : config.error();
      error.message = fmt::format("{}: {}", path, error.message);
      return session.fail(error);
    }
    if (*action_ == "show") return session.answer(config_json(*config), config_text(*config));
    std::vector<std::string> differences, ignored;
    if (!file_) {
      auto compared = compare(path.substr(0, path.rfind('/') + 1) + config->database, *config);
      if (!compared) return session.fail(compared.error());
      differences = std::move(*compared);
      auto found = ignored_kinds(path.substr(0, path.rfind('/')), *config, system_store_platform());
      // Outside a repository nothing is ignored.
      if (!found && found.error().code != Code::kNotFound) return session.fail(found.error());
      if (found) ignored = std::move(*found);
    }
    std::string told =
        fmt::format("{} is valid: {} kinds\n", printable(path), config->kinds.size());
    for (const std::string& difference : differences) {
      told += fmt::format("the database differs: {}\n", printable(difference));
    }
    for (const std::string& sentence : ignored) told += fmt::format("{}\n", printable(sentence));
    return session.answer(config_check_json(path, *config, differences, ignored), told);
  }

 private:
  // What tables that are there lack. Where there is no database yet, it will be as configured.
  static Result<std::vector<std::string>> compare(const std::string& path, const Config& config) {
    std::error_code unknown;
    if (!std::filesystem::exists(path, unknown)) return std::vector<std::string>{};
    TRY_ASSIGN(const auto database, Database::open(path, Database::Access::kRead));
    TRY_ASSIGN(std::vector<std::string> found, obstacles_in_tables(*database, config));
    TRY_ASSIGN(auto indexes, indexes_lacking(*database, config));
    std::ranges::move(indexes, std::back_inserter(found));
    return found;
  }

  std::optional<std::string> action_;
  std::optional<std::string> file_;
};

}  // namespace

std::unique_ptr<Verb> make_config_verb() {
  return std::make_unique<ConfigVerb>();
}

}  // namespace syncline
