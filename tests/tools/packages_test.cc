#include "tools/packages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/profiles.h"
#include "engine/config/utf8.h"
#include "tools/ndjson.h"

namespace syncline {
namespace {

StanzaReader reader_of(std::string text) {
  auto rest = std::make_shared<std::string>(std::move(text));
  return StanzaReader([rest](MutableByteSpan buffer) -> Result<size_t> {
    const size_t count = std::min(buffer.size(), rest->size());
    std::memcpy(buffer.data(), rest->data(), count);
    rest->erase(0, count);
    return count;
  });
}

std::vector<std::string> ndjson_of(const std::string& text) {
  StanzaReader reader = reader_of(text);
  std::vector<std::string> lines;
  for (;;) {
    const auto stanza = reader.next();
    EXPECT_TRUE(stanza) << stanza.error().message;
    if (!stanza || !*stanza) return lines;
    lines.push_back(package_line(**stanza).value_or("nothing"));
  }
}

TEST(Packages, StanzasBecomeRecords) {
  const auto lines = ndjson_of(
      "Package: 0ad\n"
      "Version: 0.0.26-3\n"
      "Installed-Size: 28591\n"
      "Maintainer: Debian Games Team <pkg-games-devel@lists.alioth.debian.org>\n"
      "Architecture: amd64\n"
      "Description: Real-time \"strategy\" game\n"
      " The first line.\n"
      " .\n"
      "  indented\n"
      "Homepage: https://play0ad.com/\n"
      "Tag: game::strategy,\n"
      " uitoolkit::sdl\n"
      "Section: games\n"
      "Priority: optional\n"
      "\n"
      "\n"
      "Package: x\n"
      "Version: 1:2~β\n"
      "Architecture: all\n"
      "Maintainer: Jérôme Ω");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0],
            R"({"kind":"package","key":"0ad/0.0.26-3/amd64","fields":{"name":"0ad",)"
            R"("version":"0.0.26-3","architecture":"amd64","section":"games",)"
            R"("priority":"optional",)"
            R"("maintainer":"Debian Games Team <pkg-games-devel@lists.alioth.debian.org>",)"
            R"("homepage":"https://play0ad.com/",)"
            R"("description":"Real-time \"strategy\" game\nThe first line.\n\n indented"}})");
  EXPECT_EQ(lines[1],
            R"({"kind":"package","key":"x/1:2~β/all","fields":{"name":"x","version":"1:2~β",)"
            R"("architecture":"all","maintainer":"Jérôme Ω"}})");
}

TEST(Packages, RecordsAreTakenByTheStore) {
  const auto config = parse_config(*profile_text("packages"));
  for (const std::string& line :
       ndjson_of("Package: a\nVersion: 1\nArchitecture: all\nDescription: d\n x\n\tq\n"
                 "Maintainer: a\n b\n\nPACKAGE: b\xff\nVersion: \x01\ndescription: \xc3(\n .\n")) {
    const auto record = parse_ndjson_record(line);
    ASSERT_TRUE(record) << record.error().message << ": " << line;
    const auto intent = make_intent(*config, record->kind, record->fields, record->key);
    EXPECT_TRUE(intent) << intent.error().message;
  }
}

TEST(Packages, AnyByteIsMadeText) {
  std::string text = "Package: x\nDescription: ";
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n' && byte != '\r') text += static_cast<char>(byte);
  }
  const auto lines = ndjson_of(text + "\n");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(is_valid_utf8(lines[0]));
  const auto record = parse_ndjson_record(lines[0]);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_NE(std::get<std::string>(record->fields[1].second).find("\ufffd"), std::string::npos);
}

TEST(Packages, LongKeysStayApart) {
  const std::string version(600, '1');
  const auto lines =
      ndjson_of("Package: x\nVersion: " + version + "\nArchitecture: a\n\nPackage: x\n" +
                "Version: " + version + "2\nArchitecture: a\n");
  ASSERT_EQ(lines.size(), 2u);
  const auto first = parse_ndjson_record(lines[0]);
  const auto second = parse_ndjson_record(lines[1]);
  EXPECT_EQ(first->key.size(), 500u);
  EXPECT_NE(first->key, second->key);
}

TEST(Packages, StanzaWithoutAPackageIsNothing) {
  EXPECT_EQ(ndjson_of("Version: 1\n"), std::vector<std::string>{"nothing"});
  EXPECT_EQ(ndjson_of("Package: \t\n"), std::vector<std::string>{"nothing"});
  EXPECT_EQ(ndjson_of(""), std::vector<std::string>{});
}

TEST(Packages, WhatIsNoStanzaIsRefusedWithItsLine) {
  const auto refusal = [](const std::string& text) {
    StanzaReader reader = reader_of(text);
    const auto stanza = reader.next();
    return stanza ? std::string() : stanza.error().message;
  };
  EXPECT_EQ(refusal("Package: x\nhello\n"), "line 2: no 'Name: value', but 'hello'");
  EXPECT_EQ(refusal(" x\n"), "line 1: a continuation of no field");
  EXPECT_EQ(refusal(": x\n"), "line 1: no 'Name: value', but ': x'");
}

}  // namespace
}  // namespace syncline
