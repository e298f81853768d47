#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

OpCase softmax(const char* op, const Tensor& x, int64_t axis) {
  OpCase c{.op = op, .inputs = {x}};
  c.attributes.set("axis", axis);
  return c;
}

TEST(Softmax, MatchesTheReferenceAlongEveryAxis) {
  std::mt19937 random(test_seed());
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 17}, Shape{64, 128}, Shape{2, 5001}, Shape{4, 33, 7}, Shape{2, 3, 100, 19},
                             Shape{0, 4}, Shape{5}}) {
    for (int64_t axis = -shape.rank(); axis < 0; ++axis) {
      SCOPED_TRACE(to_string(shape) + " axis " + std::to_string(axis));
      const Tensor x = random_floats(random, shape, -10, 10);
      expect_like_reference("softmax/simd", softmax("Softmax", x, axis), {3e-6, 1e-9});
      expect_like_reference("log-softmax/simd", softmax("LogSoftmax", x, axis), {3e-6, 3e-6});
    }
  }
}

TEST(Softmax, TreatsOddRowsLikeTheReference) {
  const float inf = INFINITY;
  const std::vector<std::vector<float>> rows = {{-inf, 0, 1, 2, -inf},
                                                {-inf, -inf, -inf, -inf, -inf},
                                                {inf, 0, 1, 2, 3},
                                                {NAN, 0, 1, 2, 3},
                                                {3e38f, -3e38f, 0, 3e38f, 1},
                                                {0, 0, 0, 0, 0},
                                                {-1000, -1000, -1001, -1e5f, -1000}};
  for (const auto& row : rows) {
    for (const Shape& shape : {Shape{1, 5}, Shape{5, 1}}) {
      const int64_t axis = shape.size(0) == 1 ? 1 : 0;
      expect_like_reference("softmax/simd", softmax("Softmax", floats(shape, row), axis));
      expect_like_reference("log-softmax/simd", softmax("LogSoftmax", floats(shape, row), axis));
    }
    std::vector<float> twice;
    for (float v : row) twice.insert(twice.end(), {v, 1.0f});
    expect_like_reference("softmax/simd", softmax("Softmax", floats({5, 2}, twice), 0));
  }
}

}  // namespace
}  // namespace tercel::kernels::simd
