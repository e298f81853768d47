#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

// Every element has its own bits, as far as the type allows.
Tensor counted(DType type, const Shape& shape) {
  Tensor tensor = Tensor::zeros(type, shape).value();
  auto* bytes = tensor.mutable_as<uint8_t>();
  for (int64_t i = 0; i < tensor.elements(); ++i)
    for (size_t k = 0; k < dtype_size(type); ++k)
      bytes[static_cast<size_t>(i) * dtype_size(type) + k] =
          static_cast<uint8_t>(type == DType::kBool             ? i & 1
                               : k + 1 == dtype_size(type) && k ? 0x20
                                                                : (i >> (8 * k)));
  return tensor;
}

OpCase transpose(const Tensor& x, const std::vector<int64_t>& perm) {
  OpCase c{.op = "Transpose", .inputs = {x}};
  c.attributes.set("perm", perm);
  return c;
}

TEST(Transpose, MovesEveryElementOfEveryType) {
  for (const DType type : {DType::kFloat32, DType::kInt8, DType::kFloat16, DType::kInt64, DType::kBool}) {
    for (const Shape& shape :
         {Shape{2, 3, 5, 7}, Shape{1, 3, 16, 40}, Shape{2, 9, 13, 3}, Shape{2, 4, 6, 32}, Shape{3, 1, 8, 17}}) {
      std::vector<int64_t> perm{0, 1, 2, 3};
      do {
        SCOPED_TRACE(to_string(shape) + " " + std::to_string(perm[0]) + std::to_string(perm[1]) + std::to_string(perm[2]) +
                     std::to_string(perm[3]));
        expect_like_reference("transpose/simd", transpose(counted(type, shape), perm), {0, 0});
      } while (std::next_permutation(perm.begin(), perm.end()));
    }
  }
}

TEST(Transpose, CutsLargeOnes) {
  for (const auto& [shape, perm] : std::vector<std::pair<Shape, std::vector<int64_t>>>{{{1, 64, 56, 56}, {0, 2, 3, 1}},
                                                                                       {{1, 56, 57, 67}, {0, 3, 1, 2}},
                                                                                       {{2, 3, 100, 101}, {0, 2, 3, 1}},
                                                                                       {{2, 101, 100, 3}, {0, 3, 1, 2}},
                                                                                       {{2, 128, 12, 64}, {0, 2, 1, 3}},
                                                                                       {{1000, 3}, {1, 0}},
                                                                                       {{513, 515}, {1, 0}},
                                                                                       {{0, 3}, {1, 0}},
                                                                                       {{400, 500}, {0, 1}}})
    expect_like_reference("transpose/simd", transpose(counted(DType::kFloat32, shape), perm), {0, 0});
}

TEST(Slice, MatchesTheReferenceWithSteps) {
  const Tensor x = counted(DType::kFloat32, {6, 10, 37});
  const std::vector<std::array<std::vector<int64_t>, 4>> cases = {
      {{{1}, {5}, {0}, {1}}},      {{{0, 3}, {6, 30}, {0, 2}, {2, 3}}},
      {{{-1}, {-100}, {2}, {-1}}}, {{{9, 36}, {0, 0}, {1, 2}, {-2, -5}}},
      {{{2}, {2}, {1}, {1}}},      {{{5}, {100}, {1}, {1}}}};
  for (const auto& [starts, ends, axes, steps] : cases)
    expect_like_reference("slice/simd", {.op = "Slice", .inputs = {x, ints(starts), ints(ends), ints(axes), ints(steps)}},
                          {0, 0});
}

TEST(Concat, MatchesTheReference) {
  for (const DType type : {DType::kFloat32, DType::kInt8, DType::kInt64}) {
    for (int64_t axis = 0; axis < 3; ++axis) {
      OpCase c{.op = "Concat"};
      for (const int64_t extent : {1, 5, 0, 9}) {
        Shape shape{4, 3, 11};
        shape[static_cast<int>(axis)] = Dim(extent);
        c.inputs.push_back(counted(type, shape));
      }
      c.attributes.set("axis", axis - 3);
      expect_like_reference("concat/simd", c, {0, 0});
    }
  }
  OpCase large{.op = "Concat", .inputs = {counted(DType::kFloat32, {2, 70001}), counted(DType::kFloat32, {2, 123})}};
  large.attributes.set("axis", int64_t{1});
  expect_like_reference("concat/simd", large, {0, 0});
}

