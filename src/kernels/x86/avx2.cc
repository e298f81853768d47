// Compiled with AVX2 and FMA flags: includes nothing that defines functions for other files (see leaf.h).
#include <immintrin.h>

#include "kernels/x86/depthwise.h"
#include "kernels/x86/family.h"
#include "kernels/x86/leaf.h"
#include "kernels/x86/tile.h"

namespace tercel::kernels::x86 {

namespace {

struct Avx2 {
  using V = __m256;
  static constexpr int kLanes = 8, kTransposeBlock = 8;
  static void pin(V& v) { asm("" : "+x"(v)); }  // keeps a value in a register
  static V zero() { return _mm256_setzero_ps(); }
  static V set(float x) { return _mm256_set1_ps(x); }
  static V load(const float* p) { return _mm256_loadu_ps(p); }
  static V broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static void store(float* p, V v) { _mm256_storeu_ps(p, v); }
  // The first n floats, 0 < n <= kLanes; zeros behind.
  static __m256i first(int n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
  static V load_part(const float* p, int n) { return n == kLanes ? load(p) : _mm256_maskload_ps(p, first(n)); }
  static void store_part(float* p, int n, V v) {
    if (n == kLanes) store(p, v);
    else _mm256_maskstore_ps(p, first(n), v);
  }
  static V add(V a, V b) { return _mm256_add_ps(a, b); }
  static V sub(V a, V b) { return _mm256_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm256_mul_ps(a, b); }
  static V div(V a, V b) { return _mm256_div_ps(a, b); }
  static V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static V min(V a, V b) { return _mm256_min_ps(a, b); }
  static V max(V a, V b) { return _mm256_max_ps(a, b); }
  static V abs(V a) { return _mm256_andnot_ps(set(-0.0f), a); }
  static V copy_sign(V magnitude, V sign) { return _mm256_or_ps(magnitude, _mm256_and_ps(sign, set(-0.0f))); }
  static V round(V a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static V exp2_integer(V n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
  }
  static V select_less(V a, V b, V yes, V no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }

  static void transpose(const float* in, int64_t in_stride, float* out, int64_t out_stride, float scale) {
    V a[8], b[8];
    const V factor = set(scale);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) a[i] = mul(load(in + i * in_stride), factor);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
      b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
      a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
      a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
      a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      store(out + c * out_stride, _mm256_permute2f128_ps(a[c], a[4 + c], 0x20));
      store(out + (4 + c) * out_stride, _mm256_permute2f128_ps(a[c], a[4 + c], 0x31));
    }
  }
};

}  // namespace

constinit const Leaf kAvx2Leaf = leaf_of<Avx2>();
constinit const TileFamily kAvx2Tall = family_of<Avx2, 6, 2>(&kAvx2Leaf);
constinit const TileFamily kAvx2Wide = family_of<Avx2, 4, 3>(&kAvx2Leaf);

}  // namespace tercel::kernels::x86
