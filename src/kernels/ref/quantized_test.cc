#include <cmath>

#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

const double kNan = std::nan("");

Tensor u16(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kUint16, uint16_t>(shape, v); }

TEST(Quantized, ToAndFromIntegers) {
  const auto axis = [](int64_t a) { return attributes({{"axis", a}}); };
  const auto blocks = [](int64_t a, int64_t size) { return attributes({{"axis", a}, {"block_size", size}}); };
  check_values({
      {"rounds to even, saturates",
       "QuantizeLinear",
       {},
       {f32({6}, {0, 2.5, 3.5, -1, 1000, kNan}), f32({}, {1}), u8({}, {2})},
       u8({6}, {2, 4, 6, 1, 255, 2})},
      {"no zero point is uint8", "QuantizeLinear", {}, {f32({2}, {3, -3}), f32({}, {2})}, u8({2}, {2, 0})},
      {"output type by attribute",
       "QuantizeLinear",
       attributes({{"output_dtype", int64_t{3}}}),
       {f32({2}, {3, -300}), f32({}, {2})},
       i8({2}, {2, -128})},
      {"per axis",
       "QuantizeLinear",
       axis(0),
       {f32({2, 2}, {1, 2, 3, 4}), f32({2}, {1, 2}), i8({2}, {0, 10})},
       i8({2, 2}, {1, 2, 12, 12})},
      {"in blocks, the last one short",
       "QuantizeLinear",
       blocks(1, 2),
       {f32({1, 3}, {4, 8, 12}), f32({1, 2}, {4, 6})},
       u8({1, 3}, {1, 2, 2})},
      {"integers", "QuantizeLinear", {}, {i32({2}, {100, -7}), f32({}, {10}), i8({}, {1})}, i8({2}, {11, 0})},
      {"16 bits", "QuantizeLinear", {}, {f32({2}, {70000, 1}), f32({}, {1}), u16({}, {5})}, u16({2}, {65535, 6})},
      {"back", "DequantizeLinear", {}, {u8({3}, {0, 128, 255}), f32({}, {0.5}), u8({}, {128})}, f32({3}, {-64, 0, 63.5})},
      {"back per axis", "DequantizeLinear", axis(1), {i8({2, 2}, {1, 2, 3, 4}), f32({2}, {1, 10})}, f32({2, 2}, {1, 20, 3, 40})},
      {"back in blocks of rows",
       "DequantizeLinear",
       blocks(0, 2),
       {i8({3, 1}, {1, 2, 3}), f32({2, 1}, {1, 10}), i8({2, 1}, {0, 1})},
       f32({3, 1}, {1, 2, 20})},
      {"back to half",
       "DequantizeLinear",
       attributes({{"output_dtype", int64_t{10}}}),
       {i8({1}, {3}), f32({}, {0.5})},
       f16({1}, {1.5})},
      {"32-bit sums", "DequantizeLinear", {}, {i32({1}, {1000000}), f32({}, {0.001})}, f32({1}, {1000})},
      {"nothing", "QuantizeLinear", axis(0), {f32({0, 2}, {}), f32({0}, {})}, u8({0, 2}, {})},
  });
}

TEST(Quantized, DynamicRange) {
  const auto run = [](const Tensor& x) { return run_op({"DynamicQuantizeLinear", {}, {x}, {true, true, true}}).take(); };
  const auto y = run(f32({3}, {-1, 0, 4}));
  expect_near(y[1], f32({}, {5.0 / 255}));
  expect_near(y[2], u8({}, {51}));
  expect_near(y[0], u8({3}, {0, 51, 255}));
  // The range always includes zero; all zeros have scale 1, and a NaN is read as zero.
  expect_near(run(f32({2}, {1, 2}))[2], u8({}, {0}));
  expect_near(run(f32({2}, {0, 0}))[1], f32({}, {1}));
  expect_near(run(f32({0}, {}))[0], u8({0}, {}));
  expect_near(run(f32({2}, {kNan, 255}))[0], u8({2}, {0, 255}));
}

