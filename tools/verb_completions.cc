// syncline completions bash|zsh|fish: what a shell offers as one types, from the verbs' own tables.
#include <fmt/format.h>

#include <algorithm>

#include "engine/write/stage.h"
#include "journal/base/shell_word.h"
#include "tools/verb.h"

namespace syncline {
namespace {

struct VerbOptions {
  VerbInfo info;
  std::vector<OptionInfo> options;
};

std::vector<VerbOptions> all_verbs() {
  std::vector<VerbOptions> verbs;
  for (const auto make : verb_makers()) {
    const std::unique_ptr<Verb> verb = make();
    verbs.push_back({.info = verb->info(), .options = verb->own_options()});
  }
  return verbs;
}

const std::vector<OptionInfo>& options_of_every_verb() {
  static const std::vector<OptionInfo> options = {
      {.name = "--store", .takes_value = true, .help = "the store"},
      {.name = "--json", .takes_value = false, .help = "one JSON object, errors too"},
      {.name = "--timeout", .takes_value = true, .help = "time limit in seconds"},
      {.name = "--help", .takes_value = false, .help = "help on the verb"},
      {.name = "--version", .takes_value = false, .help = "the version"}};
  return options;
}

std::string stage_names() {
  std::vector<std::string_view> names;
  for (const Rung& rung : kLadder) names.push_back(rung.name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string names_of(const std::vector<OptionInfo>& options) {
  std::vector<std::string> names;
  for (const OptionInfo& option : options) names.push_back(option.name);
  return fmt::format("{}", fmt::join(names, " "));
}

// `_describe` and `_arguments` of zsh take these as their own signs.
std::string zsh_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string bash_script(const std::vector<VerbOptions>& verbs) {
  std::vector<std::string_view> names{"help"};
  for (const VerbOptions& verb : verbs) names.push_back(verb.info.name);
  const std::string common = names_of(options_of_every_verb());
  std::string script =
      "# bash completion of syncline; made by `syncline completions bash`.\n"
      "_syncline() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' "
      "words='' at\n"
      "  for ((at = 1; at < COMP_CWORD; at++)); do\n"
      "    case ${COMP_WORDS[at]} in\n"
      "      --store | --timeout) ((at++)) ;;\n"
      "      -*) ;;\n"
      "      *) verb=${COMP_WORDS[at]} && break ;;\n"
      "    esac\n"
      "  done\n"
      "  COMPREPLY=()\n"
      "  case $previous in\n";
  script += fmt::format("    --wait) words='{}' ;;\n", stage_names());
  std::vector<std::string> with_value;
  for (const OptionInfo& option : options_of_every_verb()) {
    if (option.takes_value) with_value.push_back(option.name);
  }
  for (const VerbOptions& verb : verbs) {
    for (const OptionInfo& option : verb.options) {
      if (option.takes_value && option.name != "--wait") with_value.push_back(option.name);
    }
  }
  std::ranges::sort(with_value);
  const auto repeated = std::ranges::unique(with_value);
  with_value.erase(repeated.begin(), repeated.end());
  script += fmt::format("    {}) return ;; # a file, or what only the user knows\n",
                        fmt::join(with_value, " | "));
  script += fmt::format("    help) words='{}' ;;\n", fmt::join(names, " "));
  script += "  esac\n  if [[ -z $words ]]; then\n    case $verb in\n";
  script += fmt::format("      '') words='{} {}' ;;\n", fmt::join(names, " "), common);
  for (const VerbOptions& verb : verbs) {
    script +=
        fmt::format("      {}) words='{} {}' ;;\n", verb.info.name, names_of(verb.options), common);
  }
  script +=
      "    esac\n  fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
      "}\n"
      "complete -o default -F _syncline syncline\n";
  return script;
}

std::string zsh_option(const OptionInfo& option) {
  const bool stage = option.name == "--wait";
  const std::string value = !option.takes_value ? ""
                            : stage             ? fmt::format(":stage:({})", stage_names())
                                                : ":value:_files";
  return quoted_for_shell(fmt::format("{}[{}]{}", option.name, zsh_text(option.help), value));
}

std::string zsh_script(const std::vector<VerbOptions>& verbs) {
  std::string common;
  for (const OptionInfo& option : options_of_every_verb()) common += " " + zsh_option(option);
  std::string script =
      "#compdef syncline\n"
      "# zsh completion of syncline; made by `syncline completions zsh`.\n"
      "_syncline() {\n"
      "  local -a verbs\n"
      "  verbs=(\n    'help:help on a verb'\n";
  for (const VerbOptions& verb : verbs) {
    script += fmt::format("    {}\n", quoted_for_shell(fmt::format("{}:{}", verb.info.name,
                                                                   zsh_text(verb.info.summary))));
  }
  script +=
      "  )\n"
      "  local state\n"
      "  _arguments -C" +
      common +
      " '1: :->verb' '*:: :->rest'\n"
      "  case $state in\n"
      "    verb) _describe verb verbs ;;\n"
      "    rest)\n"
      "      case $words[1] in\n"
      "        help) _describe verb verbs ;;\n";
  for (const VerbOptions& verb : verbs) {
    std::string options;
    for (const OptionInfo& option : verb.options) options += " " + zsh_option(option);
    script += fmt::format("        {}) _arguments{}{} '*:file:_files' ;;\n", verb.info.name,
                          options, common);
  }
  script +=
      "      esac ;;\n"
      "  esac\n"
      "}\n"
      "if [ \"$funcstack[1]\" = _syncline ]; then _syncline \"$@\"; else compdef _syncline "
      "syncline; fi\n";
  return script;
}

std::string fish_option(std::string_view condition, const OptionInfo& option) {
  std::string line = fmt::format("complete -c syncline{} -l {} -d {}", condition,
                                 option.name.substr(2), quoted_for_shell(option.help));
  if (option.name == "--wait") {
    line += fmt::format(" -x -a {}", quoted_for_shell(stage_names()));
  } else if (option.takes_value) {
    line += " -r";
  }
  return line + "\n";
}

std::string fish_script(const std::vector<VerbOptions>& verbs) {
  std::string script = "# fish completion of syncline; made by `syncline completions fish`.\n";
  for (const OptionInfo& option : options_of_every_verb()) script += fish_option("", option);
  script += "complete -c syncline -n __fish_use_subcommand -f -a help -d 'help on a verb'\n";
  for (const VerbOptions& verb : verbs) {
    script += fmt::format("complete -c syncline -n __fish_use_subcommand -f -a {} -d {}\n",
                          verb.info.name, quoted_for_shell(verb.info.summary));
    const std::string condition =
        fmt::format(" -n '__fish_seen_subcommand_from {}'", verb.info.name);
    for (const OptionInfo& option : verb.options) script += fish_option(condition, option);
  }
  return script;
}

class CompletionsVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "completions",
            .usage = "completions bash|zsh|fish",
            .summary = "what a shell offers as one types",
            .only_reads = true};
  }

  void declare(Options& options) override {
    options.argument("SHELL", shell_, "bash, zsh or fish", /*required=*/true);
  }

  int run(Session& session) override {
    if (session.json()) {
      return session.fail(make_error(Code::kInvalid, "completions are a script, and no JSON"));
    }
    const std::vector<VerbOptions> verbs = all_verbs();
    if (shell_ == "bash") return session.answer({}, bash_script(verbs));
    if (shell_ == "zsh") return session.answer({}, zsh_script(verbs));
    if (shell_ == "fish") return session.answer({}, fish_script(verbs));
    return session.fail(make_error(Code::kInvalid, fmt::format("there is no shell '{}'", *shell_),
                                   "bash, zsh or fish"));
  }

 private:
  std::optional<std::string> shell_;
};

}  // namespace

std::unique_ptr<Verb> make_completions_verb() {
  return std::make_unique<CompletionsVerb>();
}

}  // namespace syncline
