// Values on the command line, as pure functions: text in, a value or kInvalid out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "syncline/record.h"
#include "syncline/result.h"

namespace syncline {

inline constexpr int64_t kTimeoutMsMax = 1'000'000'000'000;  // 31 years

// "10", "0.25": seconds, fractions allowed, as milliseconds. `option` names it in the message.
Result<int64_t> parse_seconds(std::string_view option, std::string_view text);
// Decimal digits only: no sign, no octal, no hexadecimal.
Result<uint64_t> parse_number(std::string_view option, std::string_view text);
// "5,10,50": positive numbers up to `each_max`.
Result<std::vector<uint64_t>> parse_number_list(std::string_view option, std::string_view text,
                                                uint64_t each_max);

// The value of --wait.
Result<Stage> parse_wait(std::string_view text);

// The options that every verb takes, before the verb or after it.
struct GlobalOptions {
  std::optional<std::string> store;
  std::optional<int64_t> timeout_ms;
  bool json = false;
  bool help = false;
  bool version = false;
};

// Reads one option at arguments[index] into `globals`, if it is a global one, and advances `index`
// past it and its value. False when it is not a global option.
Result<bool> take_global_option(const std::vector<std::string>& arguments, size_t& index,
                                GlobalOptions& globals);

// Splits "--name=value"; `value` is empty where there is no '='.
struct OptionToken {
  std::string_view name;  // without the dashes
  std::optional<std::string_view> value;
};
// Empty where `text` does not have the form --name or --name=…; a name is [A-Za-z0-9_-]+ and begins
// with a letter. "---", "-- x" and "-5" are values, not options.
std::optional<OptionToken> split_option(std::string_view text);

// The value of the option at arguments[index]: the text after its '=', otherwise the next argument,
// unless that looks like an option (such a value must be joined by '='). Advances `index` past
// both.
Result<std::string> take_option_value(const std::vector<std::string>& arguments, size_t& index,
                                      const OptionToken& token);

}  // namespace syncline
