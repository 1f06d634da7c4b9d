#include "tools/options.h"

#include <CLI/CLI.hpp>

#include "tools/arguments.h"

namespace syncline {
namespace {

constexpr const char* kGlobalHelp =
    "Options of every verb:\n"
    "  --store DIR                 the store; else SYNCLINE_STORE, else found upward from here\n"
    "  --json                      one JSON object on standard output, errors too\n"
    "  --timeout SECONDS           time limit; fractions allowed\n"
    "  -h,--help                   this text\n"
    "  --version                   the version\n";

}  // namespace

struct Options::Impl {
  explicit Impl(const std::string& usage, const std::string& summary)
      : app(summary, "syncline " + usage) {
    app.set_help_flag();
    app.footer(kGlobalHelp);
  }
  CLI::App app;
};

Options::Options(const std::string& usage, const std::string& summary)
    : impl_(std::make_unique<Impl>(usage, summary)) {}

Options::~Options() = default;

void Options::flag(const std::string& name, bool& into, const std::string& help) {
  impl_->app.add_flag(name, into, help)->disable_flag_override();
}

void Options::text(const std::string& name, std::optional<std::string>& into,
                   const std::string& placeholder, const std::string& help) {
  impl_->app
      .add_option_function<std::string>(
          name, [&into](const std::string& value) { into = value; }, help)
      ->type_name(placeholder);
}

void Options::number(const std::string& name, std::optional<uint64_t>& into,
                     const std::string& placeholder, const std::string& help) {
  impl_->app
      .add_option_function<std::string>(
          name,
          [name, &into](const std::string& value) {
            const auto number = parse_number(name, value);
            if (!number) throw CLI::ValidationError(number.error().message);
            into = *number;
          },
          help)
      ->type_name(placeholder);
}

void Options::argument(const std::string& name, std::optional<std::string>& into,
                       const std::string& help, bool required) {
  impl_->app
      .add_option_function<std::string>(
          name, [&into](const std::string& value) { into = value; }, help)
      ->type_name("")
      ->required(required);
}

void Options::argument(const std::string& name, std::vector<std::string>& into,
                       const std::string& help) {
  impl_->app.add_option(name, into, help)->type_name("");
}

Status Options::parse(const std::vector<std::string>& arguments) {
  try {
    // CLI11 takes them from the back.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    impl_->app.parse(reversed);
  } catch (const CLI::Error& error) {
    return make_error(Code::kInvalid, error.what());
  }
  return {};
}

std::string Options::help() const {
  return impl_->app.help();
}

std::vector<OptionInfo> Options::list() const {
  std::vector<OptionInfo> list;
  for (const CLI::Option* const option : impl_->app.get_options()) {
    if (option->nonpositional()) {
      list.push_back({.name = option->get_name(),
                      .takes_value = option->get_items_expected_max() > 0,
                      .help = option->get_description()});
    }
  }
  return list;
}

}  // namespace syncline
