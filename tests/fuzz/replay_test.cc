// Runs a target over the inputs kept in the tree: its corpus as one test, and each regression, an
// input that once showed a defect, as a test of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace syncline::fuzz {
namespace {

namespace fs = std::filesystem;

struct PropertyFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const fs::path kDirectory = SYNCLINE_FUZZ_FOLDER;
const std::string kTarget = SYNCLINE_FUZZ_TARGET;

std::vector<fs::path> inputs(const fs::path& directory) {
  std::vector<fs::path> paths;
  if (!fs::exists(directory)) return paths;
  for (const auto& entry : fs::directory_iterator(directory)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

void replay(const fs::path& path) {
  SCOPED_TRACE(path.string());
  std::ifstream stream(path, std::ios::binary);
  ASSERT_TRUE(stream.good());
  const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  try {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  } catch (const PropertyFailed& failed) {
    ADD_FAILURE() << failed.what()
                  << "\nreplay under the sanitizers: tests/fuzz/run_fuzzers --replay " << kTarget
                  << " " << path.string();
  }
}

class Replay : public testing::Test {
 public:
  explicit Replay(std::vector<fs::path> paths) : paths_(std::move(paths)) {}
  void TestBody() override {
    ASSERT_FALSE(paths_.empty()) << "no inputs for " << kTarget << " in " << kDirectory;
    for (const fs::path& path : paths_) replay(path);
  }

 private:
  std::vector<fs::path> paths_;
};

void add_test(const std::string& name, std::vector<fs::path> paths) {
  testing::RegisterTest(("Fuzz_" + kTarget).c_str(), name.c_str(), nullptr, nullptr, __FILE__,
                        __LINE__, [paths = std::move(paths)] { return new Replay(paths); });
}

}  // namespace

void property_failed(std::string_view what, const std::source_location& where) {
  throw PropertyFailed(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                       ": property failed: " + std::string(what));
}

}  // namespace syncline::fuzz

int main(int argc, char** argv) {
  using namespace syncline::fuzz;
  testing::InitGoogleTest(&argc, argv);
  add_test("Corpus", inputs(kDirectory / "corpus" / kTarget));
  for (const auto& path : inputs(kDirectory / "regressions" / kTarget)) {
    add_test("Regression_" + path.filename().string(), {path});
  }
  return RUN_ALL_TESTS();
}