TEST(Quantized, Products) {
  const Tensor a = u8({2, 2}, {1, 2, 3, 4}), b = i8({2, 2}, {5, -6, 7, 8}), one = f32({}, {1});
  check_values({
      {"plain", "MatMulInteger", {}, {a, b}, i32({2, 2}, {19, 10, 43, 14})},
      {"zero points", "MatMulInteger", {}, {a, b, u8({}, {1}), i8({}, {5})}, i32({2, 2}, {2, 3, 6, -13})},
      {"one a row and one a column", "MatMulInteger", {}, {a, b, u8({2}, {1, 3}), i8({2}, {5, 8})}, i32({2, 2}, {2, 0, 2, 0})},
      {"batches broadcast",
       "MatMulInteger",
       {},
       {u8({2, 1, 2}, {1, 2, 3, 4}), b, u8({2, 1, 1}, {0, 1})},
       i32({2, 1, 2}, {19, 10, 31, 12})},
      {"vectors", "MatMulInteger", {}, {u8({2}, {1, 2}), i8({2}, {3, 4})}, i32({}, {11})},
      {"nothing to add", "MatMulInteger", {}, {u8({1, 0}, {}), i8({0, 2}, {})}, i32({1, 2}, {0, 0})},
      {"rescaled",
       "QLinearMatMul",
       {},
       {a, f32({}, {0.5}), u8({}, {0}), b, one, i8({}, {0}), f32({}, {2}), u8({}, {3})},
       u8({2, 2}, {8, 5, 14, 7})},
      {"scales a row and a column",
       "QLinearMatMul",
       {},
       {a, f32({2}, {1, 2}), u8({2}, {0, 0}), b, f32({2}, {1, 0.5}), i8({2}, {0, 0}), one, i8({}, {0})},
       i8({2, 2}, {19, 5, 86, 14})},
  });
}

TEST(Quantized, Convolution) {
  const Tensor x = u8({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 10}), w = u8({1, 1, 2, 2}, {1, 1, 1, 1});
  const auto padded = attributes({{"pads", ints({1, 1, 1, 1})}});
  check_values({
      {"plain", "ConvInteger", {}, {x, w, u8({}, {1})}, i32({1, 1, 2, 2}, {12, 16, 24, 28})},
      {"padding is zero once the zero point is off",
       "ConvInteger",
       padded,
       {x, w, u8({}, {1})},
       i32({1, 1, 4, 4}, {1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9})},
      {"one axis, groups, zero points by channel",
       "ConvInteger",
       attributes({{"group", int64_t{2}}}),
       {u8({1, 2, 2}, {1, 2, 3, 4}), u8({2, 1, 1}, {5, 6}), std::nullopt, u8({2}, {1, 2})},
       i32({1, 2, 2}, {4, 8, 12, 16})},
      {"rescaled, biased",
       "QLinearConv",
       {},
       {x, f32({}, {0.5}), u8({}, {1}), w, f32({1}, {2}), u8({1}, {0}), f32({}, {4}), u8({}, {10}), i32({1}, {4})},
       u8({1, 1, 2, 2}, {14, 15, 17, 18})},
      {"saturates",
       "QLinearConv",
       {},
       {x, f32({}, {100}), u8({}, {1}), w, f32({1}, {1}), u8({1}, {0}), f32({}, {1}), i8({}, {0})},
       i8({1, 1, 2, 2}, {127, 127, 127, 127})},
  });
}

TEST(Quantized, Refusals) {
  const Tensor x = f32({2, 3}, {1, 2, 3, 4, 5, 6});
  check_refusals({
      {"QuantizeLinear", {}, {x, f32({2}, {1, 1})}, "does not fit"},
      {"QuantizeLinear", attributes({{"block_size", int64_t{2}}}), {x, f32({2, 3}, {1, 1, 1, 1, 1, 1})}, "in blocks of 2"},
      {"QuantizeLinear", {}, {x, f32({}, {1}), i32({}, {0})}, "int8, "},
      {"QuantizeLinear", attributes({{"output_dtype", int64_t{17}}}), {x, f32({}, {1})}, ""},
      {"QuantizeLinear", attributes({{"output_dtype", int64_t{2}}}), {x, f32({}, {1}), i8({}, {0})}, "different types"},
      {"DequantizeLinear", {}, {u8({1}, {1}), f32({}, {1}), i8({}, {0})}, "element type of input 0"},
      {"MatMulInteger", {}, {u8({2, 2}, {1, 2, 3, 4}), u8({3, 1}, {1, 2, 3})}, "differ"},
      {"MatMulInteger", {}, {u8({2, 2}, {1, 2, 3, 4}), u8({2, 1}, {1, 2}), u8({3}, {0, 0, 0})}, "does not fit matrices"},
      {"ConvInteger", attributes({{"group", int64_t{0}}}), {u8({1, 1, 1}, {1}), u8({1, 1, 1}, {1})}, "group is 0"},
      {"ConvInteger", {}, {u8({1, 1, 1}, {1}), u8({1, 1, 2}, {1, 1})}, "window"},
  });
}

}  // namespace
}  // namespace tercel::kernels
