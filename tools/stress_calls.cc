#include "tools/stress_calls.h"

#include <fmt/format.h>

#include "journal/base/assert.h"

namespace syncline {
namespace {

// Short enough for most fields, so that paths made of it stay readable.
std::string text_for(const FieldSpec& field, const std::string& token) {
  const std::string text = field.name == "domain" ? "stress" : token;
  return text.substr(0, field.length_max);
}

std::string number_for(const FieldSpec& field) {
  const double number = field.minimum < field.maximum ? field.minimum : 1;
  return field.type == FieldSpec::Type::kInteger ? fmt::format("{}", static_cast<int64_t>(number))
                                                 : fmt::format("{}", number);
}

}  // namespace

StressCall make_stress_call(const Config& config, const std::string& run, uint64_t number) {
  SYNCLINE_ASSERT(!config.kinds.empty());
  const KindSpec& kind = config.kinds[number % config.kinds.size()];
  StressCall call;
  call.token = fmt::format("stress {} call {:06}", run, number);
  call.arguments.push_back(kind.name);
  for (const FieldSpec& field : kind.fields) {
    if (!field.required) continue;
    const std::string value =
        field.type == FieldSpec::Type::kText ? text_for(field, call.token) : number_for(field);
    call.arguments.emplace_back("--field");
    call.arguments.push_back(field.name + "=" + value);
  }
  return call;
}

}  // namespace syncline
