#include "tools/rejects_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temporary_directory.h"

namespace syncline {
namespace {

using Json = nlohmann::ordered_json;

class RejectsFileTest : public testing::Test {
 protected:
  std::vector<Json> read() const {
    std::vector<Json> lines;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
    return lines;
  }

  const TemporaryDirectory temporary_{"syncline-rejects"};
  const std::string directory_ = temporary_.string();
  const std::string path_ = directory_ + "/rejects.ndjson";
};

TEST_F(RejectsFileTest, KeepsNumberReasonAndRaw) {
  auto file = RejectsFile::open(path_, -1);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->add(3, "no \"kind\"", "{\"a\":1}"));
  ASSERT_TRUE(file->close());
  const auto lines = read();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["line"], 3);
  EXPECT_EQ(lines[0]["reason"], "no \"kind\"");
  EXPECT_EQ(lines[0]["raw"], "{\"a\":1}");
  EXPECT_FALSE(lines[0].contains("raw_hex"));
}

TEST_F(RejectsFileTest, BytesThatAreNoUtf8AreKeptExactly) {
  auto file = RejectsFile::open(path_, -1);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->add(1, "not UTF-8",
                        "\xff"
                        "a"));
  ASSERT_TRUE(file->close());
  EXPECT_EQ(read()[0]["raw_hex"], "ff61");
}

TEST_F(RejectsFileTest, ALongLineArrivesInPiecesCutAnywhere) {
  const std::string text = "ä\"日本語\\🙂\n\x01 end";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    auto file = RejectsFile::open(path_, -1);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->add_piece(text.substr(0, cut)));
    ASSERT_TRUE(file->add_piece(text.substr(cut)));
    ASSERT_TRUE(file->add(9, "too long", "ä"));
    ASSERT_TRUE(file->add(10, "another", "x"));
    ASSERT_TRUE(file->close());
    const auto lines = read();
    ASSERT_EQ(lines.size(), 2u) << cut;
    EXPECT_EQ(lines[0]["raw"], text) << cut;
    EXPECT_EQ(lines[0]["line"], 9);
    EXPECT_EQ(lines[1]["raw"], "x");
  }
}

TEST_F(RejectsFileTest, ReplacesWhatAnEarlierRunLeft) {
  std::ofstream(path_) << "old\nold\n";
  auto file = RejectsFile::open(path_, -1);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->close());
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);
}

TEST_F(RejectsFileTest, TheInputItselfIsNeverEmptied) {
  std::ofstream(path_) << "the input\n";
  const int input = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(input, 0);
  const auto file = RejectsFile::open(path_, input);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kInvalid);
  EXPECT_EQ(std::filesystem::file_size(path_), 10u);
  close(input);
}

TEST_F(RejectsFileTest, AFullDiskIsAnErrorNotASilence) {
  auto file = RejectsFile::open("/dev/full", -1);
  ASSERT_TRUE(file);
  const Status added = file->add(1, "x", std::string(1 << 20, 'x'));
  const Status closed = file->close();
  EXPECT_FALSE(added && closed);
}

}  // namespace
}  // namespace syncline
