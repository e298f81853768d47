#include <cmath>

#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

const double kNan = std::nan(""), kInf = INFINITY;
using Entries = std::initializer_list<ops::Attributes::Entry>;

// A Resize of a row of elements to `size`.
ValueCase resized(const char* name, Entries entries, const Tensor& x, int64_t size, const Tensor& expected) {
  return {name, "Resize", attributes(entries), {x, std::nullopt, std::nullopt, i64({1}, {size})}, expected, 1e-5};
}
ValueCase scaled(const char* name, Entries entries, const Tensor& x, double scale, const Tensor& expected) {
  return {name, "Resize", attributes(entries), {x, std::nullopt, f32({1}, {scale})}, expected, 1e-5};
}

TEST(Image, ResizeNearest) {
  const Tensor row = f32({4}, {1, 2, 3, 4});
  const auto asymmetric = text("asymmetric");
  check_values({
      scaled("twice", {}, row, 2, f32({8}, {1, 1, 2, 2, 3, 3, 4, 4})),
      scaled("0.7 of ten are seven", {{"coordinate_transformation_mode", asymmetric}, {"nearest_mode", text("floor")}},
             f32({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), 0.7f, f32({7}, {0, 1, 2, 4, 5, 7, 8})),
      resized("floor", {{"coordinate_transformation_mode", asymmetric}, {"nearest_mode", text("floor")}}, row, 6,
              f32({6}, {1, 1, 2, 3, 3, 4})),
      resized("ceil", {{"coordinate_transformation_mode", asymmetric}, {"nearest_mode", text("ceil")}}, row, 6,
              f32({6}, {1, 2, 3, 3, 4, 4})),
      resized("halves go down", {{"coordinate_transformation_mode", asymmetric}}, row, 8, f32({8}, {1, 1, 2, 2, 3, 3, 4, 4})),
      resized("halves go up", {{"coordinate_transformation_mode", asymmetric}, {"nearest_mode", text("round_prefer_ceil")}}, row,
              8, f32({8}, {1, 2, 2, 3, 3, 4, 4, 4})),
      resized("corners", {{"coordinate_transformation_mode", text("align_corners")}}, row, 2, f32({2}, {1, 4})),
      resized("64-bit integers stay exact", {}, i64({1}, {INT64_MAX}), 2, i64({2}, {INT64_MAX, INT64_MAX})),
      resized("to nothing", {}, row, 0, f32({0}, {})),
  });
}

TEST(Image, ResizeWeighted) {
  const Tensor row = f32({4}, {1, 2, 3, 4}), roi = f32({2}, {0.5, 1.5});
  const auto linear = text("linear"), crop = text("tf_crop_and_resize");
  check_values({
      resized("linear", {{"mode", linear}}, row, 8, f32({8}, {1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4})),
      resized("linear, corners", {{"mode", linear}, {"coordinate_transformation_mode", text("align_corners")}}, row, 7,
              f32({7}, {1, 1.5, 2, 2.5, 3, 3.5, 4})),
      resized("linear, smaller", {{"mode", linear}}, row, 2, f32({2}, {1.5, 3.5})),
      resized("linear, smoothed", {{"mode", linear}, {"antialias", int64_t{1}}}, row, 2, f32({2}, {1.625, 3.375})),
      resized("cubic", {{"mode", text("cubic")}}, f32({4}, {1, 2, 3, 4}), 8,
              f32({8}, {0.89453125, 1.19140625, 1.66796875, 2.296875, 2.703125, 3.33203125, 3.80859375, 4.10546875})),
      resized("constant stays constant", {{"mode", text("cubic")}, {"exclude_outside", int64_t{1}}}, f32({3}, {5, 5, 5}), 7,
              f32({7}, {5, 5, 5, 5, 5, 5, 5})),
      resized("integers round", {{"mode", linear}}, u8({2}, {0, 5}), 4, u8({4}, {0, 1, 4, 5})),
      resized("one element, PyTorch", {{"mode", linear}, {"coordinate_transformation_mode", text("pytorch_half_pixel")}}, row, 1,
              f32({1}, {1})),
      {"crop",
       "Resize",
       attributes({{"mode", linear}, {"coordinate_transformation_mode", crop}, {"extrapolation_value", 9.0f}}),
       {row, roi, std::nullopt, i64({1}, {3})},
       f32({3}, {2.5, 4, 9}),
       1e-5},
  });
}

TEST(Image, ResizeSeveralAxes) {
  const Tensor image = f32({1, 1, 2, 2}, {1, 2, 3, 4});
  const auto axes = ints({-1, -2});
  check_values({
      {"both at once",
       "Resize",
       attributes({{"mode", text("linear")}, {"coordinate_transformation_mode", text("align_corners")}}),
       {image, std::nullopt, std::nullopt, i64({4}, {1, 1, 3, 3})},
       f32({1, 1, 3, 3}, {1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4})},
      {"listed axes",
       "Resize",
       attributes({{"axes", axes}}),
       {image, std::nullopt, f32({2}, {2, 1})},
       f32({1, 1, 2, 4}, {1, 1, 2, 2, 3, 3, 4, 4})},
      {"empty scales are absent",
       "Resize",
       {},
       {f32({1, 2}, {1, 2}), f32({0}, {}), f32({0}, {}), i64({2}, {2, 2})},
       f32({2, 2}, {1, 2, 1, 2})},
      {"not larger",
       "Resize",
       attributes({{"axes", ints({0, 1})}, {"keep_aspect_ratio_policy", text("not_larger")}}),
       {f32({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), std::nullopt, std::nullopt, i64({2}, {9, 2})},
       f32({1, 2}, {1, 3})},
      {"not smaller",
       "Resize",
       attributes({{"keep_aspect_ratio_policy", text("not_smaller")}}),
       {f32({1, 2}, {1, 2}), std::nullopt, std::nullopt, i64({2}, {2, 1})},
       f32({2, 4}, {1, 1, 2, 2, 1, 1, 2, 2})},
  });
}

TEST(Image, GridSample) {
  const Tensor image = f32({1, 1, 2, 2}, {1, 2, 3, 4});
  const auto with = [](const char* mode, const char* padding, int64_t align) {
    return attributes({{"mode", text(mode)}, {"padding_mode", text(padding)}, {"align_corners", align}});
  };
  const auto one = [](double x, double y) { return f32({1, 1, 1, 2}, {x, y}); };
  const auto value = [](double v) { return f32({1, 1, 1, 1}, {v}); };
  check_values({
      {"the middle", "GridSample", with("linear", "zeros", 0), {image, one(0, 0)}, value(2.5)},
      {"x comes first", "GridSample", with("linear", "zeros", 1), {image, one(1, -1)}, value(2)},
      {"half outside", "GridSample", with("linear", "zeros", 0), {image, one(-1, -1)}, value(0.25)},
      {"the border repeats", "GridSample", with("linear", "border", 0), {image, one(-9, 9)}, value(3)},
      {"mirrors", "GridSample", with("nearest", "reflection", 1), {image, one(3, -1)}, value(1)},
      {"nearest, far outside", "GridSample", with("nearest", "zeros", 0), {image, one(5, 0)}, value(0)},
      {"a NaN is outside", "GridSample", with("linear", "zeros", 0), {image, one(kNan, 0)}, value(0)},
      {"infinity is outside", "GridSample", with("cubic", "border", 0), {image, one(kInf, -kInf)}, value(2)},
      {"infinity does not reflect", "GridSample", with("linear", "reflection", 0), {image, one(kInf, kInf)}, value(1)},
      {"cubic, on an element", "GridSample", with("cubic", "border", 1), {image, one(1, 1)}, value(4)},
      {"volume",
       "GridSample",
       with("linear", "zeros", 1),
       {f32({1, 1, 2, 1, 1}, {1, 3}), f32({1, 1, 1, 1, 3}, {0, 0, 0})},
       f32({1, 1, 1, 1, 1}, {2})},
      {"affine grid",
       "AffineGrid",
       {},
       {f32({1, 2, 3}, {1, 0, 0, 0, 1, 0.5}), i64({4}, {1, 1, 2, 2})},
       f32({1, 2, 2, 2}, {-0.5, 0, 0.5, 0, -0.5, 1, 0.5, 1})},
      {"affine grid, corners",
       "AffineGrid",
       attributes({{"align_corners", int64_t{1}}}),
       {f32({1, 2, 3}, {1, 0, 0, 0, 1, 0}), i64({4}, {1, 1, 1, 2})},
       f32({1, 1, 2, 2}, {-1, 0, 1, 0})},
  });
}

TEST(Image, Regions) {
  const Tensor image = f32({1, 1, 4, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  const auto align = [](const char* mode, int64_t side) {
    return attributes({{"mode", text(mode)},
                       {"output_height", side},
                       {"output_width", side},
                       {"sampling_ratio", int64_t{1}},
                       {"coordinate_transformation_mode", text("output_half_pixel")}});
  };
  const auto pooled = attributes({{"pooled_shape", ints({2, 2})}});
  check_values({
      {"samples the middle of bins",
       "RoiAlign",
       align("avg", 2),
       {image, f32({1, 4}, {0, 0, 2, 2}), i64({1}, {0})},
       f32({1, 1, 2, 2}, {2.5, 3.5, 6.5, 7.5})},
      {"largest weighted neighbour",
       "RoiAlign",
       align("max", 1),
       {image, f32({1, 4}, {0, 0, 2, 2}), i64({1}, {0})},
       f32({1, 1, 1, 1}, {5})},
      {"half a pixel off",
       "RoiAlign",
       attributes({{"sampling_ratio", int64_t{1}}}),
       {image, f32({1, 4}, {1, 1, 2, 2}), i64({1}, {0})},
       f32({1, 1, 1, 1}, {5})},
      {"outside is zero, images are clamped",
       "RoiAlign",
       align("avg", 1),
       {image, f32({2, 4}, {90, 90, 99, 99, 0, 0, 2, 2}), i64({2}, {7, -7})},
       f32({2, 1, 1, 1}, {0, 5})},
      {"absurd regions end",
       "RoiAlign",
       {},
       {image, f32({2, 4}, {-1e30, -1e30, 1e30, 1e30, kNan, 0, kInf, 1}), i64({2}, {0, 0})},
       f32({2, 1, 1, 1}, {0, 0})},
      {"max pool", "MaxRoiPool", pooled, {image, f32({1, 5}, {0, 0, 0, 3, 3})}, f32({1, 1, 2, 2}, {5, 7, 13, 15})},
      {"max pool outside", "MaxRoiPool", pooled, {image, f32({1, 5}, {0, 50, 50, 60, 60})}, f32({1, 1, 2, 2}, {0, 0, 0, 0})},
  });
}

TEST(Image, BoxSelection) {
  // Boxes 0 and 1 overlap by half, 2 is far away, 3 is 0 mirrored.
  const Tensor boxes = f32({1, 4, 4}, {0, 0, 1, 1, 0, 0.25, 1, 1.25, 0, 10, 1, 11, 1, 1, 0, 0}),
               scores = f32({1, 1, 4}, {0.9, 0.8, 0.7, 0.9});
  const auto top = [](int64_t n) { return i64({}, {n}); };
  check_values({
      {"overlapping boxes go", "NonMaxSuppression", {}, {boxes, scores, top(4), f32({}, {0.5})}, i64({2, 3}, {0, 0, 0, 0, 0, 2})},
      {"more may stay",
       "NonMaxSuppression",
       {},
       {boxes, scores, top(4), f32({}, {0.7})},
       i64({3, 3}, {0, 0, 0, 0, 0, 1, 0, 0, 2})},
      {"by number", "NonMaxSuppression", {}, {boxes, scores, top(1), f32({}, {0.5})}, i64({1, 3}, {0, 0, 0})},
      {"by score", "NonMaxSuppression", {}, {boxes, scores, top(4), f32({}, {0.5}), f32({}, {0.75})}, i64({1, 3}, {0, 0, 0})},
      {"none by default", "NonMaxSuppression", {}, {boxes, scores}, i64({0, 3}, {})},
      {"NaN scores come last",
       "NonMaxSuppression",
       {},
       {boxes, f32({1, 1, 4}, {kNan, 0.1, 0.2, kNan}), top(2), f32({}, {0.5})},
       i64({2, 3}, {0, 0, 2, 0, 0, 1})},
      {"boxes by their centers",
       "NonMaxSuppression",
       attributes({{"center_point_box", int64_t{1}}}),
       {f32({1, 2, 4}, {0.5, 0.5, 1, 1, 0.5, 0.6, 1, 1}), f32({1, 1, 2}, {0.1, 0.2}), top(9), f32({}, {0.5})},
       i64({1, 3}, {0, 0, 1})},
  });
}

TEST(Image, Refusals) {
  const Tensor x = f32({1, 1, 2, 2}, {1, 2, 3, 4});
  check_refusals({
      {"Resize", {}, {x}, "either scales or sizes"},
      {"Resize", {}, {x, std::nullopt, f32({4}, {1, 1, 2, 2}), i64({4}, {1, 1, 4, 4})}, "either scales or sizes"},
      {"Resize", {}, {x, std::nullopt, f32({4}, {1, 1, 0, 2})}, "not a positive number"},
      {"Resize", {}, {x, std::nullopt, f32({4}, {1, 1, kInf, 2})}, "not a positive number"},
      {"Resize", {}, {x, std::nullopt, f32({4}, {1, 1, 1e30, 2})}, "too large"},
      {"Resize", {}, {x, std::nullopt, std::nullopt, i64({2}, {4, 4})}, "2 sizes for 4 axes"},
      {"Resize", attributes({{"mode", text("lanczos")}}), {x, std::nullopt, f32({4}, {1, 1, 2, 2})}, "\"lanczos\""},
      {"Resize",
       attributes({{"coordinate_transformation_mode", text("tf_crop_and_resize")}}),
       {x, std::nullopt, f32({4}, {1, 1, 2, 2})},
       "needs the input roi"},
      {"GridSample", {}, {x, f32({1, 1, 1, 3}, {0, 0, 0})}, "spatial axes"},
      {"RoiAlign", attributes({{"output_height", int64_t{0}}}), {x, f32({1, 4}, {0, 0, 1, 1}), i64({1}, {0})}, "output_height"},
      {"MaxRoiPool", {}, {x, f32({1, 5}, {0, 0, 0, 1, 1})}, "pooled_shape"},
      {"NonMaxSuppression", {}, {f32({1, 1, 3}, {0, 0, 0}), f32({1, 1, 1}, {0})}, "numbers of a box"},
  });
}

}  // namespace
}  // namespace tercel::kernels
