// Which line of the program a disk operation comes from: the return address of the first caller
// that is not the simulation itself, named by the program's own symbol table.
//
// Addresses of one build only; of a name the offset tells the calls of one function apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncline::simulation {

class CallSites {
 public:
  CallSites();
  // Of whoever called into the simulation just now; 0 where that cannot be told.
  uint64_t here() const;
  std::string name(uint64_t site) const;

 private:
  struct Symbol {
    uint64_t begin = 0, end = 0;
    std::string name;
    bool simulation = false;
  };
  const Symbol* find(uint64_t address) const;

  std::vector<Symbol> symbols_;  // of functions, sorted; addresses as loaded
};

}  // namespace syncline::simulation
