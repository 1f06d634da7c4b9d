#include "sync/git/pack_writer.h"

#include <algorithm>
#include <random>

#include "sync/git/commit.h"
#include "sync/git/tree.h"
#include "tests/sync/git/git_fixture.h"

namespace syncline {
namespace {

constexpr std::string_view kOwner = "00112233445566778899aabbccddeeff";

std::string noise(size_t size_bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size_bytes, '\0');
  std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
  return bytes;
}

// A pack that is a whole history of one commit; answers the commit.
ObjectId add_history(PackWriter& pack, const std::vector<std::string>& blobs) {
  std::vector<TreeEdit> edits;
  std::vector<std::string> names;
  for (size_t i = 0; i < blobs.size(); ++i) names.push_back("file-" + std::to_string(i));
  for (size_t i = 0; i < blobs.size(); ++i) {
    const auto id = pack.add(ObjectType::kBlob, blobs[i]);
    EXPECT_TRUE(ok(id));
    edits.push_back({names[i], kModeFile, *id});
  }
  const auto tree = merge_tree("", edits);
  EXPECT_TRUE(ok(tree));
  const auto tree_id = pack.add(ObjectType::kTree, *tree);
  const auto commit = pack.add(
      ObjectType::kCommit, encode_commit(*tree_id, {}, {"A", "a@b", 1'700'000'000'000}, "one\n"));
  EXPECT_TRUE(ok(commit));
  return *commit;
}

std::vector<std::string> varied_blobs() {
  std::vector<std::string> blobs = {"", "a", std::string(100'000, 'x'), noise(70'000, 1), "a"};
  // Around the steps of the size encoding: 4 bits, then 7 each.
  for (const size_t size : {15, 16, 17, 2047, 2048, 2049, 262'143, 262'144}) {
    blobs.push_back(noise(size, static_cast<unsigned>(size)));
  }
  return blobs;
}

TEST(Sha1, NamesObjectsAsGitDoes) {
  const GitRepository repository;
  for (const std::string& content : varied_blobs()) {
    write_file(repository.scratch("blob"), content);
    EXPECT_EQ(hash_blob(content).hex(),
              repository.git("hash-object " + repository.scratch("blob").string()));
  }
}

TEST(PackWriter, GitAcceptsPackAndMakesTheSameIndex) {
  GitRepository repository;
  PackWriter pack;
  const ObjectId commit = add_history(pack, varied_blobs());
  const PackWriter::Image image = pack.finish();
  write_file(repository.scratch("x.pack"), as_text(image.pack));
  repository.git("index-pack --strict --index-version=2 " + repository.scratch("x.pack").string());
  EXPECT_EQ(read_text(repository.scratch("x.idx")), as_text(image.index));

  const auto name = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(name));
  repository.git("verify-pack .git/objects/pack/" + *name + ".idx");
  repository.git("update-ref refs/heads/main " + commit.hex());
  repository.expect_sound();
  EXPECT_EQ(repository.git("cat-file blob main:file-2"), std::string(100'000, 'x'));
}

TEST(PackWriter, EqualContentIsStoredOnce) {
  PackWriter pack;
  const auto first = pack.add(ObjectType::kBlob, "same");
  const auto second = pack.add(ObjectType::kBlob, "same");
  ASSERT_TRUE(ok(first));
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(pack.object_count(), 1u);
}

TEST(PackWriter, WhatDoesNotDeflateIsStored) {
  PackWriter pack;
  ASSERT_TRUE(ok(pack.add(ObjectType::kBlob, noise(60'000, 7))));
  EXPECT_LT(pack.finish().pack.size(), 60'000u + 64u);
}

TEST(PackWriter, ResetStartsAnEmptyPack) {
  GitRepository repository;
  PackWriter pack;
  add_history(pack, {"first"});
  const std::string first_name = pack.finish().name;
  pack.reset();
  add_history(pack, {"first"});
  EXPECT_EQ(pack.finish().name, first_name);
}

TEST(PackWriter, KeepProtectsAnUnreferencedPackFromGc) {
  GitRepository repository;
  PackWriter pack;
  const ObjectId commit = add_history(pack, {"content"});
  const auto name = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(name));
  repository.git("gc -q --prune=now");
  repository.git("update-ref refs/heads/main " + commit.hex());
  repository.expect_sound();
  ASSERT_TRUE(ok(drop_keep(repository.common_dir(), *name)));
  ASSERT_TRUE(ok(drop_keep(repository.common_dir(), *name)));  // once more is fine
  repository.git("gc -q --prune=now");
  repository.expect_sound();
  EXPECT_EQ(repository.git("cat-file blob main:file-0"), "content");
}

TEST(PackWriter, PackLeftByACrashIsUsedAsItIs) {
  GitRepository repository;
  PackWriter pack;
  add_history(pack, {"content"});
  const auto first = pack.install(repository.common_dir(), kOwner);
  const auto second = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(first) && ok(second));
  EXPECT_EQ(*first, *second);
}

TEST(PackWriter, PackWithoutKeepIsNotReliedOn) {
  // A gc that is under way may be about to delete it.
  GitRepository repository;
  PackWriter pack;
  add_history(pack, {"content"});
  const auto first = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(first));
  ASSERT_TRUE(ok(drop_keep(repository.common_dir(), *first)));
  const auto second = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(second));
  EXPECT_NE(*first, *second);
  repository.git("verify-pack .git/objects/pack/" + *second + ".idx");
  repository.expect_sound();
}

TEST(PackWriter, LongerLeftoverOfACrashedWriteIsCut) {
  GitRepository repository;
  const std::string hidden =
      (repository.path() / ".git/objects/pack" / (".syncline-" + std::string(kOwner))).string();
  for (const char* suffix : {".new-pack", ".new-index", ".new-keep"}) {
    write_file(hidden + suffix, noise(200'000, 3));
  }
  PackWriter pack;
  add_history(pack, {"content"});
  const auto name = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(name));
  repository.git("verify-pack .git/objects/pack/" + *name + ".idx");
}

TEST(PackWriter, StaleKeepsOfThisOwnerAloneAreDropped) {
  GitRepository repository;
  PackWriter pack;
  add_history(pack, {"content"});
  const auto name = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(name));
  const std::filesystem::path directory = repository.path() / ".git/objects/pack";
  write_file(directory / "pack-1.keep", "receive-pack 1 on host\n");
  ASSERT_TRUE(ok(drop_stale_keeps(repository.common_dir(), kOwner)));
  EXPECT_FALSE(std::filesystem::exists(directory / (*name + ".keep")));
  EXPECT_TRUE(std::filesystem::exists(directory / "pack-1.keep"));
}

TEST(ObjectReader, ReadsLooseAndPackedAndFollowsAGc) {
  GitRepository repository;
  auto reader = repository.reader();
  ASSERT_NE(reader, nullptr);
  write_file(repository.path() / "loose", "loose content");
  repository.git("add loose");
  repository.git("commit -q -m loose");
  const ObjectId blob = hash_blob("loose content");
  auto object = reader->read(blob);
  ASSERT_TRUE(ok(object));
  ASSERT_TRUE(object->has_value());
  EXPECT_EQ((*object)->bytes, "loose content");
  EXPECT_EQ((*object)->type, ObjectType::kBlob);

  PackWriter pack;
  const ObjectId commit = add_history(pack, {"packed content"});
  const auto name = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(name));
  object = reader->read(hash_blob("packed content"));
  ASSERT_TRUE(ok(object) && object->has_value());
  repository.git("update-ref refs/heads/ours " + commit.hex());
  ASSERT_TRUE(ok(drop_keep(repository.common_dir(), *name)));
  repository.git("gc -q --prune=now");
  for (const ObjectId& id : {blob, hash_blob("packed content"), commit}) {
    object = reader->read(id);
    ASSERT_TRUE(ok(object));
    EXPECT_TRUE(object->has_value());
  }
  const auto missing = reader->read(hash_blob("never written"));
  ASSERT_TRUE(ok(missing));
  EXPECT_FALSE(missing->has_value());
}

TEST(ObjectReader, DamagedPackIsLoud) {
  GitRepository repository;
  PackWriter pack;
  add_history(pack, {noise(50'000, 9)});
  const auto name = pack.install(repository.common_dir(), kOwner);
  ASSERT_TRUE(ok(name));
  const std::filesystem::path path = repository.path() / ".git/objects/pack" / (*name + ".pack");
  std::string bytes = read_text(path);
  bytes[25'000] = static_cast<char>(bytes[25'000] ^ 1);
  write_file(path, bytes);
  auto reader = repository.reader();
  EXPECT_TRUE(fails_with(reader->read(hash_blob(noise(50'000, 9))), Code::kCorrupt));
}

class CountingReader final : public ObjectReader {
 public:
  Result<std::optional<Object>> read(const ObjectId& id) override {
    ++reads;
    if (id.is_zero()) return std::optional<Object>();
    return std::optional(Object{ObjectType::kBlob, std::string(100, 'b')});
  }
  int reads = 0;
};

ObjectId object_numbered(uint8_t number) {
  ObjectId id;
  id.bytes[0] = std::byte{number};
  return id;
}

TEST(ObjectStore, RemembersUpToItsBoundAndForgetsTheOldest) {
  CountingReader reader;
  ObjectStore store(reader, 250);
  ASSERT_TRUE(ok(store.require(object_numbered(1), ObjectType::kBlob)));
  ASSERT_TRUE(ok(store.require(object_numbered(2), ObjectType::kBlob)));
  ASSERT_TRUE(ok(store.require(object_numbered(1), ObjectType::kBlob)));
  EXPECT_EQ(reader.reads, 2);
  ASSERT_TRUE(ok(store.require(object_numbered(3), ObjectType::kBlob)));  // 2 goes
  ASSERT_TRUE(ok(store.require(object_numbered(1), ObjectType::kBlob)));
  EXPECT_EQ(reader.reads, 3);
  ASSERT_TRUE(ok(store.require(object_numbered(2), ObjectType::kBlob)));
  EXPECT_EQ(reader.reads, 4);
}

TEST(ObjectStore, WhatMustBeThereAndIsNotIsDamage) {
  CountingReader reader;
  ObjectStore store(reader);
  EXPECT_TRUE(fails_with(store.require({}, ObjectType::kBlob), Code::kCorrupt));
  EXPECT_TRUE(fails_with(store.require(object_numbered(1), ObjectType::kTree), Code::kCorrupt));
}

}  // namespace
}  // namespace syncline
