// Hands an Error on to the caller of the function that met it.
//
//   Result<int> parse(std::string_view text);
//   TRY_ASSIGN(int value, parse(text));     // returns the Error to the caller on failure
//   TRY(file.sync_data());
#pragma once

#include <utility>

#include "syncline/result.h"

#define SYNCLINE_CONCAT_INNER(a, b) a##b
#define SYNCLINE_CONCAT(a, b) SYNCLINE_CONCAT_INNER(a, b)

// Returns the error of a Result<void> (or any Result whose value is not needed) to the caller.
#define TRY(expression) TRY_IMPL(SYNCLINE_CONCAT(syncline_try_, __COUNTER__), expression)
#define TRY_IMPL(temporary, expression)                                                 \
  do {                                                                                  \
    if (auto temporary = (expression); !temporary) return std::move(temporary).error(); \
  } while (false)

// TRY_ASSIGN(auto x, f()) declares x from the value, or returns the error.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_IMPL(SYNCLINE_CONCAT(syncline_try_, __COUNTER__), declaration, expression)
#define TRY_ASSIGN_IMPL(temporary, declaration, expression) \
  auto temporary = (expression);                            \
  if (!temporary) return std::move(temporary).error();      \
  declaration = std::move(*temporary)
