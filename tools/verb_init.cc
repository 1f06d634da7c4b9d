// syncline init [DIR] [--profile P] [--nested] [--new-identity] [--moved] [--promote]
#include "tools/child_process.h"
#include "tools/json_output.h"
#include "tools/text_output.h"
#include "tools/verb.h"
#include "tools/watchdog.h"

namespace syncline {
namespace {

class InitVerb final : public PlainVerb {
 public:
  VerbInfo info() const override {
    return {.name = "init",
            .usage = "init [DIR]",
            .summary = "make a directory a git work tree and a store"};
  }

  void declare(Options& options) override {
    options.argument("DIR", directory_, "where; the current directory when not given");
    options.text("--profile", profile_, "NAME", "notes (default), packages or elf");
    options.flag("--nested", init_.nested,
                 "make a repository of its own, although DIR is inside another one");
    options.flag("--new-identity", init_.new_identity,
                 "this is a copy, a clone or a store that lost its journal: give it its own name");
    options.flag("--moved", init_.moved, "the store was moved here: keep its name");
    options.flag("--promote", init_.promote,
                 "this replay or backup is to take records, instead of what it was made of");
  }

  int run(Session& session) override {
    const auto& store = session.options().store;
    if (directory_ && store && *directory_ != *store) {
      return session.fail(make_error(Code::kInvalid, "DIR and --store name two places"),
                          "nothing was done");
    }
    if (init_.moved && init_.new_identity) {
      return session.fail(
          make_error(Code::kInvalid, "--moved keeps the store's name, --new-identity changes it",
                     "give one of them"),
          "nothing was done");
    }
    if (init_.promote && (init_.new_identity || profile_)) {
      return session.fail(make_error(Code::kInvalid, "--promote keeps name and profile",
                                     "leave --new-identity and --profile out"),
                          "nothing was done");
    }
    if (profile_) init_.profile = *profile_;
    const std::string directory = directory_ ? *directory_ : store ? *store : ".";
    init_.merge_program = own_program_path();
    init_.on_lock_wait = [&](const std::string& why) { session.note("waiting: " + why); };
    const Watchdog watchdog(session, "init did not finish", "run it again: it takes up the rest");
    const auto report = Store::init(directory, init_);
    if (!report) return session.fail(report.error());
    return session.answer(init_json(*report), init_text(*report));
  }

 private:
  std::optional<std::string> directory_;
  std::optional<std::string> profile_;
  InitOptions init_;
};

}  // namespace

std::unique_ptr<Verb> make_init_verb() {
  return std::make_unique<InitVerb>();
}

}  // namespace syncline
