#include <gtest/gtest.h>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

TEST(Distances, MatchTheReference) {
  std::mt19937 random(test_seed());
  for (const auto& [m, n, length] :
       {std::tuple{1, 1, 1}, {3, 5, 17}, {7, 4, 64}, {2, 9, 31}, {40, 130, 30}, {1, 3, 5000}, {2, 2, 0}})
    for (const char* metric : {"sqeuclidean", "euclidean"}) {
      OpCase c{.op = "CDist"};
      c.attributes.set("metric", std::string(metric));
      c.inputs = {random_floats(random, {m, length}), random_floats(random, {n, length})};
      expect_like_reference("cdist/simd", c, {2e-6, 1e-6});
    }
}

// Close rows: the distance keeps its digits.
TEST(Distances, OfCloseRowsAreExact) {
  OpCase c{.op = "CDist"};
  c.inputs = {floats({1, 2}, {1000, 1000}), floats({2, 2}, {1000.0625f, 1000, 1000, 1000})};
  expect_outputs("cdist/simd", c, {floats({1, 2}, {0.00390625f, 0})}, {0, 0});
}

}  // namespace
}  // namespace tercel::kernels::simd
