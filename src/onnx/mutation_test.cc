#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "onnx/testing_model.h"
#include "onnx/testing_samples.h"

namespace tercel::onnx::testing {
namespace {

std::string mutate(std::string bytes, std::mt19937_64& random) {
  const auto below = [&](size_t n) { return n ? random() % n : 0; };
  for (size_t i = 0, edits = 1 + below(4); i < edits && !bytes.empty(); ++i) {
    const size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] ^= static_cast<char>(1u << below(8));
        break;
      case 2:
        bytes.erase(at, 1 + below(8));
        break;
      case 3:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(64)));
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5:
        bytes.insert(at, 1 + below(10), '\xff');
        break;
    }
  }
  return bytes;
}

// Whatever happens to a file: a model that verifies, or a sentence.
TEST(Mutation, DamagedModelsAreRefusedOrSound) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto samples = sample_models();
  int refused = 0, taken = 0;
  for (int i = 0; i < 6000; ++i) {
    const auto result = import_text(mutate(samples[static_cast<size_t>(i) % samples.size()].second, random));
    if (result) {
      ++taken;
      ASSERT_TRUE(graph::verify(*result).ok()) << verify(*result).error().message();
      ASSERT_FALSE(graph::to_text(*result).empty());
    } else {
      ++refused;
      ASSERT_GT(result.error().message().size(), 10u);
      ASSERT_NE(result.error().code(), ErrorCode::kInternal) << result.error().message();
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(taken, 100) << "mutations that damage everything test only the first line";
}

TEST(Mutation, EveryTruncationIsRefused) {
  for (const auto& [name, bytes] : sample_models())
    for (size_t size = 0; size < bytes.size(); ++size) (void)import_text(bytes.substr(0, size));
}

// The seeds of the fuzzer are these samples; TERCEL_WRITE_CORPUS=1 writes them anew.
TEST(Corpus, IsWhatTheSamplesAre) {
  for (const auto& [name, bytes] : sample_models()) {
    const std::string path = TERCEL_SOURCE_DIR "/fuzz/corpus/onnx/" + name + ".onnx";
    if (std::getenv("TERCEL_WRITE_CORPUS")) std::ofstream(path, std::ios::binary) << bytes;
    std::ifstream file(path, std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), bytes) << path;
  }
}

}  // namespace
}  // namespace tercel::onnx::testing
