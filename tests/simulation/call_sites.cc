#include "tests/simulation/call_sites.h"

#include <cxxabi.h>
#include <elf.h>
#include <execinfo.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace syncline::simulation {

namespace {

constexpr int kFramesMax = 48;
// Of the simulation and of what stands between it and its caller.
constexpr std::array<std::string_view, 3> kPassedOver = {"_ZN8syncline10simulation",
                                                         "_ZNK8syncline10simulation", "_ZThn"};

uint64_t load_address() {
  uint64_t address = 0;
  // The first object is the program itself.
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* into) {
        *static_cast<uint64_t*>(into) = info->dlpi_addr;
        return 1;
      },
      &address);
  return address;
}

std::string demangled(const std::string& name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : name;
  std::free(text);
  return result.substr(0, result.find('('));
}

}  // namespace

CallSites::CallSites() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string elf{std::istreambuf_iterator<char>(file), {}};
  Elf64_Ehdr header;
  if (elf.size() < sizeof header) return;
  std::memcpy(&header, elf.data(), sizeof header);
  const uint64_t base = load_address();
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  for (size_t i = 0; i < sections.size(); ++i) {
    std::memcpy(&sections[i], elf.data() + header.e_shoff + i * sizeof(Elf64_Shdr),
                sizeof(Elf64_Shdr));
  }
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    const char* const names = elf.data() + sections[section.sh_link].sh_offset;
    for (uint64_t at = 0; at < section.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, elf.data() + section.sh_offset + at, sizeof symbol);
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0) continue;
      const std::string_view name(names + symbol.st_name);
      const bool simulation = std::ranges::any_of(
          kPassedOver, [&](std::string_view prefix) { return name.starts_with(prefix); });
      symbols_.push_back({base + symbol.st_value, base + symbol.st_value + symbol.st_size,
                          std::string(name), simulation});
    }
  }
  std::ranges::sort(symbols_, {}, &Symbol::begin);
}

const CallSites::Symbol* CallSites::find(uint64_t address) const {
  const auto after = std::ranges::upper_bound(symbols_, address, {}, &Symbol::begin);
  if (after == symbols_.begin()) return nullptr;
  const Symbol& symbol = *std::prev(after);
  return address < symbol.end ? &symbol : nullptr;
}

uint64_t CallSites::here() const {
  std::array<void*, kFramesMax> frames;
  const int count = backtrace(frames.data(), kFramesMax);
  bool inside = false;
  for (int i = 0; i < count; ++i) {
    const auto address = reinterpret_cast<uint64_t>(frames[static_cast<size_t>(i)]);
    const Symbol* const symbol = find(address - 1);
    if (symbol == nullptr) continue;
    if (symbol->simulation) {
      inside = true;
    } else if (inside) {
      return address;
    }
  }
  return 0;
}

std::string CallSites::name(uint64_t site) const {
  const Symbol* const symbol = find(site - 1);
  if (symbol == nullptr) return "somewhere";
  return fmt::format("{}+{}", demangled(symbol->name), site - symbol->begin);
}

}  // namespace syncline::simulation
