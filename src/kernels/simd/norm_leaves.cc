#include "kernels/simd/norm_leaves.h"

#include <algorithm>
#include <cmath>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/norm_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

struct Deviations {
  double sum = 0, squares = 0;
};

// Of a row from `from`, and their squares; in blocks, as row_sum().
Deviations deviations(const float* x, size_t n, float from) {
  Deviations all;
  const VecF mean = splat(from), zero = hn::Zero(F32());
  for (size_t block = 0; block < n; block += kSumBlock) {
    const size_t end = std::min(block + kSumBlock, n);
    VecF a = zero, b = zero, a2 = zero, b2 = zero;
    size_t i = block;
    const auto add = [](VecF d, VecF& sum, VecF& squares) HWY_ATTR {
      sum = hn::Add(sum, d);
      squares = hn::MulAdd(d, d, squares);
    };
    for (; i + 2 * kLanes <= end; i += 2 * kLanes) {
      add(hn::Sub(load(x + i), mean), a, a2);
      add(hn::Sub(load(x + i + kLanes), mean), b, b2);
    }
    for (; i + kLanes <= end; i += kLanes) add(hn::Sub(load(x + i), mean), a, a2);
    if (i < end) add(hn::IfThenElseZero(hn::FirstN(F32(), end - i), hn::Sub(load_n(x + i, end - i), mean)), b, b2);
    all.sum += static_cast<double>(sum_lanes(hn::Add(a, b)));
    all.squares += static_cast<double>(sum_lanes(hn::Add(a2, b2)));
  }
  return all;
}

// The corrected two-pass algorithm (Chan, Golub, LeVeque: Algorithms for Computing the Sample Variance, 1983, section 2): what
// the first pass rounds away from the mean, the second one finds.
Moments moments(const float* x, size_t n, double epsilon) {
  const double count = static_cast<double>(n);
  const auto mean = static_cast<float>(row_sum(x, n, ItselfTerm()) / count);
  const Deviations from_mean = deviations(x, n, mean);
  const double low = from_mean.sum / count, variance = std::max(from_mean.squares / count - low * low, 0.0);
  return {mean, static_cast<float>(low), static_cast<float>(1 / std::sqrt(variance + epsilon))};
}

// out = f(j, x[j]) of one row; f gets how many lanes it may touch.
template <typename F>
HWY_INLINE void each_vector(size_t n, const F& f) {
  size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) f.whole(j);
  if (j < n) f.part(j, n - j);
}

template <bool kBias>
struct Affine {
  const float *x, *scale, *bias;
  float* y;
  VecF mean, factor, shift;  // unit = (x - mean) * factor + shift
  HWY_INLINE VecF of(VecF v, VecF s, VecF b) const {
    const VecF unit = hn::MulAdd(hn::Sub(v, mean), factor, shift);
    return kBias ? hn::MulAdd(unit, s, b) : hn::Mul(unit, s);
  }
  HWY_INLINE void whole(size_t j) const { store(of(load(x + j), load(scale + j), kBias ? load(bias + j) : mean), y + j); }
  HWY_INLINE void part(size_t j, size_t n) const {
    store_n(of(load_n(x + j, n), load_n(scale + j, n), kBias ? load_n(bias + j, n) : mean), y + j, n);
  }
};

HWY_INLINE void layer_row(const float* x, const float* scale, const float* bias, float* y, size_t n, double epsilon) {
  const Moments m = moments(x, n, epsilon);
  const VecF mean = splat(m.mean), factor = splat(m.inverse_deviation), shift = splat(-m.mean_low * m.inverse_deviation);
  if (bias) each_vector(n, Affine<true>{x, scale, bias, y, mean, factor, shift});
  else each_vector(n, Affine<false>{x, scale, bias, y, mean, factor, shift});
}

void layer(const float* x, const float* scale, const float* bias, float* y, int64_t rows, size_t n, double epsilon) {
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) layer_row(x, scale, bias, y, n, epsilon);
}

void rms(const float* x, const float* scale, float* y, int64_t rows, size_t n, double epsilon) {
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) {
    const double mean_square = row_sum(x, n, SquareTerm()) / static_cast<double>(n);
    const float factor = static_cast<float>(1 / std::sqrt(mean_square + epsilon));
    each_vector(n, Affine<false>{x, scale, nullptr, y, hn::Zero(F32()), splat(factor), splat(-0.0f)});
  }
}

struct Sum {
  const float *a, *b;
  float* out;
  HWY_INLINE void whole(size_t j) const { store(hn::Add(load(a + j), load(b + j)), out + j); }
  HWY_INLINE void part(size_t j, size_t n) const { store_n(hn::Add(load_n(a + j, n), load_n(b + j, n)), out + j, n); }
};

void skip_layer(const float* x, const float* residual, const float* scale, const float* bias, float* sum, float* y, int64_t rows,
                size_t n, double epsilon) {
  for (int64_t i = 0; i < rows; ++i, x += n, residual += n, y += n) {
    float* row = sum ? sum + static_cast<size_t>(i) * n : y;
    each_vector(n, Sum{x, residual, row});
    layer_row(row, scale, bias, y, n, epsilon);
  }
}

struct OneAffine {
  const float* x;
  float* y;
  VecF mean, factor, bias;
  HWY_INLINE VecF of(VecF v) const { return hn::MulAdd(hn::Sub(v, mean), factor, bias); }
  HWY_INLINE void whole(size_t j) const { store(of(load(x + j)), y + j); }
  HWY_INLINE void part(size_t j, size_t n) const { store_n(of(load_n(x + j, n)), y + j, n); }
};

void affine(const float* x, float mean, float factor, float bias, float* y, size_t n) {
  each_vector(n, OneAffine{x, y, splat(mean), splat(factor), splat(bias)});
}

struct ColumnAffine {
  const float *x, *mean, *factor, *bias;
  float* y;
  HWY_INLINE void whole(size_t j) const {
    store(hn::MulAdd(hn::Sub(load(x + j), load(mean + j)), load(factor + j), load(bias + j)), y + j);
  }
  HWY_INLINE void part(size_t j, size_t n) const {
    store_n(hn::MulAdd(hn::Sub(load_n(x + j, n), load_n(mean + j, n)), load_n(factor + j, n), load_n(bias + j, n)), y + j, n);
  }
};

void affine_columns(const float* x, const float* mean, const float* factor, const float* bias, float* y, int64_t rows, size_t n) {
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) each_vector(n, ColumnAffine{x, mean, factor, bias, y});
}

NormLeaves norm_functions() { return {layer, rms, skip_layer, moments, affine, affine_columns}; }

}  // namespace
}  // namespace tercel::kernels::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tercel::kernels::simd {

HWY_EXPORT(norm_functions);

NormLeaves norm_leaves(const platform::Isa& isa) { return for_isa(HWY_DISPATCH_TABLE(norm_functions), isa)(); }

}  // namespace tercel::kernels::simd
#endif
