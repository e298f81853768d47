#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "kernels/ref/op_runner.h"

// For tests: short ways to write tensors and attributes, and to compare results.
namespace tercel::kernels {

template <DType dtype, typename T, typename Value = double>
Tensor make_tensor(const Shape& shape, std::initializer_list<Value> values) {
  Tensor tensor = Tensor::zeros(dtype, shape).value();
  EXPECT_EQ(static_cast<int64_t>(values.size()), tensor.elements()) << "a test gives the wrong number of values";
  int64_t i = 0;
  for (const Value value : values) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
      tensor.mutable_as<T>()[i++] = T(static_cast<float>(value));
    else tensor.mutable_as<T>()[i++] = static_cast<T>(value);
  }
  return tensor;
}
inline Tensor f32(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kFloat32, float>(shape, v); }
inline Tensor f64(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kFloat64, double>(shape, v); }
inline Tensor f16(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kFloat16, Half>(shape, v); }
inline Tensor bf16(const Shape& shape, std::initializer_list<double> v) {
  return make_tensor<DType::kBFloat16, BFloat16>(shape, v);
}
inline Tensor i8(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kInt8, int8_t>(shape, v); }
inline Tensor i32(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kInt32, int32_t>(shape, v); }
inline Tensor i64(const Shape& shape, std::initializer_list<int64_t> v) { return make_tensor<DType::kInt64, int64_t>(shape, v); }
inline Tensor u8(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kUint8, uint8_t>(shape, v); }
inline Tensor u64(const Shape& shape, std::initializer_list<uint64_t> v) {
  return make_tensor<DType::kUint64, uint64_t>(shape, v);
}
inline Tensor boolean(const Shape& shape, std::initializer_list<double> v) { return make_tensor<DType::kBool, bool>(shape, v); }

inline ops::Attributes attributes(std::initializer_list<ops::Attributes::Entry> entries) {
  ops::Attributes result;
  for (const auto& entry : entries) result.set(entry.name, entry.value);
  return result;
}
inline ops::AttributeValue ints(std::initializer_list<int64_t> values) { return std::vector<int64_t>(values); }
inline ops::AttributeValue text(std::string_view value) { return std::string(value); }

// Uniform in [-2, 2).
inline Tensor random_f32(const Shape& shape, std::mt19937_64& random) {
  Tensor tensor = Tensor::zeros(DType::kFloat32, shape).value();
  std::uniform_real_distribution<float> draw(-2, 2);
  for (int64_t i = 0; i < tensor.elements(); ++i) tensor.mutable_as<float>()[i] = draw(random);
  return tensor;
}
inline float at(const Tensor& tensor, int64_t i) { return tensor.as<float>()[i]; }

// Same type, and elements within `tolerance` relative to max(1, |expected|); NaN equals NaN.
inline void expect_near(const Tensor& actual, const Tensor& expected, double tolerance = 1e-6) {
  ASSERT_EQ(dtype_name(actual.dtype()), dtype_name(expected.dtype()));
  ASSERT_EQ(to_string(actual.shape()), to_string(expected.shape()));
  for (int64_t i = 0; i < actual.elements(); ++i) {
    const double a = element_as_double(actual.dtype(), actual.data(), i),
                 e = element_as_double(expected.dtype(), expected.data(), i);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    ASSERT_LE(std::fabs(a - e), tolerance * std::fmax(1, std::fabs(e))) << "element " << i << " is " << a << ", expected " << e;
  }
}

// One output of an operator that must run.
inline Tensor run(const OpCase& c, size_t output = 0) {
  auto outputs = run_op(c);
  if (outputs) return outputs.value()[output];
  ADD_FAILURE() << c.op << ": " << outputs.error().message();
  return f32({}, {0});
}

// A case of a table: one operator on given inputs has this first output.
struct ValueCase {
  std::string name;
  std::string_view op;
  ops::Attributes attributes;
  std::vector<std::optional<Tensor>> inputs;
  Tensor expected;
  double tolerance = 1e-6;
};

inline void check_values(const std::vector<ValueCase>& cases) {
  for (const ValueCase& c : cases) {
    SCOPED_TRACE(std::string(c.op) + ": " + c.name);
    auto outputs = run_op({c.op, c.attributes, c.inputs});
    if (!outputs) ADD_FAILURE() << outputs.error().message();
    else expect_near(outputs.value()[0], c.expected, c.tolerance);
  }
}

// A case that must be refused, with a sentence that holds `says`.
struct RefusalCase {
  std::string_view op;
  ops::Attributes attributes;
  std::vector<std::optional<Tensor>> inputs;
  std::string says;
};

inline void check_refusals(const std::vector<RefusalCase>& cases) {
  for (const RefusalCase& c : cases) {
    SCOPED_TRACE(c.op);
    const auto outputs = run_op({c.op, c.attributes, c.inputs});
    if (outputs) ADD_FAILURE() << "was not refused";
    else EXPECT_NE(outputs.error().message().find(c.says), std::string::npos) << outputs.error().message();
  }
}

// A seed that differs between runs, printed so that a failure can be repeated (TERCEL_TEST_SEED).
inline uint64_t test_seed() {
  const char* given = std::getenv("TERCEL_TEST_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("TERCEL_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace tercel::kernels
