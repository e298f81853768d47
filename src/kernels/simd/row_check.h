#pragma once

#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "ops/attributes.h"
#include "platform/isa.h"

// For tests: a row of this folder against the reference row, on every instruction set of the host, with one and three
// workers and one that may be paused, aligned and unaligned buffers, in place and not: all bits of one instruction set must be equal.
namespace tercel::kernels::simd {

// One operator on given tensors; all contents are known when the row binds.
struct OpCase {
  std::string_view op;
  ops::Attributes attributes = {};
  std::vector<std::optional<Tensor>> inputs = {};  // nullopt: absent
  std::vector<bool> wanted = {true};               // one per output
};
Result<std::vector<TensorType>> infer_op(const OpCase& c);

// The instruction sets this host can run, best first; always ends with kPortable.
std::vector<platform::Isa> host_isas();

struct Tolerance {
  double relative = 1e-6, absolute = 1e-6;
};

// Fails the current test when the row refuses, or differs from the reference row.
void expect_like_reference(std::string_view row, const OpCase& c, Tolerance tolerance = {});
// The same against given outputs (one per output of the case; empty Tensor for those that are not wanted).
void expect_outputs(std::string_view row, const OpCase& c, const std::vector<Tensor>& expected, Tolerance tolerance = {});
// The sentence with which the row refuses; fails the current test when it does not.
std::string refusal_of_row(std::string_view row, const OpCase& c);

// A seed that is new in every run, printed once; TERCEL_TEST_SEED repeats one.
unsigned test_seed();

Tensor random_floats(std::mt19937& random, const Shape& shape, float low = -3, float high = 3);
// Like random_floats, with zeros of both signs, NaN, infinities, huge, tiny and subnormal numbers strewn in.
Tensor odd_floats(std::mt19937& random, const Shape& shape);
Tensor ints(const std::vector<int64_t>& values);  // [n]
Tensor floats(const Shape& shape, const std::vector<float>& values);

}  // namespace tercel::kernels::simd
