// A reader of the Prometheus text exposition format, version 0.0.4, written from its description
// and from nothing of the program: what is wrong with a text is a line of `faults`.
//
// Read: HELP and TYPE before the samples of their family, once each; names and labels of the
// grammar; values as numbers; no sample twice; families not interleaved; of a histogram, buckets
// that rise with their bounds, a +Inf that equals the count, and a sum.
#pragma once

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace syncline {

class ExpositionReader {
 public:
  using Labels = std::map<std::string, std::string>;
  struct Family {
    std::string type, help;
    std::vector<std::pair<std::pair<std::string, Labels>, double>> samples;
  };

  explicit ExpositionReader(const std::string& text) {
    if (text.empty() || text.back() != '\n') fault("the text does not end with a line feed");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read(line);
    for (const auto& [name, family] : families_) {
      if (family.type == "histogram") check_histogram(name, family);
    }
  }

  const std::vector<std::string>& faults() const { return faults_; }
  const std::map<std::string, Family>& families() const { return families_; }
  std::optional<double> value(const std::string& name, const Labels& labels = {}) const {
    const auto found = values_.find({name, labels});
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  void fault(const std::string& what) { faults_.push_back(what); }

  void read(const std::string& line) {
    if (line.empty()) return;
    if (line.starts_with("# ")) return read_head(line);
    read_sample(line);
  }

  void read_head(const std::string& line) {
    std::istringstream words(line);
    std::string hash, what, name, rest;
    words >> hash >> what >> name;
    std::getline(words >> std::ws, rest);
    if (what != "HELP" && what != "TYPE") return;  // a comment
    if (!is_name(name)) fault("no name: " + line);
    Family& family = families_[name];
    std::string& into = what == "HELP" ? family.help : family.type;
    if (!into.empty()) fault("twice: " + line);
    if (!family.samples.empty()) fault("behind its samples: " + line);
    if (rest.empty()) fault("says nothing: " + line);
    static const std::set<std::string> kTypes{"counter", "gauge", "histogram", "summary",
                                              "untyped"};
    if (what == "TYPE" && !kTypes.contains(rest)) fault("no type: " + line);
    if (what == "TYPE" && rest == "counter" && !name.ends_with("_total")) {
      fault("a counter without _total: " + line);
    }
    into = rest;
    current_ = name;
  }

  // name{label="value",…} value
  void read_sample(const std::string& line) {
    size_t at = 0;
    const std::string name = take_name(line, at);
    Labels labels;
    if (at < line.size() && line[at] == '{') {
      ++at;
      while (at < line.size() && line[at] != '}') {
        const std::string label = take_name(line, at);
        if (line.compare(at, 2, "=\"") != 0) return fault("no label: " + line);
        at += 2;
        std::string value;
        for (; at < line.size() && line[at] != '"'; ++at) {
          if (line[at] == '\\') ++at;
          value += line[at];
        }
        ++at;
        if (!labels.emplace(label, value).second) fault("a label twice: " + line);
        if (at < line.size() && line[at] == ',') ++at;
      }
      ++at;
    }
    if (!is_name(name) || at >= line.size() || line[at] != ' ') return fault("no sample: " + line);
    char* end = nullptr;
    const double value = std::strtod(line.c_str() + at + 1, &end);
    if (*end != '\0' || end == line.c_str() + at + 1) return fault("no number: " + line);
    const std::string family = family_of(name);
    if (family != current_) fault("not behind the head of its family: " + line);
    if (families_[family].type.empty()) fault("without a type: " + line);
    if (families_[family].help.empty()) fault("without help: " + line);
    if (value < 0) fault("below 0: " + line);
    if (!values_.emplace(std::pair(name, labels), value).second) fault("twice: " + line);
    families_[family].samples.push_back({{name, labels}, value});
  }

  std::string family_of(const std::string& name) const {
    for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
      if (!name.ends_with(suffix)) continue;
      const std::string base = name.substr(0, name.size() - suffix.size());
      const auto found = families_.find(base);
      if (found != families_.end() && found->second.type == "histogram") return base;
    }
    return name;
  }

  void check_histogram(const std::string& name, const Family& family) {
    double bound_before = -INFINITY, count_before = 0;
    std::optional<double> last;
    for (const auto& [sample, value] : family.samples) {
      if (sample.first != name + "_bucket") continue;
      const auto le = sample.second.find("le");
      if (le == sample.second.end()) {
        fault(name + ": a bucket without le");
        continue;
      }
      const double bound = std::strtod(le->second.c_str(), nullptr);
      if (!(bound > bound_before)) fault(name + ": bounds do not rise at " + le->second);
      if (value < count_before) fault(name + ": buckets are not cumulative at " + le->second);
      bound_before = bound;
      count_before = value;
      if (le->second == "+Inf") last = value;
    }
    if (!last) return fault(name + ": no bucket +Inf");
    if (last != value(name + "_count")) fault(name + ": +Inf is not the count");
    if (!value(name + "_sum")) fault(name + ": no sum");
  }

  static bool is_name(const std::string& name) {
    return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0;
  }
  static std::string take_name(const std::string& line, size_t& at) {
    const size_t begin = at;
    while (at < line.size() && (std::isalnum(static_cast<unsigned char>(line[at])) != 0 ||
                                line[at] == '_' || line[at] == ':')) {
      ++at;
    }
    return line.substr(begin, at - begin);
  }

  std::string current_;
  std::map<std::string, Family> families_;
  std::map<std::pair<std::string, Labels>, double> values_;
  std::vector<std::string> faults_;
};

}  // namespace syncline
