#include <gtest/gtest.h>

#include <cmath>

#include "kernels/simd/row_check.h"

namespace tercel::kernels::simd {
namespace {

struct Window {
  std::vector<int64_t> kernel, strides = {}, pads = {}, dilations = {};
  int64_t ceil_mode = 0;
  std::string auto_pad = {};
};

OpCase pool(const char* op, const Tensor& x, const Window& w, int64_t count_include_pad = 0) {
  OpCase c{.op = op, .inputs = {x}};
  c.attributes.set("channels_last", int64_t{1});
  c.attributes.set("kernel_shape", w.kernel);
  if (!w.strides.empty()) c.attributes.set("strides", w.strides);
  if (!w.pads.empty()) c.attributes.set("pads", w.pads);
  if (!w.dilations.empty()) c.attributes.set("dilations", w.dilations);
  if (!w.auto_pad.empty()) c.attributes.set("auto_pad", w.auto_pad);
  c.attributes.set("ceil_mode", w.ceil_mode);
  c.attributes.set("count_include_pad", count_include_pad);
  return c;
}

TEST(Pool, MatchesTheReferenceOnEveryKindOfWindow) {
  std::mt19937 random(test_seed());
  const std::vector<std::pair<Shape, Window>> cases = {
      {{1, 7, 9, 5}, {{3, 3}, {2, 2}, {1, 1, 1, 1}}},
      {{2, 14, 14, 64}, {{2, 2}, {2, 2}}},
      {{1, 56, 55, 70}, {{3, 3}, {1, 1}, {1, 0, 2, 1}}},
      {{2, 6, 6, 17}, {{2, 3}, {1, 2}, {}, {2, 1}}},
      {{1, 8, 8, 3}, {{3, 3}, {3, 3}, {1, 1, 1, 1}, {}, 1}},
      {{1, 7, 6, 33}, {{3, 2}, {2, 2}, {}, {}, 0, "SAME_UPPER"}},
      {{1, 7, 6, 33}, {{3, 2}, {2, 2}, {}, {}, 0, "SAME_LOWER"}},
      {{2, 25, 16}, {{5}, {2}, {2, 2}}},
      {{1, 4, 5, 6, 8}, {{2, 2, 3}, {2, 1, 2}, {1, 0, 1, 1, 0, 1}}},
      {{0, 4, 4, 3}, {{2, 2}}},
  };
  for (const auto& [shape, window] : cases) {
    SCOPED_TRACE(to_string(shape));
    const Tensor x = random_floats(random, shape);
    expect_like_reference("max-pool/simd-channels-last", pool("MaxPool", x, window));
    for (const int64_t count_padding : {0, 1})
      expect_like_reference("average-pool/simd-channels-last", pool("AveragePool", x, window, count_padding));
  }
}

TEST(Pool, PassesNanOn) {
  std::vector<float> values(4 * 4 * 3, 1.0f);
  values[7] = NAN;
  values[20] = -INFINITY;
  const Window window{{2, 2}, {1, 1}, {1, 1, 1, 1}};
  expect_like_reference("max-pool/simd-channels-last", pool("MaxPool", floats({1, 4, 4, 3}, values), window));
  expect_like_reference("average-pool/simd-channels-last", pool("AveragePool", floats({1, 4, 4, 3}, values), window));
}

TEST(Pool, RefusesChannelsFirst) {
  OpCase c = pool("MaxPool", floats({1, 1, 2, 2}, {1, 2, 3, 4}), {{2, 2}});
  c.attributes.set("channels_last", int64_t{0});
  EXPECT_EQ(refusal_of_row("max-pool/simd-channels-last", c), "wants channels_last = 1");
}

}  // namespace
}  // namespace tercel::kernels::simd
