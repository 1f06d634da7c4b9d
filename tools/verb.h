// A verb of the command: it reads its own arguments, knows its own help, and runs once.
//
// Most verbs declare their options (PlainVerb). To add one: a file verb_NAME.cc with its class, and
// a line in the list of verbs.cc.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "syncline/result.h"
#include "tools/options.h"
#include "tools/session.h"

namespace syncline {

struct VerbInfo {
  std::string_view name;
  std::string_view usage;    // what follows "syncline " in the usage line
  std::string_view summary;  // a line of the program's help
  // The hint of an error in the arguments.
  std::string_view untouched = "nothing was done";
  // Who closes its output early, as `head` does, has what he wanted.
  bool only_reads = false;
};

class Verb {
 public:
  virtual ~Verb() = default;
  virtual VerbInfo info() const = 0;
  // Reads the verb's own arguments, and the options of every verb among them into `globals`. If
  // those ask for help or the version, the rest need not be complete. On kInvalid `globals` holds
  // what was read so far.
  virtual Status parse(const std::vector<std::string>& arguments, GlobalOptions& globals) = 0;
  virtual std::string help() = 0;
  virtual std::vector<OptionInfo> own_options() = 0;
  virtual int run(Session& session) = 0;  // the exit code
};

// A verb with a fixed table of options.
class PlainVerb : public Verb {
 public:
  Status parse(const std::vector<std::string>& arguments, GlobalOptions& globals) final;
  std::string help() final;
  std::vector<OptionInfo> own_options() final;

 protected:
  virtual void declare(Options& options) = 0;

 private:
  Options& options();
  std::unique_ptr<Options> options_;
};

// All of them, in the order of the program's help.
std::span<std::unique_ptr<Verb> (*const)()> verb_makers();

}  // namespace syncline
