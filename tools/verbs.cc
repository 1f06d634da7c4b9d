// The list of verbs.
#include <array>

#include "tools/verb.h"

namespace syncline {

std::unique_ptr<Verb> make_init_verb();
std::unique_ptr<Verb> make_record_verb();
std::unique_ptr<Verb> make_ingest_verb();
std::unique_ptr<Verb> make_retract_verb();
std::unique_ptr<Verb> make_sync_verb();
std::unique_ptr<Verb> make_status_verb();
std::unique_ptr<Verb> make_metrics_verb();
std::unique_ptr<Verb> make_show_verb();
std::unique_ptr<Verb> make_log_verb();
std::unique_ptr<Verb> make_list_verb();
std::unique_ptr<Verb> make_export_verb();
std::unique_ptr<Verb> make_verify_verb();
std::unique_ptr<Verb> make_repair_verb();
std::unique_ptr<Verb> make_adopt_verb();
std::unique_ptr<Verb> make_replay_verb();
std::unique_ptr<Verb> make_backup_verb();
std::unique_ptr<Verb> make_restore_verb();
std::unique_ptr<Verb> make_stress_verb();
std::unique_ptr<Verb> make_bench_verb();
std::unique_ptr<Verb> make_config_verb();
std::unique_ptr<Verb> make_merge_sections_verb();
std::unique_ptr<Verb> make_completions_verb();

namespace {

constexpr std::array kMakers{
    make_init_verb,        make_record_verb,  make_ingest_verb,
    make_retract_verb,     make_sync_verb,    make_status_verb,
    make_metrics_verb,     make_show_verb,    make_log_verb,
    make_list_verb,        make_export_verb,  make_verify_verb,
    make_repair_verb,      make_adopt_verb,   make_replay_verb,
    make_backup_verb,      make_restore_verb, make_stress_verb,
    make_bench_verb,       make_config_verb,  make_merge_sections_verb,
    make_completions_verb,
};

}  // namespace

std::span<std::unique_ptr<Verb> (*const)()> verb_makers() {
  return kMakers;
}

}  // namespace syncline
