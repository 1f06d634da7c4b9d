// The processor time of each step that a record goes through in memory: no disk, no threads.
//
// For whoever changes one of them; bench/compare measures the whole. Google Benchmark picks the
// number of runs; `--benchmark_repetitions=9` shows the spread.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/engine.h"
#include "engine/config/config.h"
#include "engine/config/make_intent.h"
#include "engine/config/profiles.h"
#include "engine/config/slug.h"
#include "journal/log/frame.h"
#include "journal/record/intent.h"
#include "sync/git/pack_writer.h"
#include "sync/git/tree.h"

namespace syncline {
namespace {

constexpr size_t kBodyBytes = 1024;

struct Recorded {
  Config config = must(parse_config(must(profile_text("notes"))));
  Record record{.kind = "note",
                .fields = {{"title", "an ordinary title"}, {"body", std::string(kBodyBytes, 'x')}}};
  Intent intent = must(make_intent(config, record.kind, record.fields, "a key"));
  ByteVector payload = encode_intent(intent);
};

const Recorded& recorded() {
  static const Recorded made;
  return made;
}

NewFrame frame_of(const ByteVector& payload) {
  return {.operation = Operation::kCreate,
          .id = 1,
          .time_ms = 1,
          .payload = payload,
          .payload_hash = hash_payload(payload)};
}

void MakeIntent(benchmark::State& state) {
  const Recorded& made = recorded();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        must(make_intent(made.config, made.record.kind, made.record.fields, "a key")));
  }
}
BENCHMARK(MakeIntent);

void EncodeIntent(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(encode_intent(recorded().intent));
}
BENCHMARK(EncodeIntent);

void DecodeIntent(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(must(decode_intent(Operation::kCreate, recorded().payload)));
  }
}
BENCHMARK(DecodeIntent);

void RenderEffects(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(render_effects(recorded().intent, 1, 1, 1));
  }
}
BENCHMARK(RenderEffects);

void EncodeFrame(benchmark::State& state) {
  const NewFrame frame = frame_of(recorded().payload);
  ByteVector out;
  for (auto _ : state) {
    out.clear();
    encode_frame(frame, {StoreId{}, 1, 1},
                 {.offset = 4096, .seq = 1, .frame_bytes = frame_bytes_for(frame.payload.size())},
                 out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(out.size()));
}
BENCHMARK(EncodeFrame);

void Slug(benchmark::State& state) {
  const std::string title = "An Ordinary Title, with 62 Characters and some Punctuation (1/2)";
  for (auto _ : state) benchmark::DoNotOptimize(slug(title, 100, "title"));
}
BENCHMARK(Slug);

// A batch's objects, hashed and deflated.
void PackObjects(benchmark::State& state) {
  std::vector<std::string> contents;
  for (int i = 0; i < 1000; ++i) contents.push_back(std::to_string(i) + std::string(650, 'x'));
  PackWriter pack;
  for (auto _ : state) {
    pack.reset();
    for (const std::string& content : contents) must(pack.add(ObjectType::kBlob, content));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(contents.size()));
}
BENCHMARK(PackObjects);

// A hundredth more entries, all over the tree.
void MergeTree(benchmark::State& state) {
  const auto entries = state.range(0);
  ObjectId blob;
  blob.bytes.fill(std::byte{1});
  std::vector<std::string> names;
  for (int64_t i = 0; i < entries; ++i) names.push_back(std::to_string(1'000'000 + i) + ".md");
  std::vector<TreeEdit> most, rest;
  for (size_t i = 0; i < names.size(); ++i) {
    (i % 100 == 0 ? rest : most).push_back({.name = names[i], .mode = kModeFile, .id = blob});
  }
  const std::string tree = must(merge_tree({}, most));
  for (auto _ : state) benchmark::DoNotOptimize(must(merge_tree(tree, rest)));
}
BENCHMARK(MergeTree)->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace syncline

BENCHMARK_MAIN();
