// The options of one verb, declared against CLI11 without showing it: its headers cost seconds of
// compiling in every file that includes them.
//
// Declared variables must outlive the parsing. Global options (tools/arguments.h) have been removed
// by then, so a verb declares only its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "syncline/result.h"

namespace syncline {

// For those who complete what is typed.
struct OptionInfo {
  std::string name;  // with its dashes
  bool takes_value = false;
  std::string help;
};

class Options {
 public:
  // `usage` is what follows "syncline " in the usage line.
  Options(const std::string& usage, const std::string& summary);
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // `name` with its dashes: "--dry-run".
  void flag(const std::string& name, bool& into, const std::string& help);
  void text(const std::string& name, std::optional<std::string>& into,
            const std::string& placeholder, const std::string& help);
  void number(const std::string& name, std::optional<uint64_t>& into,
              const std::string& placeholder, const std::string& help);
  // Positional arguments, in the order declared; optional unless said otherwise.
  void argument(const std::string& name, std::optional<std::string>& into, const std::string& help,
                bool required = false);
  void argument(const std::string& name, std::vector<std::string>& into, const std::string& help);

  // kInvalid with the reason. No exception of CLI11 gets out.
  Status parse(const std::vector<std::string>& arguments);
  std::string help() const;
  std::vector<OptionInfo> list() const;  // without positional arguments

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace syncline
