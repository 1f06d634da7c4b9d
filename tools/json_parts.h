// What the shapes of json_output.h are made of. For the files that make them alone.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/json_output.h"

namespace syncline {

using Json = nlohmann::ordered_json;  // keys stay in the order in which they are set

// One line, whatever bytes are in it.
inline std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// What every answer begins with.
inline Json answer_object() {
  Json json = Json::object();
  json["schema"] = kJsonSchema;
  return json;
}

inline Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
inline Json number_or_null(uint64_t number) {
  return number == 0 ? Json(nullptr) : Json(number);
}
inline Json optional_or_null(const std::optional<uint64_t>& number) {
  return number ? Json(*number) : Json(nullptr);
}

}  // namespace syncline
