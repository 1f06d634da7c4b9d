// What the machine itself gives: bench_limits VERB, the other side of the engine's rows.
//
// As engine.h: a verb does one measurement in the directory that it is given, and prints JSON.
#pragma once

#include "bench/load.h"

namespace syncline {

void limit_append(const Arguments& arguments, Report& report);  // limit_disk.cc
void limit_sequential(const Arguments& arguments, Report& report);
void limit_read(const Arguments& arguments, Report& report);
void limit_files(const Arguments& arguments, Report& report);  // limit_stages.cc
void limit_rows(const Arguments& arguments, Report& report);
void limit_pack(const Arguments& arguments, Report& report);
void limit_spawn(const Arguments& arguments, Report& report);  // limit_spawn.cc

}  // namespace syncline
