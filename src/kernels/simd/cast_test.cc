#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/simd/cast_leaves.h"
#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

Tensor odd_values(std::mt19937& random, DType type, int64_t n) {
  if (type == DType::kFloat32) {
    Tensor tensor = odd_floats(random, {n});
    constexpr float kEdges[] = {0x1p31f,  -0x1p31f, 0x1p63f, -0x1p63f, 2147483520.0f, 65504.0f, 65520.0f,
                                65519.0f, 6e-8f,    2.9e-8f, 0.5f,     -0.9f,         1e10f,    -1e20f};
    for (size_t i = 0; i < std::size(kEdges) && static_cast<int64_t>(i) < n; ++i) tensor.mutable_as<float>()[i] = kEdges[i];
    return tensor;
  }
  Tensor tensor = Tensor::zeros(type, {n}).value();
  for (size_t i = 0; i < tensor.bytes(); ++i)
    tensor.mutable_as<uint8_t>()[i] = static_cast<uint8_t>(type == DType::kBool ? random() & 1 : random());
  return tensor;
}

OpCase cast(const Tensor& x, DType to) {
  // CastLike needs no ONNX type numbers.
  return {.op = "CastLike", .inputs = {x, Tensor::zeros(to, {1}).value()}};
}

TEST(Cast, MatchesTheReferenceOnEveryFastPair) {
  std::mt19937 random(test_seed());
  int pairs = 0;
  for (int from = 0; from < kDTypeCount; ++from) {
    for (int to = 0; to < kDTypeCount; ++to) {
      const auto source = static_cast<DType>(from), target = static_cast<DType>(to);
      bool everywhere = true;
      for (const platform::Isa& isa : host_isas()) everywhere &= cast_leaf(source, target, isa) != nullptr;
      if (!everywhere) continue;
      ++pairs;
      SCOPED_TRACE(std::string(dtype_name(source)) + " to " + std::string(dtype_name(target)));
      for (const int64_t n : {0, 1, 40, 20000})
        expect_like_reference("cast-like/simd", cast(odd_values(random, source, n), target), {0, 0});
    }
  }
  EXPECT_GE(pairs, 12);
}

TEST(Cast, HalvesMatchTheScalarConversion) {
  std::mt19937 random(test_seed());
  for (const platform::Isa& isa : host_isas()) {
    const CastLeaf down = cast_leaf(DType::kFloat32, DType::kFloat16, isa), up = cast_leaf(DType::kFloat16, DType::kFloat32, isa);
    if (!down) continue;
    const Tensor x = odd_values(random, DType::kFloat32, 5000);
    std::vector<Half> halves(5000);
    down(x.data(), halves.data(), 5000);
    for (size_t i = 0; i < halves.size(); ++i) {
      const Half want(x.as<float>()[i]);
      if (std::isnan(x.as<float>()[i])) EXPECT_TRUE(std::isnan(static_cast<float>(halves[i])));
      else EXPECT_EQ(halves[i].bits, want.bits) << x.as<float>()[i];
    }
    std::vector<Half> all(65536);
    for (size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<uint16_t>(i);
    std::vector<float> floats(all.size());
    up(all.data(), floats.data(), all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      const float want = static_cast<float>(all[i]);
      EXPECT_TRUE(floats[i] == want || (std::isnan(floats[i]) && std::isnan(want))) << i;
    }
  }
}

TEST(Where, MatchesTheReferenceUnderBroadcasting) {
  std::mt19937 random(test_seed());
  const std::vector<std::array<Shape, 3>> cases = {{Shape{5, 33}, {5, 33}, {5, 33}}, {Shape{5, 33}, {}, {5, 33}},
                                                   {Shape{33}, {5, 1}, {1}},         {Shape{2, 1, 7, 7}, {1}, {2, 3, 7, 7}},
                                                   {Shape{1}, {40}, {40}},           {Shape{}, {}, {}},
                                                   {Shape{0, 3}, {3}, {1}},          {Shape{3, 300, 100}, {300, 100}, {}}};
  for (const auto& shapes : cases) {
    Tensor condition = Tensor::zeros(DType::kBool, shapes[0]).value();
    for (int64_t i = 0; i < condition.elements(); ++i) condition.mutable_as<bool>()[i] = random() & 1;
    expect_like_reference("where/simd",
                          {.op = "Where", .inputs = {condition, odd_floats(random, shapes[1]), odd_floats(random, shapes[2])}},
                          {0, 0});
    Tensor wide = Tensor::zeros(DType::kInt64, shapes[1]).value();
    for (int64_t i = 0; i < wide.elements(); ++i) wide.mutable_as<int64_t>()[i] = static_cast<int64_t>(random());
    expect_like_reference("where/simd",
                          {.op = "Where", .inputs = {condition, wide, Tensor::zeros(DType::kInt64, shapes[2]).value()}}, {0, 0});
  }
}

}  // namespace
}  // namespace tercel::kernels::simd
