// A record's fields as one JSON object, in the order in which they were given.
#pragma once

#include <nlohmann/json.hpp>
#include <variant>

#include "syncline/record.h"

namespace syncline {

inline nlohmann::ordered_json fields_json(const Fields& fields) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : fields) {
    std::visit([&, &field = name](const auto& one) { json[field] = one; }, value);
  }
  return json;
}

}  // namespace syncline
