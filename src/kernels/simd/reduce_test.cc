#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

struct Operator {
  const char *row, *op;
};
constexpr Operator kReductions[] = {{"reduce-sum/simd", "ReduceSum"},
                                    {"reduce-mean/simd", "ReduceMean"},
                                    {"reduce-max/simd", "ReduceMax"},
                                    {"reduce-min/simd", "ReduceMin"},
                                    {"reduce-l1/simd", "ReduceL1"},
                                    {"reduce-l2/simd", "ReduceL2"},
                                    {"reduce-sum-square/simd", "ReduceSumSquare"}};

OpCase reduce(const char* op, const Tensor& x, const std::vector<int64_t>& axes, int64_t keep) {
  OpCase c{.op = op, .inputs = {x, ints(axes)}};
  c.attributes.set("keepdims", keep);
  return c;
}

TEST(Reduce, MatchesTheReferenceOverNeighbouringAxes) {
  std::mt19937 random(test_seed());
  struct Case {
    Shape x;
    std::vector<int64_t> axes;
  };
  for (const auto& [shape, axes] :
       {Case{{7}, {0}}, Case{{5, 33}, {1}}, Case{{5, 33}, {0}}, Case{{4, 9, 70}, {1}}, Case{{3, 200, 130}, {-2}},
        Case{{2, 3, 5, 7}, {2, 3}}, Case{{2, 3, 5, 7}, {0, 1}}, Case{{1, 3, 1, 41}, {1, 3}}, Case{{3, 1, 5}, {0, 1, 2}},
        Case{{300, 3}, {0}}, Case{{2, 70000}, {1}}, Case{{40, 50, 60}, {}}}) {
    const Tensor x = random_floats(random, shape, -1, 3);
    for (const Operator& f : kReductions) {
      SCOPED_TRACE(to_string(shape));
      expect_like_reference(f.row, reduce(f.op, x, axes, 1), {3e-6, 3e-6});
      expect_like_reference(f.row, reduce(f.op, x, axes, 0), {3e-6, 3e-6});
    }
  }
}

TEST(Reduce, PassesNanAndInfinitiesOn) {
  for (const std::vector<float>& row :
       {std::vector<float>{1, NAN, 2}, {INFINITY, 1, 2}, {-INFINITY, 1, INFINITY}, {-INFINITY, -INFINITY, -INFINITY}}) {
    for (const int64_t n : {3, 40}) {
      std::vector<float> values(row);
      values.resize(static_cast<size_t>(n), 0.5f);
      for (const Operator& f : kReductions) {
        expect_like_reference(f.row, reduce(f.op, floats({1, n}, values), {1}, 0));
        expect_like_reference(f.row, reduce(f.op, floats({n, 1}, values), {0}, 0));
      }
    }
  }
}

TEST(Reduce, IsExactEnoughOverLongRowsOfOneSign) {
  std::mt19937 random(test_seed());
  const Tensor x = random_floats(random, {1, 3, 224, 224}, 0, 255);
  expect_like_reference("reduce-mean/simd", reduce("ReduceMean", x, {1, 2, 3}, 0), {5e-7, 0});
  expect_like_reference("reduce-sum/simd", reduce("ReduceSum", random_floats(random, {20000, 8}, 0, 1), {0}, 0), {2e-6, 0});
}

TEST(Reduce, RefusesAxesThatAreApart) {
  const Tensor x = floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(refusal_of_row("reduce-sum/simd", reduce("ReduceSum", x, {0, 2}, 0)), "wants the reduced axes to be neighbours");
  EXPECT_EQ(refusal_of_row("reduce-sum/simd", reduce("ReduceSum", floats({0, 2}, {}), {0}, 0)), "wants at least one element");
}

TEST(GlobalPool, MatchesTheReferenceInBothLayouts) {
  std::mt19937 random(test_seed());
  for (const Shape& x : {Shape{1, 3, 7, 7}, Shape{2, 70, 1, 3}, Shape{3, 5, 40}, Shape{1, 7, 7, 200}}) {
    for (const int64_t channels_last : {0, 1}) {
      for (const Operator& f :
           {Operator{"global-average-pool/simd", "GlobalAveragePool"}, Operator{"global-max-pool/simd", "GlobalMaxPool"}}) {
        OpCase c{.op = f.op, .inputs = {random_floats(random, x)}};
        c.attributes.set("channels_last", channels_last);
        expect_like_reference(f.row, c, {2e-6, 2e-6});
      }
    }
  }
}

}  // namespace
}  // namespace tercel::kernels::simd
