#include "engine/hostile_plan.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "engine/test_program.h"
#include "plan/plan.h"

// Plans that a bad disk or a bad person changed, checksums mended: binding and running them must not harm the process.
namespace tercel::engine {
namespace {

std::shared_ptr<plan::Program> layers() {
  GraphMaker g;
  const auto x = g.input("x", DType::kFloat32, {Dim(2), Dim(3), Dim(8), Dim(8)});
  const auto w = g.floats({Dim(4), Dim(3), Dim(3), Dim(3)}, std::vector<float>(108, 0.5f));
  auto y = g.node("Conv", {x, w},
                  attributes_of({{"pads", std::vector<int64_t>{1, 1, 1, 1}}, {"strides", std::vector<int64_t>{2, 2}}}));
  y = g.node("Relu", {y});
  y = g.node("Transpose", {y}, attributes_of({{"perm", std::vector<int64_t>{0, 2, 3, 1}}}));
  y = g.node("Reshape", {y, g.ints({2, -1})});
  y = g.node("MatMul", {y, g.floats({Dim(64), Dim(5)}, std::vector<float>(320, 0.25f))});
  const auto parts = g.nodes("Split", {y, g.ints({2, 3})}, 2, attributes_of({{"axis", int64_t{1}}}));
  y = g.node("Concat", {parts[1], parts[0]}, attributes_of({{"axis", int64_t{1}}}));
  y = g.node("Slice", {y, g.ints({0, 1}), g.ints({2, 5}), g.ints({0, 1})});
  g.output(g.node("Softmax", {y}, attributes_of({{"axis", int64_t{-1}}})));
  g.output(g.node("ReduceSum", {y, g.ints({1})}, attributes_of({{"keepdims", int64_t{0}}})));
  return program_of(std::move(g));
}

std::shared_ptr<plan::Program> lookups() {
  GraphMaker g;
  const auto ids = g.input("ids", DType::kInt64, {Dim(2), Dim(4)});
  const auto table = g.floats({Dim(10), Dim(6)}, std::vector<float>(60, 1.5f));
  auto y = g.node("Gather", {table, ids}, attributes_of({{"axis", int64_t{0}}}));
  y = g.node("LayerNormalization", {y, g.floats({Dim(6)}, std::vector<float>(6, 1))}, attributes_of({{"axis", int64_t{-1}}}));
  const auto places = g.node("NonZero", {y});
  g.output(places);
  g.output(g.node("Cast", {g.node("Shape", {places})}, attributes_of({{"to", int64_t{7}}})));
  g.output(g.node("Pad", {y, g.ints({0, 0, 1, 0, 0, 1})}));
  return program_of(std::move(g));
}

std::shared_ptr<plan::Program> trees() {
  GraphMaker g;
  const auto ints = [&g](const Shape& shape, std::vector<int32_t> values) {
    return g.constant(Tensor::of<int32_t>(DType::kInt32, shape, values));
  };
  const auto x = g.input("x", DType::kFloat32, {Dim(20), Dim(3)});
  const auto y =
      g.node("tercel.TreeEnsemble",
             {x, ints({3, 4}, {0, 0, 1, 2, 1, 2, -1, -2, 2, 0, -3, -4}), g.floats({Dim(3)}, {0, 1, 2}), ints({2}, {0, -1}),
              ints({5}, {0, 1, 2, 3, 4}), ints({4}, {0, 0, 1, 1}), g.floats({Dim(4)}, {1, 2, 3, 4})},
             attributes_of({{"targets", int64_t{2}}}));
  const auto classes =
      g.nodes("tercel.ClassScores", {y, g.ints({7, 8})}, 2, attributes_of({{"post_transform", std::string("SOFTMAX")}}));
  g.output(classes[1]);
  g.output(g.node("tercel.Lookup", {classes[0], g.ints({7, 8}), g.floats({Dim(2)}, {1, 2}), g.floats({Dim(1)}, {0})}));
  return program_of(std::move(g));
}

std::vector<char> bytes_of(const plan::Program& program) {
  const std::string path = testing::TempDir() + "tercel_hostile_" + std::to_string(getpid()) + ".plan";
  plan::write(program, path).value();
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove(path);
  return bytes;
}

TEST(HostilePlans, RunOrAreRefused) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  int ran = 0;
  for (const auto& program : {layers(), lookups(), trees()}) {
    const auto bytes = bytes_of(*program);
    ASSERT_TRUE(run_anything(std::as_bytes(std::span(bytes))));
    // The program section starts at the first page; what follows its few kilobytes is weights.
    constexpr size_t kProgramStart = 4096, kProgramBytes = 1500;
    for (int round = 0; round < 1500; ++round) {
      auto mutated = bytes;
      for (int n = 1 + static_cast<int>(random() % 3); n > 0; --n) {
        const size_t at =
            random() % 6 ? kProgramStart + random() % kProgramBytes : kProgramStart + random() % (bytes.size() - kProgramStart);
        mutated[at] = static_cast<char>(random() % 2 ? random() % 8 : random());
      }
      ran += run_anything(std::as_bytes(std::span(mutated)));
    }
  }
  EXPECT_GT(ran, 100);  // many changes only touch weights or names
}

}  // namespace
}  // namespace tercel::engine
