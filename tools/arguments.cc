#include "tools/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "journal/base/ascii.h"
#include "journal/base/try.h"

namespace syncline {
namespace {}  // namespace

Result<int64_t> parse_seconds(std::string_view option, std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(seconds) ||
      seconds < 0) {
    return make_error(Code::kInvalid,
                      fmt::format("--{} takes seconds, such as 10 or 0.5, not '{}'", option, text));
  }
  const double milliseconds = std::ceil(seconds * 1000.0);
  if (milliseconds >= static_cast<double>(kTimeoutMsMax)) return kTimeoutMsMax;
  return static_cast<int64_t>(milliseconds);
}

Result<uint64_t> parse_number(std::string_view option, std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || !is_ascii_digit(text.front()) || error != std::errc{} ||
      end != text.data() + text.size()) {
    return make_error(Code::kInvalid, fmt::format("{} takes a number, not '{}'", option, text));
  }
  return number;
}

Result<Stage> parse_wait(std::string_view text) {
  const auto stage = parse_stage(text);
  if (stage) return *stage;
  return make_error(Code::kInvalid, fmt::format("--wait does not know the stage '{}'", text),
                    "stages are journaled, applied, committed, published, pushed");
}

Result<std::vector<uint64_t>> parse_number_list(std::string_view option, std::string_view text,
                                                uint64_t each_max) {
  std::vector<uint64_t> numbers;
  while (true) {
    const size_t comma = text.find(',');
    TRY_ASSIGN(const uint64_t number, parse_number(option, text.substr(0, comma)));
    if (number == 0 || number > each_max) {
      return make_error(Code::kInvalid, fmt::format("{} takes numbers from 1 to {}, not {}", option,
                                                    each_max, number));
    }
    numbers.push_back(number);
    if (comma == std::string_view::npos) return numbers;
    text.remove_prefix(comma + 1);
  }
}

std::optional<OptionToken> split_option(std::string_view text) {
  if (!text.starts_with("--") || text.size() < 3 || !is_ascii_letter(text[2])) return std::nullopt;
  const size_t equals = text.find('=');
  const std::string_view name =
      text.substr(2, equals == std::string_view::npos ? std::string_view::npos : equals - 2);
  if (!std::ranges::all_of(name, [](char c) {
        return is_ascii_letter(c) || is_ascii_digit(c) || c == '_' || c == '-';
      })) {
    return std::nullopt;
  }
  OptionToken token{.name = name, .value = std::nullopt};
  if (equals != std::string_view::npos) token.value = text.substr(equals + 1);
  return token;
}

Result<std::string> take_option_value(const std::vector<std::string>& arguments, size_t& index,
                                      const OptionToken& token) {
  const size_t at = index++;
  if (token.value) return std::string(*token.value);
  if (at + 1 >= arguments.size()) {
    return make_error(Code::kInvalid, fmt::format("--{} needs a value", token.name));
  }
  const std::string& next = arguments[at + 1];
  if (next == "--" || split_option(next)) {
    return make_error(Code::kInvalid,
                      fmt::format("--{} needs a value, but '{}' follows", token.name, next),
                      fmt::format("if that is the value, write --{}={}", token.name, next));
  }
  ++index;
  return next;
}

Result<bool> take_global_option(const std::vector<std::string>& arguments, size_t& index,
                                GlobalOptions& globals) {
  if (arguments[index] == "-h") {
    globals.help = true;
    ++index;
    return true;
  }
  const auto token = split_option(arguments[index]);
  if (!token) return false;
  if (token->name == "store") {
    TRY_ASSIGN(globals.store, take_option_value(arguments, index, *token));
    return true;
  }
  if (token->name == "timeout") {
    TRY_ASSIGN(const std::string text, take_option_value(arguments, index, *token));
    TRY_ASSIGN(globals.timeout_ms, parse_seconds("timeout", text));
    return true;
  }
  bool* const flag = token->name == "json"      ? &globals.json
                     : token->name == "help"    ? &globals.help
                     : token->name == "version" ? &globals.version
                                                : nullptr;
  if (flag == nullptr) return false;
  if (token->value) {
    return make_error(Code::kInvalid, fmt::format("--{} takes no value", token->name));
  }
  *flag = true;
  ++index;
  return true;
}

}  // namespace syncline
