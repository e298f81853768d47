#include "kernels/simd/norm_leaves.h"

#include <cmath>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/norm_leaves.cc"
#include "hwy/foreach_target.h"
#include "kernels/simd/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tercel::kernels::simd::HWY_NAMESPACE {
namespace {

void moments(const float* x, size_t n, double epsilon, float* mean, float* inverse_deviation) {
  const double count = static_cast<double>(n);
  *mean = static_cast<float>(row_sum(x, n, ItselfTerm()) / count);
  const double variance = row_sum(x, n, DeviationTerm{splat(*mean)}) / count;
  *inverse_deviation = static_cast<float>(1 / std::sqrt(variance + epsilon));
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
  VecF mean, factor;
  HWY_INLINE VecF of(VecF v, VecF s, VecF b) const {
    const VecF unit = hn::Mul(hn::Sub(v, mean), factor);
    return kBias ? hn::MulAdd(unit, s, b) : hn::Mul(unit, s);
  }
  HWY_INLINE void whole(size_t j) const { store(of(load(x + j), load(scale + j), kBias ? load(bias + j) : mean), y + j); }
  HWY_INLINE void part(size_t j, size_t n) const {
    store_n(of(load_n(x + j, n), load_n(scale + j, n), kBias ? load_n(bias + j, n) : mean), y + j, n);
  }
};

HWY_INLINE void layer_row(const float* x, const float* scale, const float* bias, float* y, size_t n, double epsilon) {
  float mean, factor;
  moments(x, n, epsilon, &mean, &factor);
  if (bias) each_vector(n, Affine<true>{x, scale, bias, y, splat(mean), splat(factor)});
  else each_vector(n, Affine<false>{x, scale, bias, y, splat(mean), splat(factor)});
}

void layer(const float* x, const float* scale, const float* bias, float* y, int64_t rows, size_t n, double epsilon) {
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) layer_row(x, scale, bias, y, n, epsilon);
}

void rms(const float* x, const float* scale, float* y, int64_t rows, size_t n, double epsilon) {
  for (int64_t i = 0; i < rows; ++i, x += n, y += n) {
    const double mean_square = row_sum(x, n, SquareTerm()) / static_cast<double>(n);
    const float factor = static_cast<float>(1 / std::sqrt(mean_square + epsilon));
    each_vector(n, Affine<false>{x, scale, nullptr, y, hn::Zero(F32()), splat(factor)});
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
