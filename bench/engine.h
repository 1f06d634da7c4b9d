// The engine's side of every row: bench_engine VERB, one file for each group of verbs.
//
// A verb does one measurement in the directory that it is given, and prints one line of JSON. The
// driver (bench/compare) makes directories, repeats, interleaves and compares.
#pragma once

#include <memory>
#include <string>

#include "bench/load.h"
#include "syncline/store.h"

namespace syncline {

template <typename T>
T must(Result<T> result) {
  if (!result) stop_benchmark(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void measure_append(const Arguments& arguments, Report& report);  // engine_append.cc
void measure_stages(const Arguments& arguments, Report& report);  // engine_stages.cc
void measure_steps(const Arguments& arguments, Report& report);
void measure_open(const Arguments& arguments, Report& report);
void measure_scan(const Arguments& arguments, Report& report);  // engine_scan.cc

// A store whose kinds are those of the profile "notes" and `line`: a row, and a few bytes appended
// to a file that all of them share. It publishes when it is told to, so that what is folded can be
// timed apart.
void make_store(const std::string& root);
Record note(uint64_t number, std::string body);

}  // namespace syncline
