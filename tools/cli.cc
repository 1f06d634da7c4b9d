#include "tools/cli.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "engine/config/near_name.h"
#include "tools/json_output.h"
#include "tools/page_fault.h"
#include "tools/verb.h"

namespace syncline {
namespace {

std::unique_ptr<Verb> find_verb(std::string_view name) {
  for (const auto make : verb_makers()) {
    std::unique_ptr<Verb> verb = make();
    if (verb->info().name == name) return verb;
  }
  return nullptr;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names{"help"};
  for (const auto make : verb_makers()) names.emplace_back(make()->info().name);
  return names;
}

Error unknown_verb(const std::string& name) {
  if (name.size() > 1 && name.front() == '-') {
    return make_error(Code::kInvalid,
                      fmt::format("'{}' is not an option that may stand before a verb", name),
                      "see syncline --help");
  }
  return make_error(Code::kInvalid, fmt::format("'{}' is not a verb", name),
                    near_name_hint(name, verb_names()));
}

int answer_help(const Session& session, const std::string& help) {
  write_text(session.console().out, help);
  return std::fflush(session.console().out) == 0 ? to_int(ExitCode::kDone)
                                                 : to_int(ExitCode::kFailed);
}

int answer_version(const Session& session) {
  return session.answer(version_json(), "syncline " SYNCLINE_VERSION "\n");
}

int run_verb(Verb& verb, const std::vector<std::string>& arguments, GlobalOptions globals,
             const Console& console) {
  const Status parsed = verb.parse(arguments, globals);
  Session session(std::move(globals), console);
  if (!parsed) return session.fail(parsed.error(), std::string(verb.info().untouched));
  if (session.options().help) return answer_help(session, verb.help());
  if (session.options().version) return answer_version(session);
  if (verb.info().only_reads) session.expect_only_reading();
  return verb.run(session);
}

// `help`, `help VERB`: as --help after it.
int run_help(const std::vector<std::string>& arguments, const GlobalOptions& globals,
             const Console& console) {
  const Session session(globals, console);
  if (arguments.empty()) return answer_help(session, program_help());
  const std::unique_ptr<Verb> verb = find_verb(arguments.front());
  if (verb == nullptr) return session.fail(unknown_verb(arguments.front()), "nothing was done");
  GlobalOptions asked = globals;
  asked.help = true;
  return run_verb(*verb, {}, std::move(asked), console);
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
    return session.fail(make_error(
        Code::kInvalid, "no verb was given",
        fmt::format("verbs are {}; see syncline --help", fmt::join(verb_names(), ", "))));
  }
  const std::string& name = arguments[index];
  const std::vector<std::string> rest(arguments.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                                      arguments.end());
  if (name == "help") return run_help(rest, globals, console);
  const std::unique_ptr<Verb> verb = find_verb(name);
  if (verb == nullptr) return session.fail(unknown_verb(name), "nothing was done");
  return run_verb(*verb, rest, globals, console);
}

}  // namespace

std::string program_help() {
  std::string text =
      "Usage: syncline [--store DIR] VERB ...\n\n"
      "A journal of records: written once and durably, then applied to SQLite rows, files and git\n"
      "commits, and checked against them.\n\nVerbs:\n";
  for (const auto make : verb_makers()) {
    const VerbInfo verb = make()->info();
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
  // Found out before anything else, so that errors in the options are reported in that form too.
  const auto options_end = std::ranges::find(arguments, "--");
  globals.json = std::find(arguments.begin(), options_end, "--json") != options_end;
  const PageFaultGuard guard(globals.json, console);
  try {
    return run(arguments, globals, console);
  } catch (const std::exception& error) {
    // Mostly memory that ran out, perhaps after the record was in the journal.
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
