#include "onnx/tensor.h"

#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "onnx/parse.h"
#include "onnx/testing_model.h"

namespace tercel::onnx::testing {
namespace {

// The constant of a model whose only initializer is `tensor`.
Tensor decoded(const std::string& tensor) {
  auto model = import_text(onnx::testing::model(graph({.initializers = {tensor}, .outputs = {bare_value_info("w")}})));
  check(model.ok(), "the model imports");
  return *model->main().values[0].constant;
}

template <typename F>
std::string typed(int64_t type, std::vector<int64_t> dims, F&& fill) {
  std::string out;
  protozero::pbf_writer writer(out);
  for (int64_t extent : dims) writer.add_int64(1, extent);
  writer.add_int64(2, type);
  writer.add_string(8, "w");
  fill(writer);
  return out;
}

TEST(TensorOfFile, EveryElementTypeInItsField) {
  const struct {
    int64_t type;
    DType dtype;
    uint32_t field;
  } kIntegers[] = {{2, DType::kUint8, 5}, {3, DType::kInt8, 5},     {4, DType::kUint16, 5},
                   {5, DType::kInt16, 5}, {6, DType::kInt32, 5},    {7, DType::kInt64, 7},
                   {9, DType::kBool, 5},  {12, DType::kUint32, 11}, {13, DType::kUint64, 11}};
  for (const auto& test : kIntegers) {
    for (bool packed : {true, false}) {
      const int64_t values[] = {1, 0, 1};
      const Tensor tensor = decoded(typed(test.type, {3}, [&](protozero::pbf_writer& w) {
        if (packed) w.add_packed_int64(test.field, std::begin(values), std::end(values));
        else
          for (int64_t v : values) w.add_int64(test.field, v);
      }));
      EXPECT_EQ(tensor.dtype(), test.dtype);
      EXPECT_EQ(as_ints(tensor), (std::vector<int64_t>{1, 0, 1})) << dtype_name(test.dtype);
    }
  }
}

TEST(TensorOfFile, Floats) {
  const double doubles[] = {1.5, -2};
  EXPECT_EQ(
      decoded(typed(11, {2}, [&](auto& w) { w.add_packed_double(10, std::begin(doubles), std::end(doubles)); })).as<double>()[1],
      -2);
  const float floats[] = {1.5f, -2};
  EXPECT_EQ(decoded(typed(1, {2},
                          [&](auto& w) {
                            for (float f : floats) w.add_float(4, f);
                          }))
                .as<float>()[1],
            -2);
  // 16-bit floats travel as their bits in int32_data.
  EXPECT_EQ(static_cast<float>(decoded(typed(10, {1}, [&](auto& w) { w.add_int32(5, 0x3e00); })).as<Half>()[0]), 1.5f);
  EXPECT_EQ(static_cast<float>(decoded(typed(16, {1}, [&](auto& w) { w.add_int32(5, 0x3fc0); })).as<BFloat16>()[0]), 1.5f);
}

TEST(TensorOfFile, EmptyOnesAndScalars) {
  EXPECT_EQ(decoded(typed(1, {0, 5}, [](auto&) {})).elements(), 0);
  EXPECT_EQ(decoded(typed(1, {}, [](auto& w) { w.add_float(4, 3); })).as<float>()[0], 3);
}

TEST(TensorOfFile, RawBoolsBecomeZeroOrOne) {
  const Tensor tensor = decoded(onnx::testing::raw_tensor("w", onnx::testing::kBool, {3}, std::string("\0\x01\x77", 3)));
  EXPECT_EQ(static_cast<const uint8_t*>(tensor.data())[2], 1);
}

}  // namespace
}  // namespace tercel::onnx::testing
