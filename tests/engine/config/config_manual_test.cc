// The manual page of syncline.toml names every setting that the parser reads.
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

#include "engine/config/config.h"
#include "tests/support/read_text.h"

namespace syncline {
namespace {

TEST(ConfigManual, NamesEverySetting) {
  const std::string root = SYNCLINE_SOURCE_ROOT;
  const std::string parser = read_text(root + "/engine/config/config_parser.cc");
  std::string page = read_text(root + "/tools/syncline.toml.5");
  page = std::regex_replace(page, std::regex(R"(\\(.))"), "$1");
  std::set<std::string> names;
  const std::regex read(R"re((?:reader|root)\.[a-z]+\("([a-z_]+)")re");
  for (std::sregex_iterator at(parser.begin(), parser.end(), read), end; at != end; ++at) {
    names.insert((*at)[1]);
  }
  EXPECT_GE(names.size(), 35u) << "the parser is written otherwise: this test no longer finds them";
  for (const AlertSetting& setting : kAlertSettings) names.emplace(setting.name);
  for (const std::string& name : names) {
    EXPECT_TRUE(std::regex_search(page, std::regex("\\b" + name + "\\b"))) << name;
  }
}

}  // namespace
}  // namespace syncline
