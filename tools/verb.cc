#include "tools/verb.h"

#include <fmt/format.h>

#include "journal/base/try.h"

namespace syncline {
namespace {

// Takes the options of every verb out of a verb's arguments, wherever they stand before "--".
Result<std::vector<std::string>> take_globals(const std::vector<std::string>& arguments,
                                              GlobalOptions& globals) {
  std::vector<std::string> rest;
  for (size_t index = 0; index < arguments.size();) {
    if (arguments[index] == "--") {
      rest.insert(rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(index),
                  arguments.end());
      break;
    }
    TRY_ASSIGN(const bool global, take_global_option(arguments, index, globals));
    if (!global) rest.push_back(arguments[index++]);
  }
  return rest;
}

}  // namespace

Options& PlainVerb::options() {
  if (options_ == nullptr) {
    options_ = std::make_unique<Options>(std::string(info().usage), std::string(info().summary));
    declare(*options_);
  }
  return *options_;
}

Status PlainVerb::parse(const std::vector<std::string>& arguments, GlobalOptions& globals) {
  TRY_ASSIGN(const std::vector<std::string> rest, take_globals(arguments, globals));
  if (globals.help || globals.version) return {};
  Status parsed = options().parse(rest);
  if (parsed) return parsed;
  Error error = std::move(parsed).error();
  error.hint = fmt::format("see syncline {} --help", info().name);
  return error;
}

std::string PlainVerb::help() {
  return options().help();
}

std::vector<OptionInfo> PlainVerb::own_options() {
  return options().list();
}

}  // namespace syncline
