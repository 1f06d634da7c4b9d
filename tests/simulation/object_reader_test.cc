#include "tests/simulation/object_reader.h"

#include <gtest/gtest.h>

#include "sync/git/pack_writer.h"
#include "tests/support/temporary_directory.h"

namespace syncline::simulation {
namespace {

class ObjectReaderTest : public ::testing::Test {
 protected:
  ObjectReaderTest() {
    common_ = open_posix_directory(directory_.path().string()).value();
    EXPECT_TRUE(common_->make_directories("objects/pack"));
  }
  DirectoryObjectReader reader() {
    return DirectoryObjectReader(common_->open_directory("objects").value());
  }
  ObjectId pack(const std::string& content) {
    PackWriter writer;
    const ObjectId id = writer.add(ObjectType::kBlob, content).value();
    writer.add(ObjectType::kTree, "").value();
    EXPECT_TRUE(writer.install(*common_, "0123"));
    return id;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Directory> common_;
};

TEST_F(ObjectReaderTest, ReadsWhatThePackWriterWrote) {
  const std::string large(100'000, 'x');
  const ObjectId id = pack(large);
  auto reading = reader();
  const auto found = reading.read(id).value();
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->type, ObjectType::kBlob);
  EXPECT_EQ(found->bytes, large);
}

TEST_F(ObjectReaderTest, FindsAPackThatAppearedSince) {
  auto reading = reader();
  EXPECT_FALSE(reading.read(hash_object(ObjectType::kBlob, "later")).value().has_value());
  const ObjectId id = pack("later");
  EXPECT_TRUE(reading.read(id).value().has_value());
}

TEST_F(ObjectReaderTest, DamageIsAnError) {
  const ObjectId id = pack("some content to be damaged");
  const auto names = common_->list("objects/pack").value();
  for (const std::string& name : names) {
    if (!name.ends_with(".pack")) continue;
    const auto file = common_->open_file("objects/pack/" + name, {.write = true}).value();
    std::byte last{0x55};
    ASSERT_TRUE(file->write_at(18, {&last, 1}));
  }
  auto reading = reader();
  EXPECT_FALSE(reading.read(id));
}

}  // namespace
}  // namespace syncline::simulation
