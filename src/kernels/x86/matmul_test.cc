#include "kernels/x86/row_check.h"

namespace tercel::kernels::x86 {
namespace {

struct MatMulCase {
  std::vector<int64_t> a_batch, b_batch, out_batch;
  int64_t m, k, n;
  bool trans_a = false, trans_b = false;
  float alpha = 1;
  bool a_vector = false, b_vector = false;
};

Shape shape_of(std::vector<int64_t> batch, int64_t rows, int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return Shape(std::span<const int64_t>(batch));
}

std::string describe(const MatMulCase& c) {
  std::string s = "matmul " + std::to_string(c.m) + "x" + std::to_string(c.k) + "x" + std::to_string(c.n) + " batch";
  for (const int64_t b : c.out_batch) s += " " + std::to_string(b);
  return s + (c.trans_a ? " transA" : "") + (c.trans_b ? " transB" : "");
}

// The matrix of a broadcast operand that output matrix `index` uses.
int64_t matrix_of(int64_t index, const std::vector<int64_t>& batch, const std::vector<int64_t>& out) {
  int64_t matrix = 0, stride = 1;
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t extent = out[out.size() - 1 - i], at = index % extent;
    index /= extent;
    if (i >= batch.size()) continue;
    const int64_t own = batch[batch.size() - 1 - i];
    matrix += (own == 1 ? 0 : at) * stride;
    stride *= own;
  }
  return matrix;
}

void check_matmul(const MatMulCase& c, std::mt19937_64& random) {
  Step step{"tercel.MatMul", {}, {}, shape_of(c.out_batch, c.m, c.n), false};
  step.attributes.set("transA", int64_t{c.trans_a});
  step.attributes.set("transB", int64_t{c.trans_b});
  step.attributes.set("alpha", c.alpha);
  step.inputs.push_back(random_floats(c.a_vector  ? Shape{c.k}
                                      : c.trans_a ? shape_of(c.a_batch, c.k, c.m)
                                                  : shape_of(c.a_batch, c.m, c.k),
                                      random));
  step.inputs.push_back(random_floats(c.b_vector  ? Shape{c.k}
                                      : c.trans_b ? shape_of(c.b_batch, c.n, c.k)
                                                  : shape_of(c.b_batch, c.k, c.n),
                                      random));
  Expected want;
  const Floats &a = *step.inputs[0], &b = *step.inputs[1];
  int64_t batches = 1;
  for (const int64_t extent : c.out_batch) batches *= extent;
  for (int64_t i = 0; i < batches * c.m * c.n; ++i) {
    const int64_t n = i % c.n, m = i / c.n % c.m, at = i / c.n / c.m;
    const int64_t a0 = matrix_of(at, c.a_batch, c.out_batch) * c.m * c.k, b0 = matrix_of(at, c.b_batch, c.out_batch) * c.k * c.n;
    double sum = 0, magnitude = 0;
    for (int64_t k = 0; k < c.k; ++k) {
      const double term = double(c.alpha) * double(a[a0 + (c.trans_a ? k * c.m + m : m * c.k + k)]) *
                          double(b[b0 + (c.trans_b ? n * c.k + k : k * c.n + n)]);
      sum += term;
      magnitude += std::abs(term);
    }
    want.value.push_back(sum);
    want.magnitude.push_back(magnitude);
  }
  EXPECT_GE(check_rows(step, want, describe(c)), 1);
  if (c.trans_a || c.trans_b || c.alpha != 1) return;
  step.op = "MatMul";
  EXPECT_GE(check_rows(step, want, describe(c)), 1);
}

TEST(MatMul, KnownShapes) {
  std::mt19937_64 random(fresh_seed());
  const MatMulCase cases[] = {
      {{}, {}, {}, 64, 64, 64},
      {{2, 3}, {2, 3}, {2, 3}, 17, 33, 50},
      {{2, 3}, {}, {2, 3}, 17, 33, 50},
      {{}, {5}, {5}, 17, 33, 50},
      {{3, 1}, {1, 4}, {3, 4}, 9, 16, 31, true, true, 0.125f},
      {{4}, {2, 1}, {2, 4}, 13, 7, 32, true, false},
      {{}, {}, {}, 1, 300, 77},
      {{6}, {6}, {6}, 1, 40, 100},
      {{6}, {6}, {6}, 3, 40, 20, false, false, 2.0f},
      {{}, {}, {}, 200, 1500, 40},
      {{}, {}, {}, 500, 1300, 70, false, true},
      {{}, {}, {}, 40, 2000, 33, true, false},
      {{}, {}, {}, 1, 20, 31, false, false, 1, true, false},
      {{}, {}, {}, 21, 20, 1, false, false, 1, false, true},
      {{200}, {200}, {200}, 4, 5, 6},
      {{0}, {0}, {0}, 4, 5, 6},
      {{2}, {2}, {2}, 4, 0, 6},
      {{2}, {2}, {2}, 0, 5, 6},
  };
  for (const MatMulCase& c : cases) check_matmul(c, random);
}

TEST(MatMul, RandomShapes) {
  std::mt19937_64 random(fresh_seed() + 1);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  for (int i = 0; i < 150; ++i) {
    MatMulCase c{{},  {}, {}, 1 + below(60), 1 + below(i % 10 == 0 ? 1500 : 80), 1 + below(100), below(2) == 0, below(2) == 0,
                 0.5f};
    for (int64_t axes = below(3); axes > 0; --axes) {
      const int64_t extent = 1 + below(4);
      c.out_batch.push_back(extent);
      const int64_t kind = below(3);
      c.a_batch.push_back(kind == 1 ? 1 : extent);
      c.b_batch.push_back(kind == 2 ? 1 : extent);
    }
    check_matmul(c, random);
  }
}

TEST(MatMul, RefusesWhatDoesNotMultiply) {
  std::mt19937_64 random(fresh_seed() + 2);
  Step step{"MatMul", {}, {}, Shape{4, 6}, false};
  step.inputs = {random_floats({4, 5}, random), random_floats({5, 6}, random)};
  step.inputs[1]->shape = Shape{};
  for (const KernelRow* row : own_rows("MatMul")) {
    const Refusal refusal = BoundStep(step, *row, 1).refusal();
    EXPECT_TRUE(refusal == "wants no scalars" || refusal.starts_with("needs ")) << refusal;
  }
}

}  // namespace
}  // namespace tercel::kernels::x86
