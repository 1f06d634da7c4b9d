// A verb of the command, and where each is made. A verb declares its options, is filled by the
// parser, and runs once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/options.h"
#include "tools/session.h"

namespace syncline {

class Verb {
 public:
  virtual ~Verb() = default;
  virtual void declare(Options& options) = 0;
  virtual int run(Session& session) = 0;  // the exit code
};

std::unique_ptr<Verb> make_init_verb();
std::unique_ptr<Verb> make_ingest_verb();
std::unique_ptr<Verb> make_sync_verb();
std::unique_ptr<Verb> make_status_verb();
std::unique_ptr<Verb> make_show_verb();
std::unique_ptr<Verb> make_log_verb();
std::unique_ptr<Verb> make_verify_verb();
std::unique_ptr<Verb> make_repair_verb();
std::unique_ptr<Verb> make_replay_verb();
std::unique_ptr<Verb> make_stress_verb();
std::unique_ptr<Verb> make_bench_verb();
std::unique_ptr<Verb> make_config_verb();

// `record` reads its own arguments: its flags are a kind's fields (tools/record_arguments.h).
int run_record(const std::vector<std::string>& arguments, const GlobalOptions& before_verb,
               const Console& console);

}  // namespace syncline
