#include "tools/record_arguments.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/base/try.h"

namespace syncline {
namespace {

constexpr std::string_view kFileSuffix = "-file";

const FieldSpec* find_field(const KindSpec& kind, std::string_view name) {
  const auto found = std::ranges::find(kind.fields, name, &FieldSpec::name);
  return found == kind.fields.end() ? nullptr : &*found;
}

// The field a flag's name means: itself, or with '_' for '-'.
const FieldSpec* find_field_of_flag(const KindSpec& kind, std::string_view name) {
  if (const FieldSpec* field = find_field(kind, name)) return field;
  std::string underscored(name);
  std::ranges::replace(underscored, '-', '_');
  return find_field(kind, underscored);
}

Result<RecordArguments::Field> split_assignment(const std::string& text,
                                                RecordArguments::Field::Form form,
                                                std::string_view option) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return make_error(Code::kInvalid, fmt::format("--{} takes NAME=VALUE, not '{}'", option, text));
  }
  return RecordArguments::Field{text.substr(0, equals), text.substr(equals + 1), form};
}

Status take_positional(RecordArguments& parsed, const std::string& argument) {
  if (!parsed.kind.empty()) {
    return make_error(
        Code::kInvalid,
        fmt::format("'{}' was not expected after the kind '{}'", argument, parsed.kind),
        "fields are given as --FIELD VALUE; quote a value that holds spaces, and write --field "
        "NAME=VALUE where a field is named as an option of record is");
  }
  if (argument.empty()) return make_error(Code::kInvalid, "the kind is empty");
  parsed.kind = argument;
  return {};
}

// `--version` with a value is a kind's field; without one it is the program's.
bool is_version_field(const RecordArguments& parsed, const std::vector<std::string>& arguments,
                      size_t index) {
  const auto token = split_option(arguments[index]);
  if (parsed.kind.empty() || !token || token->name != "version") return false;
  if (token->value || index + 1 == arguments.size()) return token->value.has_value();
  const std::string& next = arguments[index + 1];
  return next != "--" && next != "-h" && !split_option(next);
}

Status take_flag(RecordArguments& parsed, const std::vector<std::string>& arguments, size_t& index,
                 const OptionToken& token) {
  TRY_ASSIGN(std::string value, take_option_value(arguments, index, token));
  if (token.name == "key") {
    if (value.empty()) return make_error(Code::kInvalid, "--key is empty");
    parsed.key = std::move(value);
  } else if (token.name == "wait") {
    TRY_ASSIGN(parsed.wait, parse_wait(value));
  } else if (token.name == "replaces") {
    TRY_ASSIGN(parsed.replaces, parse_number("--replaces", value));
  } else if (token.name == "field") {
    TRY_ASSIGN(auto field,
               split_assignment(value, RecordArguments::Field::Form::kField, token.name));
    parsed.fields.push_back(std::move(field));
  } else if (token.name == "field-file") {
    TRY_ASSIGN(auto field,
               split_assignment(value, RecordArguments::Field::Form::kFieldFile, token.name));
    parsed.fields.push_back(std::move(field));
  } else {
    parsed.fields.push_back(
        {std::string(token.name), std::move(value), RecordArguments::Field::Form::kFlag});
  }
  return {};
}

struct Target {
  std::string name;
  const FieldSpec* spec = nullptr;
  bool from_file = false;
};

Target find_target(const RecordArguments::Field& field, const KindSpec* kind) {
  using Form = RecordArguments::Field::Form;
  const bool exact = field.form != Form::kFlag;
  const auto find = [&](std::string_view name) -> const FieldSpec* {
    if (kind == nullptr) return nullptr;
    return exact ? find_field(*kind, name) : find_field_of_flag(*kind, name);
  };
  if (const FieldSpec* spec = find(field.name)) {
    return {spec->name, spec, field.form == Form::kFieldFile};
  }
  if (!exact && field.name.ends_with(kFileSuffix)) {
    const std::string_view stem(field.name.data(), field.name.size() - kFileSuffix.size());
    if (const FieldSpec* spec = find(stem)) return {spec->name, spec, true};
  }
  return {field.name, nullptr, field.form == Form::kFieldFile};
}

}  // namespace

Result<RecordArguments> parse_record_arguments(const std::vector<std::string>& arguments,
                                               const GlobalOptions& before_verb) {
  RecordArguments parsed;
  parsed.globals = before_verb;
  bool options_ended = false;
  for (size_t index = 0; index < arguments.size();) {
    const std::string& argument = arguments[index];
    if (options_ended) {
      TRY(take_positional(parsed, argument));
      ++index;
      continue;
    }
    if (argument == "--") {
      options_ended = true;
      ++index;
      continue;
    }
    if (!is_version_field(parsed, arguments, index)) {
      TRY_ASSIGN(const bool global, take_global_option(arguments, index, parsed.globals));
      if (global) continue;
    }
    if (const auto token = split_option(argument)) {
      TRY(take_flag(parsed, arguments, index, *token));
    } else if (argument.size() > 1 && argument.front() == '-') {
      return make_error(Code::kInvalid, fmt::format("'{}' is not an option", argument),
                        "fields are given as --FIELD VALUE");
    } else {
      TRY(take_positional(parsed, argument));
      ++index;
    }
  }
  if (parsed.kind.empty() && !parsed.globals.help && !parsed.globals.version) {
    return make_error(Code::kInvalid, "record needs a kind",
                      "syncline config show lists the kinds and fields of this store");
  }
  return parsed;
}

Result<Fields> resolve_fields(const RecordArguments& arguments, const KindSpec* kind,
                              const ReadContent& read_content) {
  Fields fields;
  bool standard_input_read = false;
  for (const auto& given : arguments.fields) {
    const Target target = find_target(given, kind);
    const bool twice =
        std::ranges::any_of(fields, [&](const auto& field) { return field.first == target.name; });
    if (twice) {
      return make_error(Code::kInvalid, fmt::format("the field '{}' is given twice", target.name));
    }
    std::string value = given.value;
    if (target.from_file) {
      if (value == "-" && std::exchange(standard_input_read, true)) {
        return make_error(Code::kInvalid, "standard input can be read into one field only");
      }
      TRY_ASSIGN(value, read_content(value));
      if (target.spec != nullptr && target.spec->single_line && value.ends_with('\n')) {
        value.pop_back();
      }
    }
    fields.emplace_back(target.name, std::move(value));
  }
  return fields;
}

}  // namespace syncline
