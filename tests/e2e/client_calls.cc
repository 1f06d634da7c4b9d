#include "tests/e2e/client_calls.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

namespace syncline {
namespace {

// FNV-1a: the same on every machine, unlike std::hash.
uint64_t number_of(const std::string& key) {
  uint64_t number = 14695981039346656037U;
  for (const char byte : key) number = (number ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return number >> 8;
}

// Mostly within one sector, now and then across many pages.
std::string text_of(const std::string& key) {
  const uint64_t number = number_of(key);
  const size_t length = number % 16 == 0 ? 4000 + number % 30'000 : number % 1500;
  std::string text;
  while (text.size() < length) text += key + " says what it has to say; ";
  text.resize(length);
  return text;
}

}  // namespace

WantedRecord wanted_record(const std::string& key) {
  const uint64_t number = number_of(key);
  const std::string domain = "domain-" + std::to_string(number % 4);
  switch (number % 5) {
    case 0:
    case 1:
      // Sections of one file: appends, whose offsets the journal decides.
      return {"heuristic",
              {{"domain", domain}, {"rule", key}, {"explanation", text_of(key).substr(0, 5000)}}};
    case 2:
      return {"decision",
              {{"title", key},
               {"context", "why"},
               {"decision", "do " + text_of(key).substr(0, 4000)},
               {"rationale", "because"}}};
    case 3:
      return {"success", {{"title", key}, {"domain", domain}, {"summary", text_of(key)}}};
    default:
      return {"failure", {{"title", key}, {"domain", domain}, {"summary", text_of(key)}}};
  }
}

ProcessOptions ClientCall::options() const {
  ProcessOptions options;
  options.input = input;
  return options;
}

ClientCall record_call(const std::string& key, const std::string& stage) {
  ClientCall call;
  const WantedRecord record = wanted_record(key);
  call.arguments = {"record", record.kind, "--key", key, "--wait", stage, "--json"};
  for (const auto& [name, value] : record.fields) {
    call.arguments.push_back("--" + name);
    call.arguments.push_back(value);
  }
  call.keys = {key};
  call.one_receipt = true;
  return call;
}

ClientCall ingest_call(const std::vector<std::string>& keys) {
  ClientCall call;
  call.arguments = {"ingest", "-", "--json"};
  for (const std::string& key : keys) {
    const WantedRecord record = wanted_record(key);
    nlohmann::json line{{"kind", record.kind}, {"key", key}};
    for (const auto& [name, value] : record.fields) line["fields"][name] = value;
    call.input += line.dump() + "\n";
  }
  call.keys = keys;
  return call;
}

uint64_t test_seed() {
  const char* given = std::getenv("SYNCLINE_TEST_SEED");
  return given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
}

std::string Chance::stage() {
  static const std::vector<std::string> stages{"journaled", "applied", "applied", "committed",
                                               "published"};
  return of(stages);
}

}  // namespace syncline
