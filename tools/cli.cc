#include "tools/cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>

#include "tools/json_output.h"
#include "tools/page_fault.h"
#include "tools/verb.h"

namespace syncline {
namespace {

struct VerbEntry {
  std::string_view name;
  std::string_view usage;
  std::string_view summary;
  std::unique_ptr<Verb> (*make)();  // null: record, which reads its own arguments
};

constexpr std::array kVerbs{
    VerbEntry{"init", "init [DIR]", "make a directory a git work tree and a store", make_init_verb},
    VerbEntry{"record", "record KIND --FIELD VALUE ...", "write one record", nullptr},
    VerbEntry{"ingest", "ingest [FILE|-]", "write records from NDJSON, a line each",
              make_ingest_verb},
    VerbEntry{"sync", "sync", "commit and publish everything recorded so far", make_sync_verb},
    VerbEntry{"status", "status", "how far rows, files and git have come", make_status_verb},
    VerbEntry{"show", "show SEQ|--key KEY", "the receipt of one record", make_show_verb},
    VerbEntry{"log", "log", "the journal, a line a record", make_log_verb},
    VerbEntry{"verify", "verify", "check journal, rows, files and git against each other",
              make_verify_verb},
    VerbEntry{"repair", "repair", "make them agree, keeping what is replaced", make_repair_verb},
    VerbEntry{"replay", "replay --into DIR", "rebuild rows, files and commits elsewhere",
              make_replay_verb},
    VerbEntry{"stress", "stress", "many processes recording at once, and what became of it",
              make_stress_verb},
    VerbEntry{"bench", "bench", "measure this disk in a few seconds", make_bench_verb},
    VerbEntry{"config", "config check|show [FILE]", "check or show syncline.toml",
              make_config_verb},
};

const VerbEntry* find_verb(std::string_view name) {
  const auto found = std::ranges::find(kVerbs, name, &VerbEntry::name);
  return found == kVerbs.end() ? nullptr : &*found;
}

std::string verb_names() {
  std::string names;
  for (const VerbEntry& verb : kVerbs) {
    if (!names.empty()) names += ", ";
    names += verb.name;
  }
  return names;
}

int answer_help(const Session& session, const std::string& help) {
  write_text(session.console().out, help);
  return std::fflush(session.console().out) == 0 ? to_int(ExitCode::kDone)
                                                 : to_int(ExitCode::kFailed);
}

int answer_version(const Session& session) {
  return session.answer(version_json(), "syncline " SYNCLINE_VERSION "\n");
}

// Takes the global options out of a verb's arguments, wherever they stand before "--".
Result<std::vector<std::string>> take_globals(const std::vector<std::string>& arguments,
                                              GlobalOptions& globals) {
  std::vector<std::string> rest;
  for (size_t index = 0; index < arguments.size();) {
    if (arguments[index] == "--") {
      rest.insert(rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(index),
                  arguments.end());
      break;
    }
    TRY_ASSIGN(const bool global, take_global_option(arguments, index, globals));
    if (!global) rest.push_back(arguments[index++]);
  }
  return rest;
}

int run_verb(const VerbEntry& entry, const std::vector<std::string>& arguments,
             GlobalOptions globals, const Console& console) {
  const auto rest = take_globals(arguments, globals);
  Session session(std::move(globals), console);
  if (!rest) return session.fail(rest.error(), "nothing was done");
  const std::unique_ptr<Verb> verb = entry.make();
  Options options{std::string(entry.usage), std::string(entry.summary)};
  verb->declare(options);
  if (session.options().help) return answer_help(session, options.help());
  if (session.options().version) return answer_version(session);
  if (const Status parsed = options.parse(*rest); !parsed) {
    Error error = parsed.error();
    error.hint = fmt::format("see syncline {} --help", entry.name);
    return session.fail(error, "nothing was done");
  }
  return verb->run(session);
}

int run(const std::vector<std::string>& arguments, GlobalOptions& globals, const Console& console) {
  size_t index = 0;
  while (index < arguments.size()) {
    const auto global = take_global_option(arguments, index, globals);
    if (!global) return Session(globals, console).fail(global.error(), "nothing was done");
    if (!*global) break;
  }
  const Session session(globals, console);
  if (index == arguments.size()) {
    if (globals.version) return answer_version(session);
    if (globals.help) return answer_help(session, program_help());
    return session.fail(make_error(Code::kInvalid, "no verb was given",
                                   fmt::format("verbs are {}; see syncline --help", verb_names())));
  }
  const std::string& name = arguments[index];
  const VerbEntry* const entry = find_verb(name);
  if (entry == nullptr) {
    const bool option = name.size() > 1 && name.front() == '-';
    return session.fail(
        make_error(Code::kInvalid,
                   fmt::format("'{}' is not {}", name,
                               option ? "an option that may stand before a verb" : "a verb"),
                   option ? "see syncline --help" : fmt::format("verbs are {}", verb_names())),
        "nothing was done");
  }
  const std::vector<std::string> rest(arguments.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                                      arguments.end());
  if (entry->make == nullptr) return run_record(rest, globals, console);
  return run_verb(*entry, rest, globals, console);
}

}  // namespace

std::string program_help() {
  std::string text =
      "Usage: syncline [--store DIR] VERB ...\n\n"
      "A journal of records: written once and durably, then applied to SQLite rows, files and git\n"
      "commits, and checked against them.\n\nVerbs:\n";
  for (const VerbEntry& verb : kVerbs) {
    text += fmt::format("  {:<10} {}\n", verb.name, verb.summary);
  }
  text +=
      "\nOptions of every verb:\n"
      "  --store DIR        the store; else SYNCLINE_STORE, else found upward from here\n"
      "  --json             one JSON object on standard output, errors too\n"
      "  --timeout SECONDS  time limit; fractions allowed\n"
      "  -h, --help         this text; after a verb, the verb's\n"
      "  --version          the version\n\n"
      "Exit codes: 0 done; 1 failed, nothing written; 3 set aside; 4 threshold; 5 lines rejected;\n"
      "6 unsafe path; 10 no store; 11 time limit; 12 disagreement or damage; 64 usage; 74 outcome\n"
      "unknown; 75 retry later. See syncline(1).\n";
  return text;
}

int run_cli(const std::vector<std::string>& arguments, const Console& console) {
  GlobalOptions globals;
  // Known before anything else is: errors in reading the options come in the form asked for, too.
  const auto options_end = std::ranges::find(arguments, "--");
  globals.json = std::find(arguments.begin(), options_end, "--json") != options_end;
  const PageFaultGuard guard(globals.json, console);
  try {
    return run(arguments, globals, console);
  } catch (const std::exception& error) {
    // Memory that ran out, mostly: it may have run out after the record was in the journal.
    Error stopped =
        make_error(Code::kOutcomeUnknown, fmt::format("stopped half-way: {}", error.what()),
                   "run it again: records with a key are not recorded twice");
    if (const uint64_t seq = PageFaultGuard::durable_seq(); seq != 0) {
      stopped.code = Code::kTimeout;
      stopped.hint = "the record is not lost and comes by `syncline sync`: do not record it again";
      stopped.seq = seq;
    }
    return Session(globals, console)
        .fail(stopped, {}, stopped.seq != 0 ? std::string(stage_name(Stage::kJournaled)) : "");
  }
}

}  // namespace syncline