TEST(Split, MatchesTheReferenceAndSkipsUnreadParts) {
  const Tensor x = counted(DType::kFloat32, {4, 9, 6});
  OpCase c{.op = "Split", .inputs = {x, ints({2, 0, 7})}, .wanted = {true, true, true}};
  c.attributes.set("axis", int64_t{1});
  expect_like_reference("split/simd", c, {0, 0});
  c.wanted = {false, true, true};
  expect_like_reference("split/simd", c, {0, 0});
  OpCase even{.op = "Split", .inputs = {x}, .wanted = {true, true}};
  even.attributes.set("axis", int64_t{-1});
  even.attributes.set("num_outputs", int64_t{2});
  expect_like_reference("split/simd", even, {0, 0});
}

TEST(Expand, MatchesTheReference) {
  for (const DType type : {DType::kFloat32, DType::kInt8, DType::kInt64}) {
    for (const auto& [from, to] : std::vector<std::pair<Shape, std::vector<int64_t>>>{
             {{3, 1}, {3, 40}}, {{5}, {4, 5}}, {{2, 1, 3}, {2, 7, 3}}, {{1}, {1000}}, {{1, 4, 1}, {3, 1, 9}}, {{2, 1}, {2, 0}}})
      expect_like_reference("expand/simd", {.op = "Expand", .inputs = {counted(type, from), ints(to)}}, {0, 0});
    expect_like_reference("tile/simd", {.op = "Tile", .inputs = {counted(type, {2, 1, 5}), ints({3, 4, 2})}}, {0, 0});
  }
}

TEST(DepthToSpace, MatchesTheReference) {
  for (const char* mode : {"DCR", "CRD"}) {
    OpCase c{.op = "DepthToSpace", .inputs = {counted(DType::kFloat32, {2, 12, 5, 7})}};
    c.attributes.set("blocksize", int64_t{2});
    c.attributes.set("mode", std::string(mode));
    expect_like_reference("depth-to-space/simd", c, {0, 0});
  }
}

TEST(SameBytes, MatchesTheReference) {
  for (const Shape& shape : {Shape{4, 6}, Shape{0, 3}, Shape{300, 301}}) {
    expect_like_reference("flatten/simd", {.op = "Flatten", .inputs = {counted(DType::kFloat32, shape)}}, {0, 0});
    expect_like_reference("identity/simd", {.op = "Identity", .inputs = {counted(DType::kInt8, shape)}}, {0, 0});
  }
  expect_like_reference("reshape/simd", {.op = "Reshape", .inputs = {counted(DType::kInt64, {4, 6}), ints({3, 8})}}, {0, 0});
}

TEST(Gather, WrapsAndClampsIndicesLikeTheReference) {
  for (const DType type : {DType::kFloat32, DType::kInt8, DType::kInt64}) {
    for (const Shape& table : {Shape{9, 16}, Shape{7}, Shape{5, 6, 2}, Shape{4, 3, 50}}) {
      for (int64_t axis = 0; axis < table.rank(); ++axis) {
        OpCase c{.op = "Gather",
                 .inputs = {counted(type, table), ints({0, -1, 3, 2, -3, 100, -100, 1, 0, 0, 2, INT64_MIN, INT64_MAX})}};
        c.attributes.set("axis", axis);
        expect_like_reference("gather/simd", c, {0, 0});
      }
    }
  }
  const std::vector<int32_t> narrow{3, 1, -1, 7, 0, -9};
  OpCase c{.op = "Gather", .inputs = {counted(DType::kFloat32, {8, 5}), Tensor::of<int32_t>(DType::kInt32, {2, 3}, narrow)}};
  expect_like_reference("gather/simd", c, {0, 0});
  std::mt19937 random(test_seed());
  std::vector<int64_t> many(3000);
  for (int64_t& i : many) i = static_cast<int64_t>(random() % 500);
  expect_like_reference("gather/simd", {.op = "Gather", .inputs = {counted(DType::kFloat32, {500, 33}), ints(many)}}, {0, 0});
}

}  // namespace
}  // namespace tercel::kernels::simd
